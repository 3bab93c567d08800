//! One method for each operation that is one request, and a few for what is several: nothing here decides.

use std::time::SystemTime;

use http::Method;

use super::Client;
use super::execute::Call;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Endpoint;
use crate::s3::op::{
    AbortUpload, Acl, Bucket, BucketAcl, BucketLocation, BucketTotals, BucketVersioning, CopyObject,
    CopyPart, CreateBucket, DeleteBucket, DeleteObject, DeleteObjects, HeadBucket, HeadObject,
    HeadUnmeasured, ListBuckets, ListObjects, ListParts, ListUploads, ListVersions, ListedObject, ListedPart,
    ListedUpload, NewAcl, NotDeleted, ObjectAcl, ObjectInfo, Operation as _, Page, PutBucketAcl,
    PutObjectAcl, Request, UploadMarker, Versioning, VersionsPage,
};
use crate::s3::{BucketName, ObjectKey};

impl Client {
    /// The buckets of the user.
    pub async fn buckets(&self) -> Result<Vec<Bucket>> {
        self.execute(&ListBuckets).await
    }

    /// Creates a bucket; one's own may be there already.
    pub async fn create_bucket(&self, bucket: &BucketName) -> Result<()> {
        match self.execute(&CreateBucket { bucket }).await {
            // Other servers than radosgw refuse what it takes for done.
            Err(error) if error.code() == Some("BucketAlreadyOwnedByYou") => Ok(()),
            created => created,
        }
    }

    /// Deletes a bucket that holds no object.
    pub async fn delete_bucket(&self, bucket: &BucketName) -> Result<()> {
        self.execute(&DeleteBucket { bucket }).await
    }

    /// A bucket's size, as the gateway tells it.
    pub async fn bucket_totals(&self, bucket: &BucketName) -> Result<BucketTotals> {
        self.execute(&HeadBucket { bucket }).await
    }

    /// The zone group that a bucket is in.
    pub async fn location(&self, bucket: &BucketName) -> Result<String> {
        self.execute(&BucketLocation { bucket }).await
    }

    /// Whether a bucket keeps the versions of its objects.
    pub async fn versioning(&self, bucket: &BucketName) -> Result<Versioning> {
        self.execute(&BucketVersioning { bucket }).await
    }

    /// One page of a listing.
    pub async fn page(&self, page: &ListObjects<'_>) -> Result<Page> {
        // It feeds all the others, so it does not wait behind them.
        let call = Call { at_once: true, ..Call::default() };
        let mut gap = None;
        let listed = self.collected_by(page, call, |head, body| {
            gap = page.parse_gap(head, body).ok();
            page.parse(head, body)
        });
        match (listed.await, gap) {
            (Err(error), Some(gap)) if error.kind() == ErrorKind::Protocol => {
                self.over_gap(page, gap, error).await
            }
            (listed, _) => listed,
        }
    }

    /// A page that stays empty though it is not the last one. If there is an object where it goes on, that one was left out.
    async fn over_gap(&self, page: &ListObjects<'_>, gap: Page, error: Error) -> Result<Page> {
        let Some(next) = &gap.next else { return Err(error) };
        let next = ObjectKey::listed(next.clone());
        match self.execute(&HeadUnmeasured(&HeadObject::new(page.bucket, &next))).await {
            Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(gap),
            _ => Err(error),
        }
    }

    /// One page of the versions of a bucket's objects.
    pub async fn versions_page(&self, page: &ListVersions<'_>) -> Result<VersionsPage> {
        self.execute(page).await
    }

    /// Whether a bucket holds no object; an error if it does not exist.
    pub async fn is_empty(&self, bucket: &BucketName) -> Result<bool> {
        Ok(self.first(bucket, "").await?.is_none())
    }

    /// The first object whose key begins with a prefix.
    pub(crate) async fn first(&self, bucket: &BucketName, prefix: &str) -> Result<Option<ListedObject>> {
        let mut marker = String::new();
        loop {
            let page = ListObjects { bucket, prefix, marker: &marker, delimiter: None, max_keys: 1 };
            let Page { objects, next, .. } = self.page(&page).await?;
            match (objects.into_iter().next(), next) {
                (None, Some(next)) => marker = next,
                (first, _) => return Ok(first),
            }
        }
    }

    /// All that is stored with an object.
    pub async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo> {
        self.headed(&HeadObject::new(bucket, key)).await
    }

