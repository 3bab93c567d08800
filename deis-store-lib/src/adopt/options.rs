//! What to adopt of a directory, and how.

use crate::error::Result;
use crate::part::{BucketPart, refuse_twins};

/// What to adopt of a directory, and how.
#[derive(Clone, Debug, Default)]
pub struct AdoptOptions {
    pub(super) buckets: Vec<BucketPart>,
    pub(super) links: bool,
}

impl AdoptOptions {
    /// The platform's parts, and these buckets, which are directories of their names. It is an
    /// [`ErrorKind::Usage`](crate::ErrorKind::Usage) error if two of them are the same.
    pub fn new(buckets: impl IntoIterator<Item = BucketPart>) -> Result<Self> {
        let buckets: Vec<BucketPart> = buckets.into_iter().collect();
        refuse_twins(&buckets)?;
        Ok(Self { buckets, ..Self::default() })
    }

    /// Gives files a further name in the snapshot where the file system can, in place of a copy. They become readable for their
    /// owner alone and writable for nobody: whoever changes such a file in its place changes the snapshot.
    #[must_use]
    pub fn link(self) -> Self {
        Self { links: true, ..self }
    }
}
