//! All versions of a bucket's objects are deleted, with the delete markers. Without that, a bucket that keeps versions looks
//! empty and cannot be removed.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use crate::error::{At, Error, ErrorKind, Result};
use crate::run::Run;
use crate::s3::op::{DeleteObject, ListVersions, ListedVersion, VersionMarker};
use crate::s3::{BucketName, Client};

/// Deletes versions.
#[derive(Clone, Debug)]
pub struct DeleteVersions {
    /// The cluster's gateways.
    pub client: Client,
    /// The bucket.
    pub bucket: BucketName,
}

impl DeleteVersions {
    /// Deletes all versions and delete markers, and calls `each` for every one that is deleted. An error befalls all.
    pub async fn run(&self, mut each: impl FnMut(&ListedVersion) + Send, run: &Run) -> Result<()> {
        let mut before: Option<VersionMarker> = None;
        loop {
            run.stop.check()?;
            // The first page each time: after a version that is gone, radosgw 16.2 skips others.
            let page = ListVersions { bucket: &self.bucket, prefix: "", after: None, max_keys: 1000 };
            let versions = self.client.versions_page(&page).await?.versions;
            let Some(first) = versions.first() else { return Ok(()) };
            let first = VersionMarker { key: first.key.clone(), version_id: first.version_id.clone() };
            if before.as_ref() == Some(&first) {
                let error = Error::new(ErrorKind::Protocol, "a version is listed as before it was deleted");
                return Err(error.at(At::Bucket, &self.bucket).at(At::Key, &first.key));
            }
            before = Some(first);
            let deletions = stream::iter(versions).map(|version| self.delete(version));
            let mut deletions = deletions.buffered(self.client.in_flight());
            while let Some(version) = deletions.try_next().await? {
                each(&version);
            }
        }
    }

    async fn delete(&self, version: ListedVersion) -> Result<ListedVersion> {
        let mut delete = DeleteObject::new(&self.bucket, &version.key);
        delete.version_id = Some(&version.version_id);
        self.client.execute(&delete).await?;
        Ok(version)
    }
}
