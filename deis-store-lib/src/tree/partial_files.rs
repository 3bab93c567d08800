//! What earlier runs have left half-written in a directory: found by the walk, and removed when it is of no use any more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::blocking::blocking;
use crate::disk::{Root, partial_name};
use crate::error::Result;

/// More are left where they are until the next run.
const MOST: usize = 10_000;

/// Halves by the object they are of. The walk of a directory has found all of it before any object there is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct PartialFiles(Arc<Mutex<BTreeMap<String, Vec<Vec<String>>>>>);

impl PartialFiles {
    /// Notes the path of a half.
    pub(crate) fn found(&self, path: Vec<String>) {
        let mut halves = self.lock();
        let object = path.last().map_or("", |name| object(name)).to_owned();
        if halves.len() < MOST {
            halves.entry(object).or_default().push(path);
        }
    }

    /// Removes those of an object, by its key below the directory, which is whole now.
    pub(crate) async fn remove_of(&self, root: &Root, key: &str) -> Result<()> {
        if self.lock().is_empty() {
            return Ok(());
        }
        let halves = self.lock().remove(object(&partial_name(key, "")));
        remove(root, halves.into_iter().flatten().collect()).await
    }

    /// Removes all that are left.
    pub(crate) async fn remove_all(&self, root: &Root) -> Result<()> {
        let halves = std::mem::take(&mut *self.lock());
        remove(root, halves.into_values().flatten().collect()).await
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Vec<Vec<String>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The part of a half's name that is the object's: all but the `ETag`.
fn object(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(object, _)| object)
}

async fn remove(root: &Root, halves: Vec<Vec<String>>) -> Result<()> {
    if halves.is_empty() {
        return Ok(());
    }
    let root = root.clone();
    blocking(move || {
        for half in &halves {
            // What cannot be removed harms nobody but by its size, and the next run tries again.
            let _ = root.remove_half(half);
        }
        Ok(())
    })
    .await
}
