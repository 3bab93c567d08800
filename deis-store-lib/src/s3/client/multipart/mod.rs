//! Storing an object in parts: a bounded number in flight, of any size up to 5 TiB, continued where an earlier run
//! stopped, and nothing left behind by one that failed.

mod options;
mod part;
mod under_way;

use std::sync::{Mutex, PoisonError};

use futures_util::{Stream, TryStreamExt as _, stream};

pub use options::UploadOptions;
pub use part::{Part, cut_into_parts};
pub(super) use under_way::Upload;
pub use under_way::Uploaded;
use under_way::{Parts, may_go_on};

use super::Client;
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::s3::op::{CannedAcl, InitiateUpload, NewAcl};
use crate::s3::{BucketName, ObjectKey, PartLayout};

impl Client {
    /// Uploads an object in parts, and asks for it at the end: it is there, with this size and `ETag`.
    ///
    /// All parts but the last must have at least 5 MiB, and there may be 10,000 of them. A future that is dropped leaves
    /// its parts on the cluster; [`Client::uploads`] finds and [`Client::abort_upload`] removes them.
    pub async fn upload(
        &self,
        begin: &InitiateUpload<'_>,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let (bucket, key) = (begin.bucket(), begin.key());
        let result = async {
            let Some(cut) = &options.continues else { return self.upload_anew(begin, parts, options).await };
            let (id, there) = match self.continued_or_begun(begin, cut).await? {
                (id, Some(there)) => (id, there),
                (id, None) => return self.upload_as(id, begin, parts, options).await,
            };
            let sent = Mutex::new(Vec::new());
            let parts = parts
                .inspect_ok(|part| sent.lock().unwrap_or_else(PoisonError::into_inner).push(part.clone()));
            let upload = Upload::continued(self, bucket, key, id, there);
            let uploaded = upload.run_or_end(parts, options).await?;
            // The upload said when it began what is stored with it, and perhaps it was not ours. A copy of the object
            // onto itself would change that, and radosgw 19.2 before 19.2.2 loses the data of such a copy.
            if begin.is_stored_with(&self.head(bucket, key).await?) {
                let acl = begin.canned_acl().unwrap_or(CannedAcl::Private);
                match self.put_object_acl(bucket, key, NewAcl::Canned(acl)).await {
                    Ok(()) => return Ok(uploaded),
                    // Where objects have no lists, the upload began with none either.
                    Err(error) if has_no_lists(&error) => return Ok(uploaded),
                    // Who may read it can be said at the beginning alone.
                    Err(error) if error.kind() == ErrorKind::Denied => {}
                    Err(error) => return Err(error),
                }
            }
            let sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
            self.upload_anew(begin, stream::iter(sent.into_iter().map(Ok)), options).await
        };
        result.await.at(At::Bucket, bucket).at(At::Key, key)
    }

    /// An upload that an earlier run has left, or a new one. A beginning of unknown outcome leaves one, too.
    async fn continued_or_begun(
        &self,
        begin: &InitiateUpload<'_>,
        cut: &PartLayout,
    ) -> Result<(String, Option<Parts>)> {
        let mut attempts = 0;
        loop {
            // One without parts may be somebody else's that has just begun, unless we have tried to begin one.
            if let Some((id, there)) = self.unfinished(begin.bucket(), begin.key(), cut).await?
                && (attempts > 0 || !there.is_empty())
            {
                return Ok((id, Some(there)));
            }
            let error = match self.execute(begin).await {
                Ok(id) => return Ok((id, None)),
                Err(error) => error,
            };
            attempts += 1;
            match self.wait(attempts) {
                Some(wait) if may_go_on(error.kind()) => self.sleep(wait).await?,
                _ => return Err(error),
            }
        }
    }

    async fn upload_anew(
        &self,
        begin: &InitiateUpload<'_>,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let id = self.execute(begin).await?;
        self.upload_as(id, begin, parts, options).await
    }

    async fn upload_as(
        &self,
        id: String,
        begin: &InitiateUpload<'_>,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let (bucket, key) = (begin.bucket(), begin.key());
        Upload::begun(self, bucket, key, id).run_or_end(parts, options).await
    }

    /// The newest upload of a key that an earlier run has left, with its parts, if these are cut so.
    async fn unfinished(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        cut: &PartLayout,
    ) -> Result<Option<(String, Parts)>> {
        let mut uploads = match self.uploads(bucket, key.as_str()).await {
            Ok(uploads) => uploads,
            Err(error) if may_go_on(error.kind()) => return Err(error),
            // A user who may not look begins anew.
            Err(_) => return Ok(None),
        };
        uploads.retain(|upload| upload.key == key.as_str());
        uploads.sort_by(|a, b| b.initiated.cmp(&a.initiated));
        for upload in uploads {
            match self.parts(bucket, key, &upload.upload_id).await {
                Ok(parts)
                    if parts.iter().all(|part| cut.part_bytes(part.number) == Some(part.size_bytes)) =>
                {
                    let parts = parts.into_iter().map(|part| (part.number, part)).collect();
                    return Ok(Some((upload.upload_id, parts)));
                }
                Ok(_) => {}
                // It was completed or ended meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Whether a server refuses access control lists altogether.
fn has_no_lists(error: &Error) -> bool {
    error.kind() == ErrorKind::Unsupported || error.code() == Some("AccessControlListNotSupported")
}
