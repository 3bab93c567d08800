//! Whether a file has the bytes of an object.

use std::fs::File;
use std::io;

use crate::disk::read_chunks;
use crate::s3::Check;
use crate::s3::op::ListedObject;

/// Whether an open file has the bytes that the `ETag` of a listed object says. If the `ETag` says nothing, it has not.
pub(crate) fn has_bytes_of(file: &mut File, listed: &ListedObject) -> io::Result<bool> {
    let mut check = Check::listed(listed);
    read_chunks(file, |chunk| check.update(chunk))?;
    Ok(check.agrees())
}