    /// The same; where it is not there, the error says whether it is the bucket that is not.
    pub async fn find(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo> {
        match self.head(bucket, key).await {
            // An answer to HEAD cannot say it.
            Err(error) if error.kind() == ErrorKind::NotFound && error.code().is_none() => {
                self.is_empty(bucket).await?;
                Err(error)
            }
            found => found,
        }
    }

    /// Deletes an object; one that is not there is deleted too.
    pub async fn delete(&self, bucket: &BucketName, key: &ObjectKey) -> Result<()> {
        self.execute(&DeleteObject::new(bucket, key)).await
    }

    /// Deletes objects, many in one request, and says which were not deleted. Those whose key XML cannot hold go one by
    /// one.
    pub async fn delete_all(&self, bucket: &BucketName, keys: &[ObjectKey]) -> Result<Vec<NotDeleted>> {
        let (together, alone): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(DeleteObjects::can_name);
        let mut not_deleted = Vec::new();
        let mut left = together.as_slice();
        while !left.is_empty() {
            let (first, rest) = DeleteObjects::first(bucket, left)?;
            not_deleted.extend(self.execute(&first).await?);
            left = rest;
        }
        for key in &alone {
            self.delete(bucket, key).await?;
        }
        Ok(not_deleted)
    }

    /// Copies an object within the cluster; says the `ETag` of the copy.
    pub async fn copy(&self, copy: &CopyObject<'_>) -> Result<String> {
        self.execute(copy).await
    }

    /// Copies an object, or bytes of it, as a part of an upload; says the MD5 of the part.
    pub async fn copy_part(&self, copy: &CopyPart<'_>) -> Result<[u8; 16]> {
        self.execute(copy).await
    }

    /// The rights to a bucket.
    pub async fn bucket_acl(&self, bucket: &BucketName) -> Result<Acl> {
        self.execute(&BucketAcl { bucket }).await
    }

    /// The rights to an object.
    pub async fn object_acl(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Acl> {
        self.execute(&ObjectAcl { bucket, key }).await
    }

    /// Sets the rights to a bucket.
    pub async fn put_bucket_acl(&self, bucket: &BucketName, acl: NewAcl<'_>) -> Result<()> {
        self.execute(&PutBucketAcl { bucket, acl }).await
    }

    /// Sets the rights to an object.
    pub async fn put_object_acl(&self, bucket: &BucketName, key: &ObjectKey, acl: NewAcl<'_>) -> Result<()> {
        self.execute(&PutObjectAcl { bucket, key, acl }).await
    }

    /// All multipart uploads that are under way in a bucket, of keys that begin with a prefix.
    pub async fn uploads(&self, bucket: &BucketName, prefix: &str) -> Result<Vec<ListedUpload>> {
        let mut uploads = Vec::new();
        let mut next: Option<UploadMarker> = None;
        loop {
            let page = ListUploads { bucket, prefix, after: next.as_ref(), max_uploads: 1000 };
            let page = self.execute(&page).await?;
            uploads.extend(page.uploads);
            next = page.next;
            if next.is_none() {
                return Ok(uploads);
            }
        }
    }

    /// All parts of a multipart upload that is under way, by number.
    pub async fn parts(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        upload_id: &str,
    ) -> Result<Vec<ListedPart>> {
        let mut parts = Vec::new();
        let mut after = 0;
        loop {
            let page = ListParts { bucket, key, upload_id, after, max_parts: 1000 };
            let page = self.execute(&page).await?;
            parts.extend(page.parts);
            match page.next {
                Some(next) => after = next,
                None => return Ok(parts),
            }
        }
    }

    /// Ends a multipart upload and throws its parts away. That is done even when the run is to stop.
    pub async fn abort_upload(&self, bucket: &BucketName, key: &ObjectKey, upload_id: &str) -> Result<()> {
        let operation = AbortUpload { bucket, key, upload_id };
        self.collected(&operation, Call { despite_stop: true, ..Call::default() }).await
    }

    /// A URL by which anybody can GET, HEAD or PUT an object until a time, by the first gateway.
    ///
    /// The URL holds the path, the query and the signature. The request's headers are not in it: its user sends them,
    /// and of these `Content-MD5`, `Content-Type` and all `x-amz-` ones are signed.
    pub fn presigned(&self, request: &Request, expires: SystemTime) -> Result<String> {
        if ![Method::GET, Method::HEAD, Method::PUT].contains(&request.method) {
            return Err(Error::new(ErrorKind::Usage, "only GET, HEAD and PUT are signed beforehand"));
        }
        let first = self.0.gateways.endpoints().next();
        let endpoint = first.map(Endpoint::url).unwrap_or_default();
        Ok(format!("{endpoint}{}", request.presigned(&self.0.credentials, expires)))
    }
}
