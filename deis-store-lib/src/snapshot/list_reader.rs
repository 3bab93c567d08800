//! One object list: gzipped JSON lines, sorted bytewise by key. One line is in memory at a time.

use std::io::{self, BufRead, BufReader, Read, Write};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use sha2::Digest;

use super::list_line::ListLine;
use super::manifest::FileDigest;
use crate::disk::NewFile;
use crate::error::{At, Context, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;
use crate::outcome::Counts;

/// Longer lines are refused. A key has 1,024 bytes, and all headers of a request 64 KiB.
const LONGEST_LINE_BYTES: u64 = 1 << 20;

/// Writes an object list.
#[derive(Debug)]
pub struct ListWriter {
    gzip: GzEncoder<NewFile>,
    sealed: SealedList,
    last: Option<String>,
}

/// What a list holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedList {
    /// Its name in `lists/`.
    pub name: String,
    /// What became of its keys.
    pub counts: Counts,
    /// Bytes of its objects that are on disk.
    pub bytes: u64,
}

impl ListWriter {
    pub(super) fn new(name: String, file: NewFile) -> Self {
        let gzip = GzEncoder::new(file, Compression::default());
        Self { gzip, sealed: SealedList { name, counts: Counts::default(), bytes: 0 }, last: None }
    }

    /// Writes a line. Keys come in order, and each once; what is on disk has a digest.
    pub fn add(&mut self, line: &ListLine) -> Result<()> {
        let internal = |what| Err(Error::new(ErrorKind::Internal, what).at(At::Key, &line.key));
        if self.last.as_ref().is_some_and(|last| *last >= line.key) {
            return internal("the keys of an object list come out of order");
        }
        if line.outcome.is_on_disk() {
            if line.sha256.is_none() {
                return internal("an object on disk without a digest");
            }
            self.sealed.bytes += line.size_bytes;
        }
        let mut text = serde_json::to_vec(line)
            .map_err(|error| Error::new(ErrorKind::Internal, "a line that is no JSON").because(error))?;
        text.push(b'\n');
        if text.len() as u64 > LONGEST_LINE_BYTES {
            return internal("a line of an object list is too long");
        }
        self.gzip.write_all(&text).map_err(|error| self.gzip.get_ref().write_error(error))?;
        self.sealed.counts.add(&line.outcome);
        self.last = Some(line.key.clone());
        Ok(())
    }

    /// Seals the list. It is synced with the snapshot's other files.
    pub fn finish(mut self) -> Result<SealedList> {
        self.gzip.try_finish().map_err(|error| self.gzip.get_ref().write_error(error))?;
        let file = self.gzip.finish().map_err(|error| {
            Error::new(ErrorKind::Internal, "an object list is not sealed").because(error)
        })?;
        file.commit(0o600, None, false)?;
        Ok(self.sealed)
    }
}

/// Reads an object list, and checks at its end that it is the one the manifest means. Ends after the first error.
#[derive(Debug)]
pub struct ListReader<R> {
    lines: BufReader<MultiGzDecoder<BufReader<Hashing<R>>>>,
    expected: FileDigest,
    last: Option<String>,
    ended: bool,
}

