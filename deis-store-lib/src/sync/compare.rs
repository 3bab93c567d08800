//! Whether what a path names has the bytes of an object.

use crate::disk::Root;
use crate::error::{At, Context as _, Result, Scope, disk_error};
use crate::s3::op::ListedObject;
use crate::transfer::has_bytes_of;

/// Whether a file has the bytes that an object's `ETag` says. If the `ETag` says nothing, it has not.
pub(super) fn path_has_bytes_of(root: &Root, path: &[String], listed: &ListedObject) -> Result<bool> {
    let mut file = match root.open_file(path) {
        Ok(file) => file,
        // It has gone or been replaced since it was looked at, or it cannot be read and perhaps be replaced.
        Err(error) if error.scope() == Scope::Object => return Ok(false),
        Err(error) => return Err(error),
    };
    has_bytes_of(&mut file, listed)
        .map_err(|error| disk_error("read", path.join("/"), error))
        .at(At::Key, &listed.key)
}
