//! The objects below a prefix → another place of the same cluster, as `s3cmd cp -r` does. The gateway does the work.

use std::pin::pin;

use futures_util::TryStreamExt as _;

use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::{Each, Outcome};
use crate::run::Run;
use crate::s3::client::{Copied, CopyOptions};
use crate::s3::op::CopySource;
use crate::s3::{BucketName, Client, ObjectKey};
use crate::transfer::{CircuitBreaker, Selection, ordered};

/// How many copies are made at once.
const AT_ONCE: usize = 8;

/// Copies objects within a cluster.
#[derive(Clone, Debug)]
pub struct CopyTree {
    /// The cluster's gateways.
    pub client: Client,
    /// The objects. The part of a key behind the last slash of the prefix is part of the new key.
    pub source: Selection,
    /// The bucket of the copies.
    pub bucket: BucketName,
    /// The keys of the copies begin so.
    pub prefix: String,
}

/// How objects are copied.
#[derive(Debug, Default)]
pub struct CopyTreeOptions<'a> {
    /// Change nothing.
    pub dry_run: bool,
    /// Called for every object that is selected, in the order of the listing.
    pub each: Each<'a, CopiedObject>,
}

/// An object, and what became of its copy.
#[derive(Clone, Debug)]
pub struct CopiedObject {
    /// Its key.
    pub key: String,
    /// The key of the copy.
    pub target: String,
    /// The copy, which a dry run does not make; or why there is none.
    pub result: Result<Option<Copied>, Outcome>,
}

impl CopyTree {
    /// Copies the objects. An error befalls all; copies that would be copied again are an [`ErrorKind::Usage`] error.
    pub async fn run(&self, options: &CopyTreeOptions<'_>, run: &Run) -> Result<()> {
        let selection = &self.source;
        let same_bucket = *selection.bucket() == self.bucket;
        let refused = |what: &str| {
            let place = format!("s3://{}/{}", self.bucket, self.prefix);
            let error = Error::new(ErrorKind::Usage, what).at(At::Argument, place);
            Err(error.todo("choose a prefix beside the source, or another bucket"))
        };
        if same_bucket && self.prefix == selection.base() {
            return refused("each object would be copied onto itself");
        }
        if same_bucket && self.prefix.starts_with(selection.prefix()) {
            return refused("the copies would be copied again: they are below the source");
        }
        let breaker = CircuitBreaker::default();
        let listing = self.client.list(selection.bucket(), selection.prefix());
        let listing = listing.try_filter(|object| std::future::ready(selection.wants(&object.key)));
        let copies = listing.map_ok(|object| self.one(object.key.into(), options.dry_run, &breaker));
        let mut results = pin!(ordered(copies, AT_ONCE, run.stop.clone()));
        while let Some(copied) = results.try_next().await? {
            options.each.call(copied)?;
        }
        Ok(())
    }

    async fn one(&self, key: String, dry_run: bool, breaker: &CircuitBreaker) -> Result<CopiedObject> {
        let target = format!("{}{}", self.prefix, self.source.below(&key));
        let result = match self.copy(&key, &target, dry_run).await {
            Ok(copied) => {
                breaker.succeeded();
                Ok(copied)
            }
            Err(error) => Err(breaker.outcome(error)?),
        };
        Ok(CopiedObject { key, target, result })
    }

    async fn copy(&self, key: &str, target: &str, dry_run: bool) -> Result<Option<Copied>> {
        if *self.source.bucket() == self.bucket && self.source.wants(target) {
            let what = "the copy would replace an object of the source, or be copied again";
            return Err(Error::new(ErrorKind::Usage, what));
        }
        let (target, key) = (ObjectKey::new(target)?, ObjectKey::new(key)?);
        if dry_run {
            return Ok(None);
        }
        let source = CopySource { bucket: self.source.bucket(), key: &key, version_id: None };
        self.client.copy_whole(source, &self.bucket, &target, &CopyOptions::default()).await.map(Some)
    }
}
