//! Archives that would write outside of their directory, or give rights away: none passes a byte of the entry.

use std::fmt::Write as _;

use tokio::io::AsyncReadExt as _;

use super::header::BLOCK_BYTES;
use super::{Confined, Inspected, check};
use crate::error::ErrorKind;

/// An archive under construction.
#[derive(Clone, Default)]
struct Tar(Vec<u8>);

impl Tar {
    fn entry(self, flag: u8, name: &str, link: &str, mode: u32) -> Self {
        self.with(flag, (name, link), mode, b"")
    }

    fn file(self, name: &str, content: &[u8]) -> Self {
        self.with(b'0', (name, ""), 0o644, content)
    }

    fn with(self, flag: u8, names: (&str, &str), mode: u32, content: &[u8]) -> Self {
        self.sized(flag, names, (mode, content.len() as u64), content)
    }

    fn sized(
        mut self,
        flag: u8,
        (name, link): (&str, &str),
        (mode, size): (u32, u64),
        content: &[u8],
    ) -> Self {
        let mut block = [0; BLOCK_BYTES];
        block[..name.len()].copy_from_slice(name.as_bytes());
        block[157..][..link.len()].copy_from_slice(link.as_bytes());
        let mut put = |at: usize, width: usize, number: u64| {
            let mut text = String::new();
            write!(text, "{number:0width$o}").unwrap();
            block[at..][..width].copy_from_slice(text.as_bytes());
        };
        put(100, 7, mode.into());
        put(108, 7, 0);
        put(116, 7, 0);
        put(124, 11, size);
        put(136, 11, 1);
        block[156] = flag;
        block[257..265].copy_from_slice(b"ustar  \0");
        summed(&mut block);
        self.0.extend(block);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(BLOCK_BYTES), 0);
        self
    }

    fn pax(self, records: &[(&str, &str)]) -> Self {
        let text: String = records.iter().map(|(key, value)| record(key, value)).collect();
        self.with(b'x', ("pax", ""), 0o644, text.as_bytes())
    }

    fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK_BYTES]);
        self.0
    }
}

fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length =
        (1..9).find(|digits| (rest.len() + digits).to_string().len() == *digits).unwrap() + rest.len();
    format!("{length}{rest}")
}

