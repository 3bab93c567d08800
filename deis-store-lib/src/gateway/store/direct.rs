//! Objects put, read and deleted by the holder of the store, past the gateway: to prepare a test and to look at what
//! came of it.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;
use http::{HeaderValue, header};
use jiff::Timestamp;
use md5::{Digest as _, Md5};

use super::bucket::Bucket;
use super::content::Content;
use super::index::Store;
use super::object::Object;
use crate::error::{At, Error, ErrorKind, Result};
use crate::gateway::acl::Acl;
use crate::hash::lower_hex;

impl Store {
    /// Makes a bucket, if it is not there.
    pub fn create_bucket(&self, bucket: &str, created: SystemTime) {
        let created = timestamp(created);
        self.buckets().entry(bucket.to_owned()).or_insert_with(|| Bucket::new(created, Acl::private()));
    }

    /// Puts an object, into a bucket that is made if need be. It stays in memory.
    pub fn put(&self, bucket: &str, key: &str, bytes: impl Into<Bytes>, modified: SystemTime) {
        self.create_bucket(bucket, modified);
        let bytes = bytes.into();
        let md5: [u8; 16] = Md5::digest(&bytes).into();
        let object = Object {
            content: Content::Bytes(bytes),
            etag: lower_hex(&md5),
            modified: timestamp(modified),
            headers: [(header::CONTENT_TYPE, HeaderValue::from_static("binary/octet-stream"))].into(),
            acl: Acl::private(),
            upload: None,
        };
        if let Some(bucket) = self.buckets().get_mut(bucket) {
            bucket.objects.insert(key.to_owned(), Arc::new(object));
        }
    }

    /// The bytes of an object, if it is there.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Option<Bytes>> {
        let Ok(object) = self.object(bucket, key) else { return Ok(None) };
        let pieces = object.content.open(0..object.content.length_bytes());
        let whole = pieces.try_fold(BytesMut::new(), async |mut whole, piece| {
            whole.extend_from_slice(&piece);
            Ok(whole)
        });
        whole.await.map(|whole| Some(whole.freeze())).map_err(|error| {
            Error::new(ErrorKind::Disk, "an object of the embedded gateway cannot be read")
                .at(At::Bucket, bucket)
                .at(At::Key, key)
                .because(error)
        })
    }

    /// Deletes an object; says whether it was there.
    pub fn delete(&self, bucket: &str, key: &str) -> bool {
        self.buckets().get_mut(bucket).is_some_and(|bucket| bucket.objects.remove(key).is_some())
    }
}

/// The nearest time that there is.
fn timestamp(time: SystemTime) -> Timestamp {
    Timestamp::try_from(time).unwrap_or(Timestamp::MAX)
}
