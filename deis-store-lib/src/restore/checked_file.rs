//! A file of the snapshot, read once before anything is made of it.

use std::fs::File;
use std::io::Seek as _;

use crate::blocking::blocking;
use crate::disk::{CHUNK_BYTES, sha256_of};
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::snapshot::SnapshotReader;

/// Opens a file of the snapshot, after it was read once and found to be what the manifest says.
pub(super) async fn checked_file(snapshot: &SnapshotReader, part: &Part) -> Result<File> {
    let name = part.file_name().unwrap_or_default();
    let expected = snapshot.manifest().file(name).cloned().ok_or_else(|| {
        Error::new(ErrorKind::Damaged, "the manifest does not name this file").at(At::File, name)
    })?;
    let mut file = snapshot.open_file(name)?;
    blocking(move || {
        let failed =
            |error: std::io::Error| Error::new(ErrorKind::Disk, "cannot read the file").because(error);
        if sha256_of(&mut file, &mut vec![0; CHUNK_BYTES]).map_err(failed)?.1 != expected.sha256 {
            return Err(Error::new(ErrorKind::Damaged, "the file is not what it was when it was backed up")
                .at(At::File, name)
                .todo("take another snapshot, or leave this part out"));
        }
        file.rewind().map_err(failed)?;
        Ok(file)
    })
    .await
}
