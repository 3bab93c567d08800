//! Archives made by hand, and what a scan gives of one. For tests.

use std::fmt::Write as _;
use std::io;

use bytes::BytesMut;
use tokio::io::AsyncReadExt as _;

use super::encode;
use super::entry::{Entry, Sink};
use super::header::BLOCK_BYTES;
use super::policy::Policy;
use super::rewritten::Rewritten;
use super::scan::{Scan, Scanned};

/// Keeps the entries with their content, and sees that each comes as it must.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Kept {
    pub(super) entries: Vec<(Entry, Vec<u8>)>,
    pub(super) at_bytes: Vec<u64>,
    is_open: bool,
}

impl Kept {
    pub(super) fn paths(&self) -> Vec<String> {
        self.entries.iter().map(|(entry, _)| String::from_utf8_lossy(&entry.path).into_owned()).collect()
    }
}

impl Sink for Kept {
    fn entry(&mut self, entry: &Entry, at_bytes: u64) -> io::Result<()> {
        assert!(!self.is_open, "the entry before has not ended");
        assert!(at_bytes.is_multiple_of(512) && self.at_bytes.last().is_none_or(|last| at_bytes > *last));
        self.is_open = true;
        self.entries.push((entry.clone(), Vec::new()));
        self.at_bytes.push(at_bytes);
        Ok(())
    }

    fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        assert!(self.is_open && !bytes.is_empty());
        self.entries.last_mut().unwrap().1.extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        let (entry, content) = self.entries.last().unwrap();
        assert!(self.is_open && entry.kind.stored_bytes() == content.len() as u64, "{entry:?}");
        self.is_open = false;
        Ok(())
    }
}

/// The archive that is encoded of entries with their content.
pub(super) fn archive_of(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut out = BytesMut::new();
    for (entry, content) in entries {
        encode::entry(entry, &mut out);
        out.extend_from_slice(content);
        encode::padding(content.len() as u64, &mut out);
    }
    encode::end(out.len() as u64, &mut out);
    out.to_vec()
}

/// What a scan gives of an archive that is read in pieces of a size.
pub(super) fn scanned(archive: &[u8], policy: Policy, piece_bytes: usize) -> (Kept, io::Result<Scanned>) {
    let (mut scan, mut kept) = (Scan::new(policy), Kept::default());
    let pushed = archive.chunks(piece_bytes).try_for_each(|piece| scan.push(piece, &mut kept));
    let finished = scan.finish();
    (kept, pushed.and(finished))
}

/// An archive under construction.
#[derive(Clone, Default)]
pub(super) struct Tar(pub(super) Vec<u8>);

impl Tar {
    pub(super) fn entry(self, flag: u8, name: &str, link: &str, mode: u32) -> Self {
        self.with(flag, (name, link), mode, b"")
    }

    pub(super) fn file(self, name: &str, content: &[u8]) -> Self {
        self.with(b'0', (name, ""), 0o644, content)
    }

    pub(super) fn with(self, flag: u8, names: (&str, &str), mode: u32, content: &[u8]) -> Self {
        self.sized(flag, names, (mode, content.len() as u64), content)
    }

    pub(super) fn sized(
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

    pub(super) fn pax(self, records: &[(&str, &str)]) -> Self {
        let text: String = records.iter().map(|(key, value)| record(key, value)).collect();
        self.with(b'x', ("pax", ""), 0o644, text.as_bytes())
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.0.extend([0; 2 * BLOCK_BYTES]);
        self.0
    }
}

pub(super) fn record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let length =
        (1..9).find(|digits| (rest.len() + digits).to_string().len() == *digits).unwrap() + rest.len();
    format!("{length}{rest}")
}

pub(super) fn summed(block: &mut [u8; BLOCK_BYTES]) {
    block[148..156].copy_from_slice(b"        ");
    let sum: u64 = block.iter().map(|byte| u64::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

/// What passes of an archive that is read in pieces of a size, and the error.
pub(super) async fn passed(archive: &[u8], piece_bytes: usize) -> (Vec<u8>, std::io::Result<usize>) {
    let mut rewritten = Rewritten::new(in_pieces(archive, piece_bytes), Policy::default(), |_: &[u8]| true);
    let mut passed = Vec::new();
    let result = rewritten.read_to_end(&mut passed).await;
    if result.is_err() {
        assert!(rewritten.read(&mut [0; 10]).await.is_err(), "it fails for good");
    }
    assert_eq!(rewritten.scanned().is_some(), result.is_ok());
    (passed, result)
}

/// A reader that gives so many bytes at a time.
pub(super) fn in_pieces(bytes: &[u8], piece_bytes: usize) -> impl tokio::io::AsyncRead + Unpin {
    let pieces: Vec<_> = bytes
        .chunks(piece_bytes)
        .map(|piece| Ok::<_, std::io::Error>(bytes::Bytes::copy_from_slice(piece)))
        .collect();
    tokio_util::io::StreamReader::new(futures_util::stream::iter(pieces))
}
