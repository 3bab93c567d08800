//! The objects of one part on disk, with their lists: of a finished snapshot, or of one that is being made.

use std::fs::File;
use std::io::Read as _;

use super::list_line::ListLine;
use super::list_reader::ListReader;
use super::manifest::FileDigest;
use super::merged_list_reader::MergedListReader;
use crate::contents::Contents;
use crate::disk::{CHUNK_BYTES, Root, sha256_of};
use crate::error::{At, Context as _, Error, ErrorKind, Result, disk_error};
use crate::hash::Sha256;
use crate::part::Part;
use crate::restorable::{HeldBack, Judge, Judged, LARGEST_REFERENCE_BYTES, Seen};

/// The objects of a part on disk, with their lists.
#[derive(Clone, Debug)]
pub(crate) struct PartObjects {
    pub(super) root: Root,
    pub(super) part: Part,
    /// The digests of the lists, by their paths.
    pub(super) lists: Vec<FileDigest>,
}

impl PartObjects {
    /// What the part holds.
    pub(crate) fn contents(&self) -> Contents {
        self.part.contents().unwrap_or_default()
    }

    /// The listed keys with their outcomes, in order of the keys.
    pub(crate) fn lines(&self) -> Result<MergedListReader> {
        let lists = self.lists.iter().map(|list| self.list(list));
        Ok(MergedListReader::new(lists.collect::<Result<Vec<_>>>()?))
    }

    /// An error if a list is not the one that the manifest means. Its lines could still be read one by one, up to where that
    /// is seen.
    pub(super) fn check_lists(&self) -> Result<()> {
        let mut buffer = vec![0; CHUNK_BYTES];
        for list in &self.lists {
            let mut file = self.open_list(list)?;
            let (size_bytes, sha256) =
                sha256_of(&mut file, &mut buffer).map_err(|error| disk_error("read", &list.path, error))?;
            if (size_bytes, sha256) != (list.size_bytes, list.sha256) {
                let error =
                    Error::new(ErrorKind::Damaged, "the object list is not the one that the manifest means");
                return Err(error.at(At::List, &list.path));
            }
        }
        Ok(())
    }

    pub(super) fn list(&self, list: &FileDigest) -> Result<ListReader<File>> {
        Ok(ListReader::new(self.open_list(list)?, list.clone()))
    }

    fn open_list(&self, list: &FileDigest) -> Result<File> {
        let path: Vec<&str> = list.path.split('/').collect();
        self.root.open_file(&path).at(At::List, &list.path)
    }

    /// Opens the file of an object.
    pub(crate) fn open(&self, line: &ListLine) -> Result<File> {
        let mut path = line.path()?;
        path.insert(0, self.part.name().to_owned());
        self.root.open_file(&path)
    }

    /// What refers to something that is not there, and what of that is not. The caller has told what is lost.
    pub(crate) fn held_back(&self, judge: Judge) -> Result<HeldBack> {
        Ok(self.judged(judge)?.held_back)
    }

    /// The verdict on them. The caller has told what is lost, and what was read.
    pub(crate) fn judged(&self, mut judge: Judge) -> Result<Judged> {
        while !judge.is_idle() {
            for line in self.lines()? {
                let line = line?;
                let seen = Seen { key: &line.key, modified: Some(line.modified), sha256: line.sha256 };
                if line.outcome.is_on_disk() && judge.see(seen) {
                    judge.show(&line.key, self.small(&line).as_deref());
                }
            }
            if !judge.next_round() {
                break;
            }
        }
        Ok(judge.judged())
    }

    /// The bytes of a small object; nothing if they are not what they were.
    fn small(&self, line: &ListLine) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        let file = self.open(line).ok()?;
        file.take(LARGEST_REFERENCE_BYTES).read_to_end(&mut bytes).ok()?;
        (line.sha256 == Some(Sha256::of(&bytes))).then_some(bytes)
    }
}
