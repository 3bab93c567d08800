//! How an object differs between two snapshots, by its lines in their lists. Pure.

use serde::Serialize;

use crate::part::Part;
use crate::snapshot::ListLine;

/// The sort of a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// Only the second snapshot has it, and the first one did not list it.
    Added,
    /// Only the first snapshot has it, and the second one did not list it.
    Removed,
    /// It has another size, `ETag` or SHA-256.
    Changed,
    /// Its bytes are the same, and its time, type, headers, metadata or access control list is another.
    Metadata,
    /// The second snapshot has it. The first one listed it, and has no file of it.
    NotInBefore,
    /// The first snapshot has it. The second one listed it, and has no file of it.
    NotInAfter,
}

/// An object that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyDiff {
    /// Its part.
    pub part: Part,
    /// Its key.
    pub key: String,
    /// The sort of the difference.
    pub change: Change,
    /// Its size in the first snapshot; 0 if it is not there.
    pub bytes_before: u64,
    /// Its size in the second snapshot; 0 if it is not there.
    pub bytes_after: u64,
}

/// How a key differs; nothing if both have it alike, or neither has a file of it.
pub(super) fn change(before: Option<&ListLine>, after: Option<&ListLine>) -> Option<Change> {
    let has = |line: Option<&ListLine>| line.is_some_and(|line| line.outcome.is_on_disk());
    match (before, after) {
        (Some(before), Some(after)) if has(Some(before)) && has(Some(after)) => between(before, after),
        (_, after) if has(after) => Some(if before.is_none() { Change::Added } else { Change::NotInBefore }),
        (before, _) if has(before) => {
            Some(if after.is_none() { Change::Removed } else { Change::NotInAfter })
        }
        _ => None,
    }
}

fn between(before: &ListLine, after: &ListLine) -> Option<Change> {
    let bytes = |line: &ListLine| (line.size_bytes, line.sha256);
    if bytes(before) != bytes(after) || before.etag != after.etag {
        return Some(Change::Changed);
    }
    let is_same = before.modified == after.modified
        && before.content_type == after.content_type
        && before.headers == after.headers
        && before.meta == after.meta
        && before.acl == after.acl;
    (!is_same).then_some(Change::Metadata)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::Sha256;
    use crate::outcome::Outcome;

    fn line() -> ListLine {
        let mut line = ListLine::new("k", 3, "e", "2015-10-21T07:28:00Z".parse().unwrap());
        line.sha256 = Some(Sha256::of(b"abc"));
        line
    }

    fn changed(change_line: impl Fn(&mut ListLine)) -> Option<Change> {
        let mut after = line();
        change_line(&mut after);
        let there = change(Some(&line()), Some(&after));
        assert_eq!(there, change(Some(&after), Some(&line())), "it is the same the other way round");
        there
    }

    #[test]
    fn each_sort_of_change_is_told_and_what_says_nothing_of_the_object_is_none() {
        assert_eq!(changed(|_| {}), None);
        assert_eq!(changed(|line| line.size_bytes = 4), Some(Change::Changed));
        assert_eq!(changed(|line| line.etag = "f".to_owned()), Some(Change::Changed));
        assert_eq!(changed(|line| line.sha256 = Some(Sha256::of(b"abd"))), Some(Change::Changed));
        assert_eq!(
            changed(|line| line.modified = "2015-10-21T07:28:01Z".parse().unwrap()),
            Some(Change::Metadata)
        );
        assert_eq!(changed(|line| line.content_type = Some("t".to_owned())), Some(Change::Metadata));
        assert_eq!(
            changed(|line| drop(line.headers.insert("Expires".to_owned(), "0".to_owned()))),
            Some(Change::Metadata)
        );
        assert_eq!(
            changed(|line| drop(line.meta.insert("a".to_owned(), "b".to_owned()))),
            Some(Change::Metadata)
        );
        assert_eq!(changed(|line| line.acl = Some("x".to_owned())), Some(Change::Metadata));
        assert_eq!(changed(|line| line.outcome = Outcome::Unchanged), None);
        assert_eq!(changed(|line| line.outcome = Outcome::Unverifiable(String::new())), None);
        assert_eq!(changed(|line| line.checked = Some(crate::s3::Checked::Md5)), None);
        assert_eq!(changed(|line| line.other_path = Some("k%+".to_owned())), None);
    }

    #[test]
    fn what_is_only_listed_is_not_there_and_neither_added_nor_removed() {
        let gone = |outcome| Some(ListLine { outcome, sha256: None, ..line() });
        let there = Some(line());
        let told =
            |before: &Option<ListLine>, after: &Option<ListLine>| change(before.as_ref(), after.as_ref());
        assert_eq!(told(&None, &there), Some(Change::Added));
        assert_eq!(told(&there, &None), Some(Change::Removed));
        for lost in [
            gone(Outcome::Vanished),
            gone(Outcome::Refused("x".to_owned())),
            gone(Outcome::Failed("x".to_owned())),
        ] {
            assert_eq!(told(&there, &lost), Some(Change::NotInAfter));
            assert_eq!(told(&lost, &there), Some(Change::NotInBefore));
            assert_eq!(told(&lost, &lost), None);
            assert_eq!((told(&lost, &None), told(&None, &lost)), (None, None));
        }
        assert_eq!(told(&None, &None), None);
    }
}
