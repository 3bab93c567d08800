//! The lists of a part as one: merged bytewise by key, memory flat.

use std::fs::File;
use std::iter::Peekable;

use super::list_line::ListLine;
use super::list_reader::ListReader;
use crate::error::{At, Error, ErrorKind, Result};

/// The lines of all lists of a part, in order of their keys. Ends after the first error. It reads files: in async
/// code, use it in a blocking task.
#[derive(Debug)]
pub struct MergedListReader {
    lists: Vec<Peekable<ListReader<File>>>,
    last: Option<String>,
    ended: bool,
}

impl MergedListReader {
    pub(super) fn new(lists: impl IntoIterator<Item = ListReader<File>>) -> Self {
        Self { lists: lists.into_iter().map(Iterator::peekable).collect(), last: None, ended: false }
    }

    fn read(&mut self) -> Result<Option<ListLine>> {
        let mut first: Option<(usize, &str)> = None;
        for (index, list) in self.lists.iter_mut().enumerate() {
            match list.peek() {
                Some(Ok(line)) if first.is_none_or(|(_, key)| *line.key < *key) => {
                    first = Some((index, &line.key));
                }
                Some(Ok(_)) | None => (),
                Some(Err(_)) => {
                    first = Some((index, ""));
                    break;
                }
            }
        }
        let Some((index, _)) = first else { return Ok(None) };
        let Some(line) = self.lists[index].next().transpose()? else { return Ok(None) };
        if self.last.as_ref() == Some(&line.key) {
            let error = Error::new(ErrorKind::Damaged, "two object lists of the part have the same key");
            return Err(error.at(At::Key, &line.key));
        }
        self.last = Some(line.key.clone());
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