impl<R: Read> ListReader<R> {
    /// Reads a list of which the manifest says this.
    pub fn new(input: R, expected: FileDigest) -> Self {
        let hashing = Hashing { input, size_bytes: 0, sha256: sha2::Sha256::new() };
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::with_capacity(64 << 10, hashing)));
        Self { lines, expected, last: None, ended: false }
    }

    fn read(&mut self) -> Result<Option<ListLine>> {
        let mut text = Vec::new();
        (&mut self.lines)
            .take(LONGEST_LINE_BYTES)
            .read_until(b'\n', &mut text)
            .map_err(|error| read_error(&self.expected.path, error))?;
        if text.is_empty() {
            return self.check_digest().map(|()| None);
        }
        if text.pop() != Some(b'\n') {
            return Err(damaged("a line of the object list does not end"));
        }
        let line: ListLine = serde_json::from_slice(&text)
            .map_err(|error| damaged("a line of the object list is not what it should be").because(error))?;
        if self.last.as_ref().is_some_and(|last| *last >= line.key) {
            return Err(damaged("the keys of the object list are out of order").at(At::Key, &line.key));
        }
        self.last = Some(line.key.clone());
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::disk::Root;
    use crate::outcome::Outcome;

    fn line(key: &str) -> ListLine {
        let mut line = ListLine::new(key, 3, "e", "2015-10-21T07:28:00Z".parse().unwrap());
        line.sha256 = Some(Sha256::of(key.as_bytes()));
        line
    }

    fn written(lines: &[ListLine]) -> (Vec<u8>, SealedList) {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let mut list = ListWriter::new("l".to_owned(), root.new_file(&["l"]).unwrap());
        for line in lines {
            list.add(line).unwrap();
        }
        let sealed = list.finish().unwrap();
        (std::fs::read(directory.path().join("l")).unwrap(), sealed)
    }

    fn digest(bytes: &[u8]) -> FileDigest {
        FileDigest { path: "lists/l".to_owned(), size_bytes: bytes.len() as u64, sha256: Sha256::of(bytes) }
    }

    fn read(bytes: &[u8]) -> Result<Vec<ListLine>> {
        ListReader::new(bytes, digest(bytes)).collect()
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn what_is_written_is_read_and_counted() {
        let refused = ListLine { outcome: Outcome::Refused("no".to_owned()), sha256: None, ..line("c") };
        let lines = [line("a"), line("b/\u{20ac}\n"), refused];
        let (bytes, sealed) = written(&lines);
        assert_eq!(read(&bytes).unwrap(), lines);
        assert_eq!(
            (sealed.counts.listed, sealed.counts.stored, sealed.counts.refused, sealed.bytes),
            (3, 2, 1, 6)
        );
        assert!(read(&written(&[]).0).unwrap().is_empty());
    }

    #[test]
    fn keys_out_of_order_or_without_digest_are_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let file = Root::open(directory.path()).unwrap().new_file(&["l"]).unwrap();
        let mut list = ListWriter::new("l".to_owned(), file);
        list.add(&line("b")).unwrap();
        let without_digest = ListLine { sha256: None, ..line("c") };
        for wrong in [line("b"), line("a"), without_digest] {
            assert_eq!(list.add(&wrong).unwrap_err().kind(), ErrorKind::Internal);
        }
    }

    #[test]
    fn members_of_gzip_are_read_one_after_the_other() {
        let bytes = [written(&[line("a")]).0, written(&[line("b")]).0].concat();
        assert_eq!(read(&bytes).unwrap(), [line("a"), line("b")]);
    }

    #[test]
    fn damage_is_never_read_as_an_end() {
        let (good, _) = written(&[line("a"), line("b")]);
        let text = |lines: &str| gzip(lines.as_bytes());
        let a = serde_json::to_string(&line("a")).unwrap();
        let cases = [
            good[..good.len() - 1].to_vec(),
            good[..5].to_vec(),
            [&good[..], b"more"].concat(),
            text(&a),
            text(&format!("{a}\n{a}\n")),
            text("{}\n"),
            text("\n"),
            text(&" ".repeat(2 << 20)),
        ];
        for (case, bytes) in cases.iter().enumerate() {
            assert_eq!(read(bytes).unwrap_err().kind(), ErrorKind::Damaged, "case {case}");
        }
    }

    #[test]
    fn a_list_that_is_not_the_manifests_is_damaged_at_its_end() {
        let (bytes, _) = written(&[line("a")]);
        let (other, _) = written(&[line("b")]);
        let mut reader = ListReader::new(&other[..], digest(&bytes));
        assert!(reader.next().unwrap().is_ok());
        assert_eq!(reader.next().unwrap().unwrap_err().kind(), ErrorKind::Damaged);
        assert!(reader.next().is_none());
    }

    proptest! {
        #[test]
        fn no_input_panics(bytes: Vec<u8>) {
            let _ = read(&bytes);
            let _ = read(&gzip(&bytes));
        }
    }
}
