//! The lists of a part as one: merged bytewise by key, memory flat.

use std::fs::File;

use super::list_line::ListLine;
use super::list_reader::ListReader;
use crate::error::{At, Error, ErrorKind, Result};
use crate::tree::{Keyed, MergeSorted};

/// The lines of all lists of a part, in order of their keys. Ends after the first error. It reads files: in async
/// code, use it in a blocking task.
#[derive(Debug)]
pub(crate) struct MergedListReader {
    merged: MergeSorted<ListLine, ListReader<File>>,
    last: Option<String>,
    ended: bool,
}

impl MergedListReader {
    pub(super) fn new(lists: impl IntoIterator<Item = ListReader<File>>) -> Self {
        let by_key = |a: &ListLine, b: &ListLine| a.key.cmp(&b.key);
        Self { merged: MergeSorted::new(lists, by_key), last: None, ended: false }
    }

    fn read(&mut self) -> Result<Option<ListLine>> {
        let Some(line) = self.merged.next().transpose()? else { return Ok(None) };
        if self.last.as_ref() == Some(&line.key) {
            let error = Error::new(ErrorKind::Damaged, "two object lists of the part have the same key");
            return Err(error.at(At::Key, &line.key));
        }
        self.last.get_or_insert_default().clone_from(&line.key);
        Ok(Some(line))
    }
}

impl Iterator for MergedListReader {
    type Item = Result<ListLine>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let line = self.read().transpose();
        self.ended = !matches!(line, Some(Ok(_)));
        line
    }
}

impl Keyed for ListLine {
    fn key(&self) -> &str {
        &self.key
    }
}
