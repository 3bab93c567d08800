//! Reads an object list: gzipped JSON lines, sorted bytewise by key. One line is in memory at a time.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;
use sha2::Digest;

use super::list_line::{LONGEST_LINE_BYTES, ListLine};
use super::manifest::FileDigest;
use crate::error::{At, Context, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;

/// Reads an object list, and checks at its end that it is the one the manifest means. Ends after the first error.
#[derive(Debug)]
pub(crate) struct ListReader<R> {
    lines: BufReader<MultiGzDecoder<BufReader<Hashing<R>>>>,
    expected: FileDigest,
    /// The bytes of the last line, and its key.
    text: Vec<u8>,
    last: Option<String>,
    ended: bool,
}

impl<R: Read> ListReader<R> {
    /// Reads a list of which the manifest says this.
    pub(crate) fn new(input: R, expected: FileDigest) -> Self {
        let hashing = Hashing { input, size_bytes: 0, sha256: sha2::Sha256::new() };
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::with_capacity(64 << 10, hashing)));
        Self { lines, expected, text: Vec::new(), last: None, ended: false }
    }

    fn read(&mut self) -> Result<Option<ListLine>> {
        let text = &mut self.text;
        text.clear();
        (&mut self.lines)
            .take(LONGEST_LINE_BYTES)
            .read_until(b'\n', text)
            .map_err(|error| read_error(&self.expected.path, error))?;
        if text.is_empty() {
            return self.check_digest().map(|()| None);
        }
        if text.pop() != Some(b'\n') {
            return Err(damaged("a line of the object list does not end"));
        }
        let line: ListLine = serde_json::from_slice(text)
            .map_err(|error| damaged("a line of the object list is not what it should be").because(error))?;
        if self.last.as_ref().is_some_and(|last| *last >= line.key) {
            return Err(damaged("the keys of the object list are out of order").at(At::Key, &line.key));
        }
        self.last.get_or_insert_default().clone_from(&line.key);
        Ok(Some(line))
    }

    fn check_digest(&self) -> Result<()> {
        let hashing = self.lines.get_ref().get_ref().get_ref();
        let sha256 = Sha256(hashing.sha256.clone().finalize().into());
        if (hashing.size_bytes, sha256) == (self.expected.size_bytes, self.expected.sha256) {
            return Ok(());
        }
        Err(damaged("the object list is not the one that the manifest means"))
    }
}

impl<R: Read> Iterator for ListReader<R> {
    type Item = Result<ListLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.read().at(At::List, &self.expected.path).transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}

#[derive(Debug)]
struct Hashing<R> {
    input: R,
    size_bytes: u64,
    sha256: sha2::Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(buffer)?;
        self.sha256.update(&buffer[..count]);
        self.size_bytes += count as u64;
        Ok(count)
    }
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}

/// An error of the operating system is the disk's; every other one is the decoder's.
fn read_error(path: &str, error: io::Error) -> Error {
    if error.raw_os_error().is_some() {
        return disk_error("read", path, error);
    }
    damaged("the object list cannot be unpacked").because(error)
}
