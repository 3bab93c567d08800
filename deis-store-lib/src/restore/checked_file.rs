//! A file of the snapshot, read once before anything is made of it.

use std::fs::File;
use std::io::Seek as _;

use crate::blocking::blocking;
use crate::disk::{CHUNK_BYTES, sha256_of};
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::part::Part;
use crate::snapshot::{FileDigest, SnapshotReader};

/// Opens a file of the snapshot, after it was read once and found to be what the manifest says.
pub(super) async fn checked_file(snapshot: &SnapshotReader, part: &Part) -> Result<File> {
    let (mut file, expected) = open(snapshot, part)?;
    blocking(move || {
        let failed =
            |error: std::io::Error| Error::new(ErrorKind::Disk, "cannot read the file").because(error);
        if sha256_of(&mut file, &mut vec![0; CHUNK_BYTES]).map_err(failed)?.1 != expected.sha256 {
            return Err(damaged("the file is not what it was when it was backed up", &expected.path));
        }
        file.rewind().map_err(failed)?;
        Ok(file)
    })
    .await
}

/// The size of a file of the snapshot, which is there and has the size that the manifest says. Its bytes are not read.
pub(super) fn size_bytes(snapshot: &SnapshotReader, part: &Part) -> Result<u64> {
    open(snapshot, part).map(|(_, expected)| expected.size_bytes)
}

fn open(snapshot: &SnapshotReader, part: &Part) -> Result<(File, FileDigest)> {
    let name = part.file_name().unwrap_or_default();
    let expected = snapshot.manifest().file(name).cloned();
    let expected = expected.ok_or_else(|| damaged("the manifest does not name this file", name))?;
    let file = snapshot.open_file(name).map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Occupied => damaged("the file is not there", name).because(error),
        _ => error,
    })?;
    let size_bytes = file.metadata().map_err(|error| disk_error("look at", name, error))?.len();
    if size_bytes != expected.size_bytes {
        let what = format!("the file has {size_bytes} bytes, and had {}", expected.size_bytes);
        return Err(damaged(&what, name));
    }
    Ok((file, expected))
}

fn damaged(what: &str, name: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
        .at(At::File, name)
        .todo("take another snapshot, or leave this part out")
}
