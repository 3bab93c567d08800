//! The room for snapshots in a directory of this machine, beside what is in the buckets.

use std::path::{Path, PathBuf};

use super::buckets::Totals;
use super::check::{Check, bad, failed, good, unknown};
use crate::blocking::blocking;
use crate::disk::{Room, Root};
use crate::error::Result;
use crate::snapshot::MANIFEST;
use crate::units::size;

const NAME: &str = "space";

/// Looks at the directory, or at the nearest one above it that is there.
pub(super) async fn look(repository: &Path, needed: Option<Totals>) -> Check {
    let path = repository.to_owned();
    match blocking(move || Ok((room(&path)?, has_snapshot(&path)))).await {
        Ok((room, has_snapshot)) => judge(&repository.display().to_string(), room, needed, has_snapshot),
        Err(error) => failed(NAME, &error, "name a directory that can be reached"),
    }
}

fn judge(path: &str, room: Room, needed: Option<Totals>, has_snapshot: bool) -> Check {
    let free = format!("{path} has room for {}", room.said());
    let Some(Totals { objects, bytes }) = needed else {
        let why = format!("{free}; how much is in the buckets is not known");
        return unknown(NAME, why, "compare it by hand with what is in the buckets");
    };
    let what = format!("{free}; in the buckets are {} in {objects} objects", size(bytes));
    if room.has_room_for(objects, bytes) {
        return good(NAME, what);
    }
    if has_snapshot {
        let why = format!("{what}; snapshots are there already, and only what is new since takes room");
        return unknown(NAME, why, "make room if much is new since");
    }
    bad(NAME, what, "make room, or choose another directory")
}

fn room(path: &Path) -> Result<Room> {
    Root::open(nearest(path))?.room()
}

/// The path, or what is above it and there.
fn nearest(path: &Path) -> PathBuf {
    let there = path.ancestors().find(|above| above.exists()).map(Path::to_owned);
    there.filter(|above| !above.as_os_str().is_empty()).unwrap_or_else(|| PathBuf::from("."))
}

/// Whether a snapshot is there, with whose files a new one shares what is the same.
fn has_snapshot(path: &Path) -> bool {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| path.join(MANIFEST).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn room_is_judged_by_what_is_in_the_buckets_and_never_by_a_guess() {
        let room = Room { bytes: 1000, files: Some(10) };
        let state = |room, needed, has_snapshot| judge("/b", room, needed, has_snapshot).state;
        let totals = |objects, bytes| Some(Totals { objects, bytes });
        assert_eq!(state(room, totals(10, 1000), false), State::Good);
        assert_eq!(state(room, totals(11, 1), false), State::Bad);
        assert_eq!(state(room, totals(1, 1001), false), State::Bad);
        assert_eq!(state(room, totals(1, 1001), true), State::Unknown);
        assert_eq!(state(room, None, false), State::Unknown);
        assert_eq!(state(Room { files: None, ..room }, totals(u64::MAX, 1), false), State::Good);
    }

    #[test]
    fn a_directory_that_is_not_there_yet_has_the_room_of_the_one_above_it() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(nearest(&place.path().join("a/b/c")), place.path());
        assert_eq!(nearest(Path::new("not-there/b")), Path::new("."));
        assert!(room(&place.path().join("a")).unwrap().bytes > 0);
        assert!(!has_snapshot(place.path()));
    }
}
