//! Many records in little memory: they are written once and read once, in order. Pure.

use std::io::{self, BufRead as _, BufReader, Cursor, Write as _};
use std::marker::PhantomData;

use flate2::Compression;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// How much is read of a record's line at a time; there may be one reader for each of many runs.
const READ_BYTES: usize = 4 << 10;

/// Records that are being packed.
pub(crate) struct SpillWriter<T> {
    lines: DeflateEncoder<Vec<u8>>,
    count: u64,
    of: PhantomData<fn(&T)>,
}

impl<T: Serialize> SpillWriter<T> {
    pub(crate) fn new() -> Self {
        let lines = DeflateEncoder::new(Vec::new(), Compression::fast());
        Self { lines, count: 0, of: PhantomData }
    }

    pub(crate) fn push(&mut self, record: &T) -> Result<()> {
        self.count += 1;
        serde_json::to_writer(&mut self.lines, record).map_err(io::Error::from).map_err(lost)?;
        self.lines.write_all(b"\n").map_err(lost)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    pub(crate) fn packed(self) -> Result<SpillReader<T>> {
        let mut deflated = self.lines.finish().map_err(lost)?;
        deflated.shrink_to_fit();
        Ok(SpillReader { deflated, of: PhantomData })
    }
}

/// Records that are held deflated, in about a tenth of their size if they are like each other, as sorted keys are.
pub(crate) struct SpillReader<T> {
    deflated: Vec<u8>,
    of: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> SpillReader<T> {
    /// All of them, in the order in which they were pushed.
    pub(crate) fn unpack(self) -> impl Iterator<Item = Result<T>> + Send + use<T> {
        let deflated = DeflateDecoder::new(Cursor::new(self.deflated));
        let mut lines = BufReader::with_capacity(READ_BYTES, deflated);
        let mut line = Vec::new();
        std::iter::from_fn(move || {
            line.clear();
            match lines.read_until(b'\n', &mut line) {
                Ok(0) => None,
                Ok(_) => Some(serde_json::from_slice(&line).map_err(io::Error::from).map_err(lost)),
                Err(error) => Some(Err(lost(error))),
            }
        })
    }
}

fn lost(error: io::Error) -> Error {
    Error::new(ErrorKind::Internal, "what was packed cannot be read").because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_comes_back_in_its_order() {
        let mut packing = SpillWriter::new();
        let records: Vec<(String, Vec<String>)> =
            (0..1000).map(|number| (format!("{number}\n\0é"), vec!["a".repeat(number)])).collect();
        for record in &records {
            packing.push(record).unwrap();
        }
        assert_eq!(packing.count(), 1000);
        let unpacked = packing.packed().unwrap().unpack();
        assert_eq!(unpacked.collect::<Result<Vec<_>>>().unwrap(), records);
        assert_eq!(SpillWriter::<String>::new().packed().unwrap().unpack().count(), 0);
    }

    #[test]
    fn sorted_keys_take_a_few_bytes_each() {
        let mut packing = SpillWriter::new();
        for number in 0..100_000 {
            packing.push(&format!("wal_005/{number:024X}.lzo")).unwrap();
        }
        assert!(packing.lines.finish().unwrap().len() < 1_000_000);
    }
}
