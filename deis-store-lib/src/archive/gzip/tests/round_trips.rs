use std::io::Read as _;
use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;
use crate::archive::gzip::member::announced_bytes;

#[tokio::test]
async fn what_goes_in_comes_out_around_each_border_of_a_member() {
    for bytes in [0, 1, 2, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB + 5] {
        for plain in [lines(bytes), noise(bytes), vec![0; bytes]] {
            assert!(unzipped(&zipped(&plain).await).await.unwrap() == plain, "{bytes} bytes");
        }
    }
}

#[tokio::test]
async fn each_mib_is_one_member_that_says_its_length() {
    for (bytes, members) in [(0, 1), (1, 1), (MIB, 1), (MIB + 1, 2), (3 * MIB + 5, 4)] {
        for plain in [lines(bytes), noise(bytes)] {
            let zipped = zipped(&plain).await;
            let mut rest = &zipped[..];
            for _ in 0..members {
                rest = &rest[announced_bytes(rest).unwrap()..];
            }
            assert!(rest.is_empty(), "{} bytes follow the members of {bytes} bytes", rest.len());
        }
    }
}

/// A few of the pieces at the end are as easy as those at the beginning are hard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_in_order_however_long_each_takes() {
    let plain: Vec<u8> = (0..12).flat_map(|n| if n % 3 == 0 { noise(MIB) } else { vec![n; MIB] }).collect();
    assert!(unzipped(&zipped(&plain).await).await.unwrap() == plain);
}

#[tokio::test]
async fn every_other_reader_reads_our_members() {
    for bytes in [0, 1, 2 * MIB + 5] {
        let plain = lines(bytes);
        let zipped = zipped(&plain).await;
        let mut read = Vec::new();
        flate2::bufread::MultiGzDecoder::new(&zipped[..]).read_to_end(&mut read).unwrap();
        assert!(read == plain, "flate2");
        let python = "import gzip, sys; sys.stdout.buffer.write(gzip.decompress(sys.stdin.buffer.read()))";
        for (program, arguments) in [("gzip", ["-dc", "-"]), ("python3", ["-c", python])] {
            assert!(piped(Command::new(program).args(arguments), &zipped) == plain, "{program}");
        }
    }
}

fn piped(command: &mut Command, input: &[u8]) -> Vec<u8> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input).unwrap());
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{command:?}");
        output.stdout
    })
}

#[tokio::test]
async fn members_of_ours_and_of_others_may_alternate() {
    let plain = lines(3 * MIB);
    let (a, rest) = plain.split_at(MIB + 7);
    let (b, rest) = rest.split_at(700_000);
    let (c, d) = rest.split_at(1);
    let ours_first = [zipped(a).await, foreign(b), zipped(c).await, foreign(b""), zipped(d).await].concat();
    let theirs_first = [foreign(a), foreign(b), zipped(c).await, zipped(b"").await, foreign(d)].concat();
    for mixed in [ours_first, theirs_first] {
        assert!(unzipped(&mixed).await.unwrap() == plain);
    }
}

#[tokio::test]
async fn a_header_like_ours_with_another_length_field_is_anybody_s() {
    let ours = zipped(b"of another program").await;
    // It says less than any member has, more than ours may have, or something else.
    for field in
        [*b"DS\x04\0\x1d\0\0\0", *b"DS\x04\0\xff\xff\xff\xff", *b"BC\x04\0\x28\0\0\0", *b"DS\x03\0abcd"]
    {
        let mut theirs = ours.clone();
        theirs[12..20].copy_from_slice(&field);
        assert_eq!(unzipped(&theirs).await.unwrap(), b"of another program", "{field:?}");
    }
}

/// A reader that gives a few bytes at a time.
async fn in_drops(bytes: &[u8], drop_bytes: usize) -> io::Result<Vec<u8>> {
    let mut mock = futures_util::stream::iter(bytes.chunks(drop_bytes).map(Ok::<_, io::Error>));
    whole(decompress(tokio_util::io::StreamReader::new(&mut mock))).await
}

#[tokio::test]
async fn it_does_not_matter_in_what_pieces_the_bytes_come() {
    let plain = lines(40_000);
    let mixed =
        [zipped(&plain[..3]).await, foreign(&plain[3..20_000]), zipped(&plain[20_000..]).await].concat();
    for drop_bytes in [1, 7, 19, 20, 21, 1000] {
        assert!(in_drops(&mixed, drop_bytes).await.unwrap() == plain, "{drop_bytes} at a time");
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn anything_comes_back(pieces in prop::collection::vec((any::<u8>(), 1..700_000usize, any::<bool>()), 0..6)) {
        let plain: Vec<u8> =
            pieces.iter().flat_map(|(byte, bytes, hard)| if *hard { noise(*bytes) } else { vec![*byte; *bytes] }).collect();
        let back = runtime().block_on(async { unzipped(&zipped(&plain).await).await });
        prop_assert!(back.unwrap() == plain);
    }
}
