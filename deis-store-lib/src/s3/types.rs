//! Names of buckets and objects, and how they are written into a request.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::{At, Error, ErrorKind, Result};

/// The name of a bucket: 3 to 255 of `A-Z a-z 0-9 . _ -`, what radosgw with relaxed names allows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "formats", derive(serde::Serialize))]
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

/// The key of an object. Slashes and dots mean nothing in it.
///
/// One that a program makes has 1 to 1024 bytes of UTF-8 without NUL. One that a listing gives is taken as it is: a
/// bucket can be listed whatever its keys look like, and [`ObjectKey::check`] says whether radosgw takes such a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "formats", derive(serde::Serialize))]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks a key.
    pub fn new(key: impl Into<String>) -> Result<Self> {
        let key = Self(key.into());
        key.check()?;
        Ok(key)
    }

    /// A key as a listing gives it.
    #[cfg(any(feature = "operations", test))]
    pub(crate) fn listed(key: String) -> Self {
        Self(key)
    }

    /// An error if it is no key that [`ObjectKey::new`] takes.
    pub fn check(&self) -> Result<()> {
        if (1..=1024).contains(&self.0.len()) && !self.0.contains('\0') {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Usage, "not a key for an object")
                .at(At::Key, &self.0)
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

/// The traits of a checked text.
macro_rules! text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }

        impl Deref for $name {
            type Target = str;

            fn deref(&self) -> &str {
                &self.0
            }
        }

        impl From<$name> for String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        impl From<&$name> for String {
            fn from(text: &$name) -> Self {
                text.0.clone()
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                self.0 == *other
            }
        }
    };
}

text!(BucketName);
text!(ObjectKey);

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

    #[test]
    fn a_key_is_text_that_was_checked_and_a_listed_one_is_taken_as_it_is() {
        let key: ObjectKey = "a b".parse().unwrap();
        assert!(key == "a b" && &*key == "a b");
        assert_eq!(String::from(key), "a b");
        for wrong in ["", "a\0", &"a".repeat(1025)] {
            assert_eq!(wrong.parse::<ObjectKey>().unwrap_err().kind(), ErrorKind::Usage);
            assert!(ObjectKey::listed(wrong.to_owned()).check().is_err());
        }
    }
}
