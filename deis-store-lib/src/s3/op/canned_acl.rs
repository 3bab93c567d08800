//! The access control lists that have a name: `x-amz-acl`.

use http::{HeaderMap, HeaderName, HeaderValue};

/// A list by its name. radosgw knows these; AWS's `log-delivery-write` and `aws-exec-read` it refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CannedAcl {
    /// The owner alone: what is set where nothing is said.
    Private,
    /// Anybody may read.
    PublicRead,
    /// Anybody may read and write.
    PublicReadWrite,
    /// Anybody with an account may read.
    AuthenticatedRead,
    /// The bucket's owner may read.
    BucketOwnerRead,
    /// The bucket's owner may do everything.
    BucketOwnerFullControl,
}

impl CannedAcl {
    /// Its name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::PublicRead => "public-read",
            Self::PublicReadWrite => "public-read-write",
            Self::AuthenticatedRead => "authenticated-read",
            Self::BucketOwnerRead => "bucket-owner-read",
            Self::BucketOwnerFullControl => "bucket-owner-full-control",
        }
    }

    /// Writes it into the header of a request.
    pub(super) fn write(self, headers: &mut HeaderMap) {
        headers.insert(HeaderName::from_static("x-amz-acl"), HeaderValue::from_static(self.as_str()));
    }
}
