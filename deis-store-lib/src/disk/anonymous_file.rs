//! Files without a name: they vanish with the last handle, or with the process.

use std::fs::File;
use std::path::Path;

use crate::error::{Result, disk_error};

/// A new file in a directory, to be written and read.
pub(crate) fn anonymous_file(directory: &Path) -> Result<File> {
    tempfile::tempfile_in(directory)
        .map_err(|error| disk_error("make a temporary file", directory.display(), error))
}
