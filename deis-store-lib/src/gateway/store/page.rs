//! One page of a listing, by marker, as radosgw makes it. Pure.

use std::ops::Bound;
use std::sync::Arc;

use super::bucket::Bucket;
use super::object::Object;

/// One page.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Page {
    pub(in crate::gateway) objects: Vec<(String, Arc<Object>)>,
    /// Folded prefixes, with a delimiter.
    pub(in crate::gateway) prefixes: Vec<String>,
    /// The last key or prefix of the page, if it is not the last page.
    pub(in crate::gateway) next: Option<String>,
}

impl Bucket {
    /// The page after a marker, of so many entries at most. Of 0 entries it is empty and the last one.
    pub(in crate::gateway) fn page(&self, prefix: &str, marker: &str, delimiter: &str, most: usize) -> Page {
        let mut page = Page::default();
        let mut last = String::new();
        let mut start = start(prefix, marker, delimiter);
        while let Some(from) = start.filter(|_| most > 0) {
            let from = from.as_ref().map(String::as_str);
            let Some((key, object)) = self.objects.range::<str, _>((from, Bound::Unbounded)).next() else {
                break;
            };
            if !key.starts_with(prefix) {
                break;
            }
            if page.objects.len() + page.prefixes.len() == most {
                page.next = Some(last);
                break;
            }
            if let Some(group) = group(key, prefix, delimiter) {
                group.clone_into(&mut last);
                page.prefixes.push(last.clone());
                start = behind(group);
            } else {
                key.clone_into(&mut last);
                page.objects.push((key.clone(), object.clone()));
                start = Some(Bound::Excluded(key.clone()));
            }
        }
        page
    }
}

/// Where a page begins. A marker inside a folded prefix skips the whole of it.
fn start(prefix: &str, marker: &str, delimiter: &str) -> Option<Bound<String>> {
    if marker < prefix || marker.is_empty() {
        return Some(Bound::Included(prefix.to_owned()));
    }
    match group(marker, prefix, delimiter) {
        Some(group) => behind(group),
        None => Some(Bound::Excluded(marker.to_owned())),
    }
}

/// The prefix up to and with the first delimiter after the one that was asked for.
fn group<'a>(key: &'a str, prefix: &str, delimiter: &str) -> Option<&'a str> {
    if delimiter.is_empty() {
        return None;
    }
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    Some(&key[..prefix.len() + at + delimiter.len()])
}

/// Where the keys go on behind all that begin with a prefix; `None` if there can be none.
fn behind(prefix: &str) -> Option<Bound<String>> {
    let mut next = prefix.to_owned();
    while let Some(last) = next.pop() {
        // UTF-8 sorts as its characters do.
        if let Some(following) = (last..=char::MAX).nth(1) {
            next.push(following);
            return Some(Bound::Included(next));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use jiff::Timestamp;

    use super::*;
    use crate::gateway::acl::Acl;
    use crate::gateway::store::content::Content;

    fn bucket(keys: &[&str]) -> Bucket {
        let mut bucket = Bucket::new(Timestamp::UNIX_EPOCH, Acl::private());
        for key in keys {
            let object = Object {
                content: Content::Bytes(Bytes::new()),
                etag: String::new(),
                modified: Timestamp::UNIX_EPOCH,
                headers: [].into(),
                acl: Acl::private(),
                upload: None,
            };
            bucket.objects.insert((*key).to_owned(), Arc::new(object));
        }
        bucket
    }

    fn keys(page: &Page) -> Vec<&str> {
        page.objects.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn pages_follow_each_other_bytewise_and_the_last_has_no_marker() {
        let bucket = bucket(&["b", "a", "a/b", "Z", "a\u{10ffff}", "é", "a b"]);
        let first = bucket.page("", "", "", 3);
        assert_eq!((keys(&first), first.next.as_deref()), (vec!["Z", "a", "a b"], Some("a b")));
        let rest = bucket.page("", "a b", "", 4);
        assert_eq!((keys(&rest), rest.next.clone()), (vec!["a/b", "a\u{10ffff}", "b", "é"], None));
        assert_eq!(keys(&bucket.page("a", "Z", "", 9)), ["a", "a b", "a/b", "a\u{10ffff}"]);
        assert_eq!(keys(&bucket.page("", "", "", 0)), [""; 0]);
    }

    #[test]
    fn a_prefix_is_listed_once_and_a_marker_in_it_skips_it() {
        let bucket = bucket(&["a", "a/1", "a/2", "a/\u{10ffff}x", "a0", "b/1", "c"]);
        let page = bucket.page("", "", "/", 3);
        assert_eq!((keys(&page), page.prefixes.clone()), (vec!["a", "a0"], vec!["a/".to_owned()]));
        assert_eq!(page.next.as_deref(), Some("a0"));
        for marker in ["a/", "a/1"] {
            let page = bucket.page("", marker, "/", 9);
            assert_eq!((keys(&page), page.prefixes.clone()), (vec!["a0", "c"], vec!["b/".to_owned()]));
        }
        assert_eq!(keys(&bucket.page("a/", "", "/", 9)), ["a/1", "a/2", "a/\u{10ffff}x"]);
    }
}
