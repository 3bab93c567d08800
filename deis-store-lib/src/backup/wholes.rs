//! The objects that a reference says are whole, where its name tells which: those of a base backup. They were all written before
//! their sentinel and do not change after it. So what is copied must be what was listed before and what is listed after:
//! nothing else shows a deletion between two pages of a listing.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};

use futures_util::TryStreamExt as _;

use crate::contents::Contents;
use crate::error::Result;
use crate::restorable::Judge;
use crate::s3::{BucketName, Client};
use crate::snapshot::PartObjects;

/// By its reference, the objects of each whole.
#[derive(Clone, Debug, Default)]
pub(super) struct Wholes(BTreeMap<String, Objects>);

/// How many objects, and a sum over their keys, sizes and `ETag`s.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Objects {
    count: u64,
    sum: u64,
}

impl Objects {
    fn add(&mut self, key: &str, size_bytes: u64, etag: &str) {
        let mut hasher = DefaultHasher::new();
        (key, size_bytes, etag).hash(&mut hasher);
        self.count += 1;
        self.sum = self.sum.wrapping_add(hasher.finish());
    }
}

impl Wholes {
    pub(super) fn add(&mut self, contents: Contents, key: &str, size_bytes: u64, etag: &str) {
        if let Some(reference) = contents.reference_to(key) {
            self.0.entry(reference).or_default().add(key, size_bytes, etag);
        }
    }

    pub(super) fn of(&self, reference: &str) -> Objects {
        self.0.get(reference).copied().unwrap_or_default()
    }
}

/// What was copied of a part, by its lists.
pub(super) struct Copied {
    /// The references of the part, with what was not copied.
    pub(super) judge: Judge,
    /// The references whose names tell which objects they say are whole.
    pub(super) references: Vec<String>,
    /// These objects.
    pub(super) wholes: Wholes,
}

impl Copied {
    /// Reads the lists once. Blocking.
    pub(super) fn of(objects: &PartObjects) -> Result<Self> {
        let contents = objects.contents();
        let (mut judge, mut references, mut wholes) = (Judge::of(contents), Vec::new(), Wholes::default());
        for line in objects.lines()? {
            let line = line?;
            if !line.outcome.is_on_disk() {
                judge.lose(&line.key);
                continue;
            }
            wholes.add(contents, &line.key, line.size_bytes, &line.etag);
            if contents.is_reference(&line.key) && contents.whole_below(&line.key).is_some() {
                references.push(line.key);
            }
        }
        Ok(Self { judge, references, wholes })
    }
}

/// The objects whose keys begin so, as they are listed now.
pub(super) async fn listed(client: &Client, bucket: &BucketName, below: &str) -> Result<Objects> {
    let (mut listing, mut objects) = (client.list(bucket, below), Objects::default());
    while let Some(object) = listing.try_next().await? {
        objects.add(&object.key, object.size_bytes, &object.etag);
    }
    Ok(objects)
}
