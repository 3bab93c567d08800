//! Names of buckets and objects, and how they are written into a request.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{At, Error, ErrorKind, Result};

/// The name of a bucket: 3 to 255 of `A-Z a-z 0-9 . _ -`, what radosgw with relaxed names allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

impl BucketName {
    /// Checks a name.
    pub fn new(name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if (3..=255).contains(&name.len()) && name.bytes().all(legal) {
            Ok(Self(name))
        } else {
            Err(Error::new(ErrorKind::Usage, "not a name for a bucket")
                .at(At::Bucket, &name)
                .todo("use 3 to 255 letters, digits, `.`, `_` and `-`"))
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of an object: 1 to 1024 bytes of UTF-8 without NUL. Slashes and dots mean nothing in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks a key.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        let key = key.into();
        if (1..=1024).contains(&key.len()) && !key.contains('\0') {
            Ok(Self(key))
        } else {
            Err(Error::new(ErrorKind::Usage, "not a key for an object")
                .at(At::Key, &key)
                .todo("use 1 to 1024 bytes of UTF-8 without NUL"))
        }
    }

    /// The key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The path of the object in a bucket, percent-encoded: one text that is both sent and signed, since radosgw signs
    /// the path as it is on the wire.
    #[must_use]
    pub fn path_in(&self, bucket: &BucketName) -> String {
        format!("/{bucket}/{}", percent_encode(&self.0, true))
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a bucket, path style: the only style that works for `db_wal` and without `rgw dns name`.
#[cfg(feature = "operations")]
pub(crate) fn bucket_path(bucket: &BucketName) -> String {
    format!("/{bucket}")
}

/// Encodes every byte but `A-Z a-z 0-9 - . _ ~`, and `/` where it is kept, with upper-case hex.
pub(crate) fn percent_encode(text: &str, keep_slash: bool) -> String {
    const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    const PATH: &AsciiSet = &QUERY.remove(b'/');
    utf8_percent_encode(text, if keep_slash { PATH } else { QUERY }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_what_url_parsers_take_away() {
        let bucket = BucketName::new("db_wal").unwrap();
        let path = |key: &str| ObjectKey::new(key).unwrap().path_in(&bucket);
        assert_eq!(path("e/../k"), "/db_wal/e/../k");
        assert_eq!(path("/lead//x/"), "/db_wal//lead//x/");
        assert_eq!(path("a b+c%é\n"), "/db_wal/a%20b%2Bc%25%C3%A9%0A");
    }

    #[test]
    fn a_bucket_name_cannot_leave_its_place_in_the_path() {
        for name in ["a/b", "", "ab", "a:bc", "a?bc", "a%2Fb"] {
            assert!(BucketName::new(name).is_err(), "{name}");
        }
        assert!(BucketName::new("db_wal").is_ok());
    }
}
