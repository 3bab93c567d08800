//! Partial files: path-written ones that earlier runs have left in a directory. The walk finds them, and they are removed
//! when they are of no use any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::blocking::blocking;
use crate::disk::{Root, partial_name};
use crate::error::Result;

/// More are left where they are until the next run.
const MOST: usize = 10_000;

/// Partial files by the object they are of. The walk of a directory has found all of them before any object there is
/// looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartialFiles(Arc<Mutex<BTreeMap<String, Vec<Vec<String>>>>>);

impl PartialFiles {
    /// Notes the path of a partial file.
    pub(crate) fn found(&self, path: Vec<String>) {
        let mut paths = self.lock();
        let object = path.last().map_or("", |name| object(name)).to_owned();
        if paths.len() < MOST {
            paths.entry(object).or_default().push(path);
        }
    }

    /// Removes those of an object that is whole now, by its key below the directory.
    pub(crate) async fn remove_of(&self, root: &Root, key: &str) -> Result<()> {
        if self.lock().is_empty() {
            return Ok(());
        }
        let paths = self.lock().remove(object(&partial_name(key, "")));
        remove(root, paths.into_iter().flatten().collect()).await
    }

    /// Removes all that are left.
    pub(crate) async fn remove_all(&self, root: &Root) -> Result<()> {
        let paths = std::mem::take(&mut *self.lock());
        remove(root, paths.into_values().flatten().collect()).await
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Vec<String>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a partial file's name that is the object's: all but the `ETag`.
fn object(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(object, _)| object)
}

async fn remove(root: &Root, paths: Vec<Vec<String>>) -> Result<()> {
    if paths.is_empty() {
        return Ok(());
    }
    let root = root.clone();
    blocking(move || {
        for path in &paths {
            // A partial file that stays does no harm but by its size, and the next run tries again.
            let _ = root.remove_partial(path);
        }
        Ok(())
    })
    .await
}
