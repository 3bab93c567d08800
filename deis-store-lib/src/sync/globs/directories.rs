//! The patterns of directories, for one local tree. Pure.

use std::path::Path;

use super::Globs;
use crate::tree::TreeEntry;

/// The patterns of directories, for one local tree.
#[derive(Clone, Debug)]
pub(in crate::sync) struct DirectoryPatterns {
    globs: Globs,
    /// The path of the tree as it was typed, with a `/` at its end: s3cmd matches with that.
    top: String,
}

impl DirectoryPatterns {
    pub(in crate::sync) fn new(globs: Globs, tree: &Path) -> Self {
        let mut top = tree.to_string_lossy().into_owned();
        if !top.ends_with('/') {
            top.push('/');
        }
        Self { globs, top }
    }

    /// Says of a directory's key whether the directory is not entered. So many bytes of the key are not its path.
    pub(in crate::sync) fn skip(&self, above_bytes: usize) -> impl Fn(&str) -> bool + Send + use<> {
        let patterns = self.clone();
        move |key| patterns.leave_out(key.get(above_bytes..).unwrap_or_default())
    }

    /// Whether a path is in a directory that is left out.
    pub(in crate::sync) fn protect(&self, path: &str) -> bool {
        self.globs.protects(&self.top, path)
    }

    /// Whether something is a symlink, perhaps of a directory, that is left out as a directory would be.
    pub(in crate::sync) fn leave_out_symlink(&self, entry: &TreeEntry, above_bytes: usize) -> bool {
        let path = entry.key.get(above_bytes..).unwrap_or_default();
        entry.found.is_err() && !entry.is_closed() && self.leave_out(&format!("{path}/"))
    }

    fn leave_out(&self, directory: &str) -> bool {
        self.globs.leave_out_directory(&[&self.top, directory].concat())
    }
}
