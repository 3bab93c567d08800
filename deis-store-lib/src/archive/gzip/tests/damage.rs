use super::*;
use crate::archive::gzip::member::{self, HEADER_BYTES};

/// Members of ours, of another program, and of ours, short enough to damage every bit of them; and where each ends.
async fn small() -> (Vec<u8>, Vec<u8>, [usize; 3]) {
    let plain = lines(200);
    let (a, b, c) = (zipped(&plain[..90]).await, foreign(&plain[90..150]), zipped(&plain[150..]).await);
    let ends = [a.len(), a.len() + b.len(), a.len() + b.len() + c.len()];
    (plain, [a, b, c].concat(), ends)
}

/// Two members of ours.
async fn large() -> (Vec<u8>, Vec<u8>) {
    let plain = noise(MIB + 5000);
    let zipped = zipped(&plain).await;
    (plain, zipped)
}

#[tokio::test]
async fn a_file_cut_anywhere_within_a_member_is_an_error() {
    let (_, zipped, ends) = small().await;
    for end in (0..zipped.len()).filter(|end| !ends.contains(end)) {
        assert!(unzipped(&zipped[..end]).await.is_err(), "cut to {end} of {}", zipped.len());
    }
    let (_, zipped) = large().await;
    for end in [MIB / 2, MIB, zipped.len() - 4000, zipped.len() - 8, zipped.len() - 1] {
        assert!(unzipped(&zipped[..end]).await.is_err(), "cut to {end} of {}", zipped.len());
    }
}

#[tokio::test]
async fn a_file_cut_between_two_members_is_a_whole_one() {
    let (plain, zipped, ends) = small().await;
    for (end, plain_bytes) in ends.into_iter().zip([90, 150, 200]) {
        assert!(unzipped(&zipped[..end]).await.unwrap() == plain[..plain_bytes], "cut to {end}");
    }
}

#[tokio::test]
async fn what_follows_the_last_member_is_an_error() {
    let (_, zipped, _) = small().await;
    let header = &zipped[..HEADER_BYTES];
    let nothing: &[u8] = &[0; 512];
    for garbage in [b"x", b"\0", nothing, b"\x1f\x8b", header, &header[..19], b"garbage after the end"] {
        let spoiled = [&zipped, garbage].concat();
        assert!(unzipped(&spoiled).await.is_err(), "{garbage:?}");
    }
}

/// A time, a mark or another length in the header may change nothing; all else is an error.
#[tokio::test]
async fn a_flipped_bit_never_gives_other_bytes() {
    let (plain, zipped, _) = small().await;
    let mut errors = 0;
    for bit in 0..zipped.len() * 8 {
        let mut spoiled = zipped.clone();
        spoiled[bit / 8] ^= 1 << (bit % 8);
        match unzipped(&spoiled).await {
            Ok(read) => assert!(read == plain, "bit {bit}"),
            Err(_) => errors += 1,
        }
    }
    assert!(errors > zipped.len() * 4, "only {errors} of {} are errors", zipped.len() * 8);
}

#[tokio::test]
async fn a_flipped_bit_of_content_or_checksum_is_an_error() {
    let (_, zipped) = large().await;
    for place in [HEADER_BYTES + 1000, MIB / 2, MIB + 2000, zipped.len() - 6, zipped.len() - 2] {
        let mut spoiled = zipped.clone();
        spoiled[place] ^= 1;
        assert!(unzipped(&spoiled).await.is_err(), "at {place}");
    }
}

#[tokio::test]
async fn nothing_comes_after_an_error() {
    let plain = lines(3 * MIB);
    let mut spoiled = zipped(&plain).await;
    let second = member::announced_bytes(&spoiled).unwrap();
    spoiled[second + 5000] ^= 1;
    let mut reader = decompress(&spoiled[..]);
    let (mut read, mut errors) = (Vec::new(), 0);
    for _ in 0..10 {
        errors += usize::from(reader.read_to_end(&mut read).await.is_err());
    }
    assert!(read == plain[..MIB]);
    assert_eq!(errors, 10, "an error must not look like an end later");
}

/// `member` with another length in its header.
fn lying(member: &[u8], length: usize) -> Vec<u8> {
    let mut lying = member.to_vec();
    lying[16..HEADER_BYTES].copy_from_slice(&u32::try_from(length).unwrap().to_le_bytes());
    lying
}

#[tokio::test]
async fn a_member_that_says_another_length_than_it_has_is_an_error() {
    let (first, second) = (zipped(&lines(300)).await, zipped(&lines(300)).await);
    // Shorter, longer, into the next one, to its end, and beyond that.
    for length in 30..first.len() + second.len() + 20 {
        let lying = [lying(&first, length), second.clone()].concat();
        let read = unzipped(&lying).await;
        assert_eq!(read.is_ok(), length == first.len(), "{length} for {}", first.len());
    }
}

/// To every other reader the hidden bytes would be garbage, or the next member.
#[tokio::test]
async fn nothing_hides_between_the_end_of_the_stream_and_the_trailer() {
    let honest = zipped(b"seen").await;
    let trailer = &honest[honest.len() - 8..];
    for hidden in [b"".to_vec(), b"x".to_vec(), zipped(b"hidden").await, foreign(b"hidden")] {
        let whole = [&honest, &hidden, trailer].concat();
        let error = unzipped(&lying(&whole, whole.len())).await.unwrap_err();
        assert_eq!(error.to_string(), "a gzip member is not as long as it says");
    }
}

#[tokio::test]
async fn a_member_has_no_more_bytes_than_it_says_and_no_more_than_it_may() {
    let large = member::deflate(&vec![0; MIB + 1], libdeflater::CompressionLvl::default()).unwrap();
    assert!(unzipped(&large).await.is_err());
    let honest = zipped(&vec![0; MIB]).await;
    for plain_bytes in [0, 1, MIB - 1, MIB + 1, 1 << 30, u32::MAX as usize] {
        let mut bomb = honest.clone();
        let trailer = bomb.len() - 4;
        bomb[trailer..].copy_from_slice(&u32::try_from(plain_bytes).unwrap().to_le_bytes());
        assert!(unzipped(&bomb).await.is_err(), "{plain_bytes} bytes");
    }
}
