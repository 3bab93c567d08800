//! Answers that leave something out, as those of proxies do: `Content-Length`, an `ETag`. It is asked of the listing.

use super::Client;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::s3::etag::{self, ETag};
use crate::s3::op::{HeadObject, HeadUnmeasured, ListedObject, ObjectInfo};
use crate::s3::{BucketName, ObjectKey};

impl Client {
    /// All that is stored with an object, with its size from the listing if the answer has none.
    pub(super) async fn headed(&self, head: &HeadObject<'_>) -> Result<ObjectInfo> {
        // Once more: it may be a fault of this answer alone, and this one has it first hand.
        if let (info, Some(_)) = self.execute(&HeadUnmeasured(head)).await? {
            return Ok(info);
        }
        if let Some(wait) = self.wait(1) {
            self.sleep(wait).await?;
        }
        match self.execute(&HeadUnmeasured(head)).await? {
            (info, Some(_)) => Ok(info),
            (info, None) => self.measured(head.bucket, head.key, info).await,
        }
    }

    /// What an answer without a size says, with the size that the listing has for the same `ETag`.
    pub(super) async fn measured(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        info: ObjectInfo,
    ) -> Result<ObjectInfo> {
        match self.listed_now(bucket, key).await? {
            Some(listed) if etag::is_same(&listed.etag, &info.etag) => {
                Ok(ObjectInfo { size_bytes: listed.size_bytes, total_bytes: listed.size_bytes, ..info })
            }
            _ => {
                let what = "the answer does not say how long the object is, and it is not listed so";
                let error = Error::new(ErrorKind::Protocol, what);
                Err(error
                    .todo("look for a proxy that takes Content-Length away")
                    .at(At::Bucket, bucket)
                    .at(At::Key, key))
            }
        }
    }

    /// An error if the listing contradicts an answer whose `ETag` is of no form that S3 has: it may be a page of something in
    /// between.
    pub(super) async fn confirm(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        info: &ObjectInfo,
    ) -> Result<()> {
        if ETag::parse(&info.etag) != ETag::Opaque {
            return Ok(());
        }
        let listed = match self.listed_now(bucket, key).await {
            Ok(listed) => listed,
            // One may get an object and yet not list its bucket.
            Err(error) if error.kind() == ErrorKind::Denied => return Ok(()),
            Err(error) => return Err(error),
        };
        let is_it = |listed: &ListedObject| {
            etag::is_same(&listed.etag, &info.etag) && listed.size_bytes == info.total_bytes
        };
        if listed.as_ref().is_some_and(is_it) {
            return Ok(());
        }
        let what = format!(
            "the answer is not the object: it has {} bytes and the ETag {}, and {}",
            info.total_bytes,
            printable(&info.etag),
            listed.map_or("no such key is listed".to_owned(), |listed| {
                format!("{} bytes and {} are listed", listed.size_bytes, printable(&listed.etag))
            })
        );
        let error = Error::new(ErrorKind::Protocol, what).at(At::Bucket, bucket).at(At::Key, key);
        Err(error.todo("look for a proxy or portal that answers in the gateway's place"))
    }

    /// Tells what of an object is not stored as it was where it is copied by way of us.
    pub(crate) fn tell_recoded(&self, bucket: &BucketName, key: &str, info: &ObjectInfo) {
        if !info.recoded.is_empty() {
            let (place, names) = (printable(&format!("s3://{bucket}/{key}")), info.recoded.join(", "));
            let text = format!(
                "warning: {place}: not UTF-8, and stored as UTF-8, as if it were ISO 8859-1: {names}"
            );
            self.0.teller.warn("not-kept", &text);
        }
        let renamed: Vec<&str> = info.renamed().collect();
        if !renamed.is_empty() {
            let (place, names) = (printable(&format!("s3://{bucket}/{key}")), printable(&renamed.join(", ")));
            let text = format!("warning: {place}: metadata stored with `-` in place of `_`: {names}");
            self.0.teller.warn("not-kept", &text);
        }
    }

    /// How a key is listed now, if it is.
    pub(crate) async fn listed_now(&self, bucket: &BucketName, key: &str) -> Result<Option<ListedObject>> {
        Ok(self.first(bucket, key).await?.filter(|object| object.key == key))
    }
}
