//! The bucket or object that an operation is about: named in each of its errors.

use crate::s3::{BucketName, ObjectKey};

/// The bucket or object that an operation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// All of the user's buckets.
    Service,
    /// A bucket.
    Bucket(&'a BucketName),
    /// An object, or an upload of one.
    Object {
        /// Its bucket.
        bucket: &'a BucketName,
        /// Its key.
        key: &'a ObjectKey,
    },
}