fn summed(block: &mut [u8; BLOCK_BYTES]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// Archives after whose first entry, a harmless file, comes what must not be unpacked.
fn hostile() -> Vec<(&'static str, Tar)> {
    let good = || Tar::default().entry(b'5', "./", "", 0o755).file("./harmless", b"harmless");
    let long = |name: &str| {
        good().with(b'L', ("././@LongLink", ""), 0o644, name.as_bytes()).file("./short", b"EVIL")
    };
    let far = "../".repeat(60) + "etc/cron.d/evil";
    vec![
        ("a name with ..", good().file("../evil", b"EVIL")),
        ("a name with .. in its middle", good().file("./a/../../evil", b"EVIL")),
        ("a name that ends in ..", good().entry(b'5', "a/..", "", 0o755)),
        ("an absolute name", good().file("/etc/cron.d/evil", b"EVIL")),
        ("two slashes", good().file("//etc/cron.d/evil", b"EVIL")),
        ("a long name with ..", long(&far)),
        ("a long absolute name", long("/etc/cron.d/evil\0")),
        ("a pax path with ..", good().pax(&[("path", "../evil")]).file("./short", b"EVIL")),
        (
            "a sparse name with ..",
            good().pax(&[("GNU.sparse.name", "../evil"), ("path", "x")]).file("./short", b"EVIL"),
        ),
        ("a name in a ustar prefix", {
            let mut tar = good().file("evil", b"EVIL");
            let at = tar.0.len() - 2 * BLOCK_BYTES;
            let block: &mut [u8; BLOCK_BYTES] = (&mut tar.0[at..at + BLOCK_BYTES]).try_into().unwrap();
            block[257..265].copy_from_slice(b"ustar\x0000");
            block[345..347].copy_from_slice(b"..");
            summed(block);
            tar
        }),
        ("a file below a symlink", good().entry(b'2', "./link", "/etc", 0o777).file("./link/evil", b"EVIL")),
        (
            "a file below a symlink to here",
            good().entry(b'2', "link", ".", 0o777).file("./link/evil", b"EVIL"),
        ),
        ("a file deep below a symlink", good().entry(b'2', "a/l", "/", 0o777).file("a//./l/b/evil", b"EVIL")),
        (
            "a file in place of a symlink",
            good().entry(b'2', "./link", "/etc/passwd", 0o777).file("link", b"EVIL"),
        ),
        (
            "a directory in place of a symlink",
            good().entry(b'2', "link", "/etc", 0o777).entry(b'5', "link/", "", 0o755),
        ),
        ("a symlink in place of the directory", good().entry(b'2', ".", "/etc", 0o777)),
        ("a file in place of the directory", good().file("./", b"").file(".", b"EVIL")),
        ("a hard link to outside", good().entry(b'1', "./evil", "/etc/passwd", 0o644)),
        ("a hard link to outside by ..", good().entry(b'1', "./evil", "../../etc/passwd", 0o644)),
        (
            "a hard link by way of a symlink",
            good().entry(b'2', "l", "/etc", 0o777).entry(b'1', "evil", "l/passwd", 0o644),
        ),
        (
            "a hard link to a symlink",
            good().entry(b'2', "l", "/etc/passwd", 0o777).entry(b'1', "evil", "./l", 0o644),
        ),
        (
            "a long hard link",
            good().with(b'K', ("l", ""), 0, far.as_bytes()).entry(b'1', "evil", "harmless", 0o644),
        ),
        (
            "a pax hard link",
            good().pax(&[("linkpath", "/etc/passwd")]).entry(b'1', "evil", "harmless", 0o644),
        ),
        ("a name of ours", good().file("./.deis-store-unpacking", b"EVIL")),
        ("a symlink with a name of ours", good().entry(b'2', ".deis-store-unpacking", "/etc", 0o777)),
        ("a name of ours further down", good().file("logs/.deis-store-x/evil", b"EVIL")),
        ("a character device", good().entry(b'3', "./mem", "", 0o666)),
        ("a block device", good().entry(b'4', "./sda", "", 0o666)),
        ("a fifo", good().entry(b'6', "./fifo", "", 0o666)),
        ("a type of which nothing is known", good().with(b'Z', ("odd", ""), 0o644, b"")),
        ("a setuid file", good().with(b'0', ("./sh", ""), 0o4755, b"EVIL")),
        ("a setgid file", good().with(b'0', ("./sh", ""), 0o2755, b"EVIL")),
        ("a setuid sparse file", good().with(b'S', ("./sh", ""), 0o4755, b"EVIL")),
        ("a setuid hard link", good().entry(b'1', "./sh", "harmless", 0o4755)),
        ("two sizes", good().pax(&[("size", "1024")]).sized(b'0', ("./x", ""), (0o644, 0), b"")),
        (
            "two names",
            good().with(b'L', ("l", ""), 0, b"a").with(b'L', ("l", ""), 0, b"b").file("x", b"EVIL"),
        ),
        (
            "two kinds of names",
            good().with(b'L', ("l", ""), 0, b"a").pax(&[("path", "b")]).file("x", b"EVIL"),
        ),
        ("one name twice", good().pax(&[("path", "a"), ("path", "../b")]).file("x", b"EVIL")),
        ("a name with a NUL", good().pax(&[("path", "a\0/../b")]).file("x", b"EVIL")),
        (
            "a global name",
            good().with(b'g', ("g", ""), 0, record("path", "../b").as_bytes()).file("x", b"EVIL"),
        ),
        ("a directory with content", good().with(b'5', ("d/", ""), 0o755, b"EVIL")),
        ("a symlink with content", good().with(b'2', ("l", "x"), 0o777, b"EVIL")),
        ("a name without an end", good().sized(b'L', ("l", ""), (0, (1 << 33) - 1), b"EVIL")),
        ("a size beyond all files", good().pax(&[("size", "18446744073709551615")]).file("x", b"EVIL")),
        ("a wrong checksum", {
            let mut tar = good().file("x", b"EVIL");
            let at = tar.0.len() - 2 * BLOCK_BYTES;
            tar.0[at] = b'y';
            tar
        }),
    ]
}

/// What passes of an archive that is read in pieces of a size, and the error.
async fn passed(archive: &[u8], piece_bytes: usize) -> (Vec<u8>, std::io::Result<usize>) {
    let pieces = in_pieces(archive, piece_bytes);
    let mut passed = Vec::new();
    let result = Confined::new(pieces).read_to_end(&mut passed).await;
    (passed, result)
}

/// A reader that gives so many bytes at a time.
fn in_pieces(bytes: &[u8], piece_bytes: usize) -> impl tokio::io::AsyncRead + Unpin {
    let pieces: Vec<_> = bytes
        .chunks(piece_bytes)
        .map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(piece)))
        .collect();
    tokio_util::io::StreamReader::new(futures_util::stream::iter(pieces))
}

