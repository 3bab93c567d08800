//! Which objects of a bucket.

use std::fmt;
use std::sync::Arc;

use crate::s3::BucketName;

/// Which objects of a bucket: those whose keys begin so, without those that a filter leaves out. An
/// object that is left out is as if it were not there.
#[derive(Clone)]
pub struct Selection {
    bucket: BucketName,
    prefix: String,
    wanted: Option<Filter>,
}

type Filter = Arc<dyn Fn(&str) -> bool + Send + Sync>;

impl Selection {
    /// All keys that begin with `prefix`.
    #[must_use]
    pub fn new(bucket: &BucketName, prefix: impl Into<String>) -> Self {
        Self { bucket: bucket.clone(), prefix: prefix.into(), wanted: None }
    }

    /// Of these, only the keys for which this holds.
    #[must_use]
    pub fn filter(mut self, wanted: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.wanted = Some(match self.wanted.take() {
            None => Arc::new(wanted),
            Some(before) => Arc::new(move |key: &str| before(key) && wanted(key)),
        });
        self
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> &BucketName {
        &self.bucket
    }

    /// The keys begin so.
    #[must_use]
    pub(crate) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The part of the prefix that is no part of a path: all up to its last `/`.
    #[must_use]
    pub(crate) fn base(&self) -> &str {
        self.prefix.rfind('/').map_or("", |end| &self.prefix[..=end])
    }

    /// A key without [`Selection::base`].
    #[must_use]
    pub(crate) fn below<'k>(&self, key: &'k str) -> &'k str {
        key.get(self.base().len()..).unwrap_or(key)
    }

    /// Whether a key is one of these.
    #[must_use]
    pub(crate) fn wants(&self, key: &str) -> bool {
        key.starts_with(&self.prefix) && self.wanted.as_ref().is_none_or(|wanted| wanted(key))
    }

    /// Whether they are all objects of the bucket.
    #[must_use]
    pub(crate) fn is_whole_bucket(&self) -> bool {
        self.prefix.is_empty() && self.wanted.is_none()
    }
}

impl fmt::Debug for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(prefix: &str) -> Selection {
        Selection::new(&BucketName::new("abc").unwrap(), prefix)
    }

    #[test]
    fn the_directories_of_the_prefix_are_not_in_the_path() {
        for (prefix, key, path) in [
            ("", "a/b", "a/b"),
            ("a", "a/b", "a/b"),
            ("a/", "a/b", "b"),
            ("a/b", "a/bc/d", "bc/d"),
            ("a/", "a//b", "/b"),
        ] {
            assert_eq!(selection(prefix).below(key), path, "{prefix} {key}");
        }
    }

    #[test]
    fn each_filter_leaves_out_more() {
        let some = selection("a").filter(|key| key.len() > 1).filter(|key| !key.ends_with('x'));
        let wanted = ["a", "ab", "ax", "bb"].map(|key| some.wants(key));
        assert_eq!(wanted, [false, true, false, false]);
        assert!(selection("").is_whole_bucket());
        assert!(!selection("a").is_whole_bucket() && !selection("").filter(|_| true).is_whole_bucket());
    }
}
