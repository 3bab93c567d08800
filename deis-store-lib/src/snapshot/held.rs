//! The mark by which a snapshot is held, `held.json`: outside of every digest, put there and taken away by hand.

use std::io::Read;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::json::json;
use super::name::HELD;
use super::reader::SnapshotReader;
use super::time::{maybe_milliseconds, milliseconds, timestamp};
use crate::disk::Root;
use crate::error::{At, Error, ErrorKind, Result};
use crate::run::Run;

/// The reason is a sentence, not a document.
const LONGEST_REASON_BYTES: usize = 1000;

/// A snapshot that is held: it is not removed until it is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// Since when; nothing if the mark cannot be read.
    #[serde(serialize_with = "maybe_milliseconds::serialize")]
    pub since: Option<Timestamp>,
    /// Why, in the words of its holder; or why the mark cannot be read.
    pub why: String,
}

/// The file.
#[derive(Serialize, Deserialize)]
struct Mark {
    #[serde(with = "milliseconds")]
    since: Timestamp,
    #[serde(default)]
    why: String,
}

impl Held {
    /// How a directory is held, if it is. A mark that cannot be read holds it all the same.
    pub(super) fn of(root: &Root) -> Option<Self> {
        match read(root) {
            Ok(mark) => mark.map(|Mark { since, why }| Self { since: Some(since), why }),
            Err(error) => Some(Self { since: None, why: format!("{HELD} cannot be read: {}", error.what()) }),
        }
    }
}

impl SnapshotReader {
    /// How it is held, if it is.
    #[must_use]
    pub fn held(&self) -> Option<Held> {
        Held::of(self.root())
    }

    /// Holds it: it is not removed until it is released. One that is held already stays so since then; its reason changes
    /// if one is given.
    pub fn hold(&self, why: Option<&str>, run: &Run) -> Result<Held> {
        if why.is_some_and(|why| why.len() > LONGEST_REASON_BYTES) {
            let error = Error::new(ErrorKind::Usage, "the reason is too long");
            return Err(error.todo(format!("say it in {LONGEST_REASON_BYTES} bytes")));
        }
        let root = self.root();
        root.check_name_for_file(HELD, true)?;
        let before = self.held();
        let since = before.as_ref().and_then(|held| held.since);
        if let (Some(held), Some(_), None) = (&before, since, why) {
            return Ok(held.clone());
        }
        let since = since.map_or_else(|| timestamp(run.clock.now()), Ok)?;
        let mark = Mark { since, why: why.unwrap_or_default().to_owned() };
        root.new_file(&[HELD])?.commit_with(&json(&mark)?)?;
        // As it is read from now on: times are kept to the millisecond.
        Ok(self.held().unwrap_or(Held { since: Some(since), why: mark.why }))
    }

    /// Releases it; says how it was held, if it was.
    pub fn release(&self) -> Result<Option<Held>> {
        let (root, held) = (self.root(), self.held());
        if held.is_some() {
            root.check_name_for_file(HELD, true)?;
            root.remove_file(HELD)?;
            root.sync()?;
        }
        Ok(held)
    }
}

fn read(root: &Root) -> Result<Option<Mark>> {
    let file = match root.open_file(&[HELD]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let problem =
        |why: String| Error::new(ErrorKind::Damaged, why).at(At::Path, root.path().join(HELD).display());
    let mut text = Vec::new();
    let read = file.take(64 << 10).read_to_end(&mut text);
    read.map_err(|error| problem(error.to_string()))?;
    serde_json::from_slice(&text).map(Some).map_err(|error| problem(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    #[test]
    fn a_snapshot_is_held_until_it_is_released_and_keeps_when_and_why() {
        let directory = tempfile::tempdir().unwrap();
        let (snapshot, run) = (sample::build(directory.path()), Run::silent());
        assert_eq!((snapshot.held(), snapshot.release().unwrap()), (None, None));
        let held = snapshot.hold(Some("before the upgrade"), &run).unwrap();
        assert_eq!((snapshot.held(), held.why.as_str()), (Some(held.clone()), "before the upgrade"));
        assert_eq!(snapshot.hold(None, &run).unwrap().why, "before the upgrade");
        let again = snapshot.hold(Some("audit"), &run).unwrap();
        assert_eq!((again.why.as_str(), again.since), ("audit", held.since));
        assert_eq!(snapshot.release().unwrap().unwrap().why, "audit");
        assert_eq!(snapshot.held(), None);
        let long = "x".repeat(LONGEST_REASON_BYTES + 1);
        assert_eq!(snapshot.hold(Some(&long), &run).unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_mark_that_cannot_be_read_holds_it() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        std::fs::write(snapshot.path().join(HELD), "").unwrap();
        let held = snapshot.held().unwrap();
        assert!(held.since.is_none() && held.why.contains("cannot be read"), "{held:?}");
        assert!(snapshot.hold(None, &Run::silent()).unwrap().since.is_some(), "it is made anew");
        std::fs::remove_file(snapshot.path().join(HELD)).unwrap();
        std::fs::create_dir(snapshot.path().join(HELD)).unwrap();
        assert!(snapshot.held().is_some() && snapshot.release().is_err());
        assert_eq!(snapshot.hold(None, &Run::silent()).unwrap_err().kind(), ErrorKind::Occupied);
    }
}