#[tokio::test]
async fn no_byte_of_an_entry_that_must_not_be_unpacked_passes() {
    for (disease, tar) in hostile() {
        let archive = tar.end();
        for piece_bytes in [1, 100, 512, 4096, 1 << 20] {
            let (passed, result) = passed(&archive, piece_bytes).await;
            assert!(result.is_err(), "{disease} is taken");
            let evil = archive.len() - 2 * BLOCK_BYTES;
            assert!(passed.len() < evil && archive.starts_with(&passed), "{disease}: {}", passed.len());
            assert!(!passed.windows(4).any(|window| window == b"EVIL"), "{disease}");
        }
        let error = check(&archive[..]).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Guard), "{disease}: {error}");
        assert!(error.advice().is_some(), "{disease}");
    }
}

#[tokio::test]
async fn a_backup_names_what_a_restore_would_refuse() {
    for (disease, name) in [("a setuid file", "./sh"), ("a fifo", "./fifo"), ("a character device", "./mem")]
    {
        let archive = hostile().into_iter().find(|(known, _)| *known == disease).unwrap().1.end();
        let mut inspected = Inspected::new(&archive[..]);
        let mut passed = Vec::new();
        inspected.read_to_end(&mut passed).await.unwrap();
        assert!(passed == archive, "{disease}");
        let (summary, refused) = inspected.finish().unwrap();
        let names: Vec<&str> = refused.iter().map(|refused| refused.name.as_str()).collect();
        assert_eq!((summary.entries, &names[..]), (3, &[name][..]), "{disease}");
    }
}

#[tokio::test]
async fn what_is_in_honest_volumes_passes() {
    let big = "x".repeat(4000);
    let archive = Tar::default()
        .entry(b'5', "./", "", 0o1777)
        .entry(b'5', "./shared/", "", 0o2775)
        .entry(b'5', "././//./odd", "", 0o700)
        .with(b'0', ("./..not/...up/..", ""), 0, b"")
        .end();
    assert!(check(&archive[..]).await.is_err(), "the last one has a `..`");
    let archive = Tar::default()
        .entry(b'5', "./", "", 0o1777)
        .entry(b'5', "./shared/", "", 0o2775)
        .file("./..not/...up", b"x")
        .file("./new\nline", b"x")
        .entry(b'2', "./link", "../../etc/passwd", 0o777)
        .entry(b'2', "./dangling", "/nowhere", 0o777)
        .file("./linked", b"x")
        .entry(b'1', "./hard", "./linked", 0o644)
        .with(b'L', ("././@LongLink", ""), 0, big.as_bytes())
        .file("./short", b"x")
        .pax(&[("mtime", "1.5"), ("path", &big), ("SCHILY.xattr.user.x", "y"), ("size", "3")])
        .file("./short", b"xyz")
        .with(b'g', ("g", ""), 0, record("comment", "abc").as_bytes())
        .file("./last", &[b'x'; 1024])
        .end();
    for piece_bytes in [1, 511, 1 << 20] {
        let (passed, result) = passed(&archive, piece_bytes).await;
        result.unwrap();
        assert!(passed == archive);
    }
}

#[tokio::test]
async fn a_sparse_file_passes_with_its_map() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("sparse");
    let file = std::fs::File::create(&path).unwrap();
    for place in (0..60u64).map(|n| n << 20) {
        std::os::unix::fs::FileExt::write_all_at(&file, b"line\n", place).unwrap();
    }
    drop(file);
    for format in ["gnu", "pax"] {
        let format = format!("--format={format}");
        let tar = ["tar", "-cSf", "-", &format, "-C", directory.path().to_str().unwrap(), "."];
        let archive = crate::remote::run(&crate::remote::Local::default(), &tar).await.unwrap().stdout;
        assert!(archive.len() < 1 << 20, "it is sparse: {}", archive.len());
        for piece_bytes in [512, 1000, 1 << 20] {
            let (passed, result) = passed(&archive, piece_bytes).await;
            result.unwrap();
            assert!(passed == archive);
        }
        let mut inspected = Inspected::new(&archive[..]);
        inspected.read_to_end(&mut Vec::new()).await.unwrap();
        let (summary, refused) = inspected.finish().unwrap();
        assert_eq!((summary.entries, summary.file_bytes), (2, (59 << 20) + 5), "{format}");
        assert!(refused.is_empty());
    }
}
