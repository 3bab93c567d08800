//! Whether the files of a snapshot are there: what can be known without reading the bytes of any object.

use std::fmt;
use std::fs::File;

use super::list_line::ListLine;
use super::part_objects::PartObjects;
use super::reader::SnapshotReader;
use crate::disk::Finder;
use crate::error::{At, Context as _, Error, ErrorKind, Result, disk_error};
use crate::outcome::PartOutcome;
use crate::run::Stop;

impl SnapshotReader {
    /// An error names the first list that is not as it was, or the first file that is not there or has another size.
    pub(crate) fn look_for_files(&self, stop: &Stop) -> Result<()> {
        let manifest = self.manifest();
        for file in &manifest.files {
            stop.check()?;
            let found = self.open_file(&file.path);
            found.and_then(|found| has_size(&found, &file.path, file.size_bytes)).at(At::File, &file.path)?;
        }
        let stored = manifest.parts.iter().filter(|(_, entry)| entry.outcome == PartOutcome::Stored);
        for (part, _) in stored.filter(|(part, _)| part.as_bucket().is_some()) {
            let objects = self.objects(part)?;
            objects.check_lists().at(At::Part, part)?;
            // A bucket without an object needs no directory.
            let mut finder = self.root().subdirectory(part.name(), false).ok().map(|root| Finder::new(&root));
            for line in objects.lines().at(At::Part, part)? {
                stop.check()?;
                let line = line.at(At::Part, part)?;
                if !line.outcome.is_on_disk() {
                    continue;
                }
                let path = line.path()?;
                let found_bytes = finder.as_mut().and_then(|finder| finder.size_bytes(&path));
                if found_bytes != Some(line.size_bytes) {
                    // This says what is wrong with it.
                    objects.look_for(&line).at(At::Part, part).at(At::Key, &line.key)?;
                }
            }
        }
        Ok(())
    }
}

impl PartObjects {
    /// An error if the file of an object is not there, or has another size.
    pub(crate) fn look_for(&self, line: &ListLine) -> Result<()> {
        has_size(&self.open(line)?, &line.key, line.size_bytes)
    }
}

fn has_size(file: &File, name: impl fmt::Display, size_bytes: u64) -> Result<()> {
    let found = file.metadata().map_err(|error| disk_error("look at", name, error))?.len();
    if found == size_bytes {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Damaged, format!("its file has {found} bytes, and had {size_bytes}")))
}
