//! A name that no snapshot has.

use super::name::{SnapshotName, UNFINISHED};
use crate::disk::Root;
use crate::error::Result;

/// This name, or the next one that no snapshot of the repository has, finished or not.
pub(super) fn free_from(repository: &Root, mut name: SnapshotName) -> Result<SnapshotName> {
    let is_there = |name: &str| Ok::<_, crate::Error>(repository.kind(&[name])?.is_some());
    while is_there(name.as_str())? || is_there(&format!("{name}{UNFINISHED}"))? {
        name = name.next()?;
    }
    Ok(name)
}
