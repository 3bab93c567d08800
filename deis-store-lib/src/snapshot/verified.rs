//! The results of later verifications of a snapshot, in `verified.jsonl`: outside every digest, and replaced as a whole.
//!
//! Results accumulate, and no two verifications lose each other's. A file that cannot be read may have named anything.

use std::collections::BTreeSet;
use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

use jiff::Timestamp;

use super::manifest::PROGRAM;
use super::name::{LISTS, VERIFIED};
use super::reader::SnapshotReader;
use super::verified_lines::{DamagedPlace, Record, Verification};
use crate::disk::{Lock, Root};
use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Verdict};

/// The file has at most 10,000 names of a few hundred bytes.
const LARGEST_BYTES: u64 = 64 << 20;

/// So many names of a single verification are kept.
const MOST_NAMES: usize = 1000;

/// So many are kept of what is damaged in what it holds. One would do for the snapshot not to be trusted; the others are for whoever
/// reads the file.
const MOST_WITHIN: usize = 100;

/// Another verification holds the lock for a few syncs.
const PATIENCE: Duration = Duration::from_secs(20);

/// The damage that a verification has found, while it runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct DamageFound {
    places: Vec<DamagedPlace>,
    count: u64,
    /// What is as it was written, and damaged in what it holds: places of no part.
    within: Vec<DamagedPlace>,
}

impl DamageFound {
    /// Whether there is any.
    pub(crate) fn is_any(&self) -> bool {
        self.count > 0 || !self.within.is_empty()
    }

    /// Adds a finding, if it is damage.
    pub(crate) fn add(&mut self, finding: &Finding) {
        if finding.kind.verdict() != Verdict::Damaged {
            return;
        }
        self.count += 1;
        if self.places.len() < MOST_NAMES {
            self.places.push(place(finding));
        }
    }

    /// Adds something of a bucket that is as it was written, and is damaged in what it holds or lacks what it needs.
    ///
    /// Its place is of no part, so that the snapshot is not trusted, and the next backup shares the object all the same: where it
    /// would be fetched from, it is no better.
    pub(crate) fn add_within(&mut self, part: &Part, name: &str) {
        if self.within.len() < MOST_WITHIN {
            let path = Some(format!("{part}/{name}"));
            self.within.push(DamagedPlace { path, ..DamagedPlace::default() });
        }
    }
}

/// The place of a finding. A damaged list stands for its part, since everything of that rests on it.
fn place(finding: &Finding) -> DamagedPlace {
    let part = finding.part.as_ref();
    let name = Some(finding.name.clone());
    let (key, path) = match part {
        Some(part) if part.as_bucket().is_some() && finding.name.starts_with(&format!("{LISTS}/")) => {
            (None, name)
        }
        Some(part) if finding.kind == FindingKind::Contradiction && part.name() == finding.name => {
            (None, None)
        }
        Some(part) if part.as_bucket().is_some() => (name, None),
        _ => (None, name),
    };
    DamagedPlace { part: part.map(ToString::to_string), key, path }
}

/// The results of a snapshot's verifications.
#[derive(Clone, Debug)]
pub(crate) struct Verified(Result<Record, String>);

/// The keys of a part, or its one file, that were ever named as damaged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Damaged {
    /// Everything of it may be.
    All,
    /// These keys.
    Keys(BTreeSet<String>),
}

impl Damaged {
    /// Whether nothing is.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self, Self::Keys(keys) if keys.is_empty())
    }

    /// Whether the object of this key may be damaged.
    pub(crate) fn has(&self, key: &str) -> bool {
        match self {
            Self::All => true,
            Self::Keys(keys) => keys.contains(key),
        }
    }
}

impl Verified {
    /// The last result; nothing if there is none, or the file cannot be read.
    pub(crate) fn last(&self) -> Option<&Verification> {
        self.0.as_ref().ok().and_then(|record| record.results.last())
    }

    /// The damage of a part that was ever named, and not taken away by a good reading of everything.
    pub(crate) fn damaged(&self, part: &Part) -> Damaged {
        let Ok(record) = &self.0 else { return Damaged::All };
        let mut keys = BTreeSet::new();
        for place in record.places.keys() {
            match place {
                DamagedPlace { part: Some(name), .. } if name != part.name() => {}
                DamagedPlace { part: None, path: Some(_), .. } => {}
                DamagedPlace { key: Some(key), part: Some(_), .. } => drop(keys.insert(key.clone())),
                _ => return Damaged::All,
            }
        }
        Damaged::Keys(keys)
    }

    /// Why the snapshot is not to be trusted, if it is not.
    pub(crate) fn distrust(&self) -> Option<String> {
        let record = match &self.0 {
            Err(why) => return Some(format!("{VERIFIED} cannot be read, and may have named damage: {why}")),
            Ok(record) => record,
        };
        if let Some(since) = record.places.values().min() {
            let count = record.places.len();
            return Some(format!(
                "a verification found damage, first at {since:.0}; {count} places of it are kept"
            ));
        }
        let last = record.results.last().filter(|last| last.verdict == Verdict::Damaged)?;
        Some(format!("the last verification found damage, at {:.0}", last.time))
    }
}

impl SnapshotReader {
    /// The results of its verifications.
    pub(crate) fn verified(&self) -> Verified {
        Verified(read(self.root()).map_err(|error| error.what()))
    }

    /// Whether a key of a part was ever named as damaged in it. A volume, a dump or a configuration has no keys: it is all
    /// damaged, or has none.
    pub(crate) fn damaged(&self, part: &Part) -> Damaged {
        self.verified().damaged(part)
    }

    /// Keeps the result of a verification, which has begun and ended at these times. It may wait for another one that does the same.
    pub(crate) fn keep_verification(
        &self,
        [started, time]: [Timestamp; 2],
        (verdict, read_text, read_everything): (Verdict, String, bool),
        found: DamageFound,
    ) -> Result<()> {
        let root = self.root();
        let _lock = lock(root)?;
        root.check_name_for_file(VERIFIED, true)?;
        let mut record = read(root).unwrap_or_else(|_| {
            // It may have named anything.
            let mut record = Record::default();
            record.add(DamagedPlace::default(), time);
            record
        });
        let more = found.count > found.places.len() as u64;
        let program = PROGRAM.to_owned();
        let result = Verification { time, program, read: read_text, verdict, damaged: found.count, more };
        let places = found.places.into_iter().chain(found.within).collect();
        record.keep(result, places, read_everything.then_some(started));
        root.new_file(&[VERIFIED])?.commit_with(&record.text()?).map(drop)
    }
}

/// The lock is the directory's own, so that nothing is left of it.
fn lock(root: &Root) -> Result<Lock> {
    let pause = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        match Lock::directory(root) {
            Err(error) if error.kind() == ErrorKind::Locked && waited < PATIENCE => {
                sleep(pause);
                waited += pause;
            }
            other => return other,
        }
    }
}

fn read(root: &Root) -> Result<Record> {
    let file = match root.open_file(&[VERIFIED]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Record::default()),
        other => other?,
    };
    let place = root.path().join(VERIFIED);
    let mut text = Vec::new();
    let read = file.take(LARGEST_BYTES + 1).read_to_end(&mut text);
    read.map_err(|error| disk_error("read", place.display(), error))?;
    if text.len() as u64 > LARGEST_BYTES {
        return Err(Error::new(ErrorKind::Damaged, "it is far too large").at(At::Path, place.display()));
    }
    Record::parse(&text).map_err(|error| error.at(At::Path, place.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::sample;

    fn finding(part: Option<&Part>, name: &str, kind: FindingKind) -> Finding {
        Finding::new(part, name, kind, "x")
    }

    fn time() -> Timestamp {
        "2026-11-26T00:00:00Z".parse().unwrap()
    }

    fn keep(snapshot: &SnapshotReader, verdict: Verdict, everything: bool, findings: &[Finding]) {
        let mut found = DamageFound::default();
        for finding in findings {
            found.add(finding);
        }
        let read = if everything { "all" } else { "sizes" };
        let result = (verdict, read.to_owned(), everything);
        snapshot.keep_verification([time(); 2], result, found).unwrap();
    }

    fn keys(keys: &[&str]) -> Damaged {
        Damaged::Keys(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    #[test]
    fn each_damage_is_known_where_it_is_until_everything_was_read_and_good() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        let registry = Part::registry();
        assert!(snapshot.verified().last().is_none() && snapshot.verified().distrust().is_none());
        let named = [
            finding(Some(&registry), "a", FindingKind::Changed),
            finding(Some(&registry), "d/", FindingKind::Extra),
            finding(None, "run.json", FindingKind::Missing),
        ];
        keep(&snapshot, Verdict::Damaged, true, &named);
        assert_eq!(snapshot.damaged(&registry), keys(&["a"]));
        assert!(snapshot.damaged(&registry).has("a") && !snapshot.damaged(&registry).has("a/b"));
        assert_eq!(snapshot.damaged(&Part::db_wal()), keys(&[]));
        keep(&snapshot, Verdict::Good, false, &[]);
        assert_eq!(snapshot.verified().last().unwrap().verdict, Verdict::Good);
        assert!(snapshot.verified().distrust().is_some(), "sizes say nothing of bytes");
        assert_eq!(snapshot.damaged(&registry), keys(&["a"]));
        keep(&snapshot, Verdict::Good, true, &[]);
        assert_eq!(snapshot.damaged(&registry), keys(&[]));
        assert!(snapshot.verified().distrust().is_none());
    }

    #[test]
    fn what_is_damaged_in_what_it_holds_is_distrusted_until_everything_was_read_and_shared_all_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let (snapshot, registry) = (sample::build(directory.path()), Part::registry());
        let mut found = DamageFound::default();
        (0..=MOST_WITHIN).for_each(|name| found.add_within(&registry, &name.to_string()));
        assert!(found.is_any());
        snapshot.keep_verification([time(); 2], (Verdict::Damaged, "all".to_owned(), true), found).unwrap();
        keep(&snapshot, Verdict::Good, false, &[]);
        assert!(snapshot.verified().distrust().is_some());
        assert_eq!(snapshot.damaged(&registry), keys(&[]));
        keep(&snapshot, Verdict::Good, true, &[]);
        assert!(snapshot.verified().distrust().is_none());
    }

    #[test]
    fn a_list_or_a_contradiction_stands_for_its_part_and_a_file_for_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        let (registry, wal) = (Part::registry(), Part::db_wal());
        keep(
            &snapshot,
            Verdict::Damaged,
            true,
            &[
                finding(Some(&registry), "lists/registry.1-of-2.jsonl.gz", FindingKind::Changed),
                finding(Some(&wal), "db_wal", FindingKind::Contradiction),
                finding(Some(&Part::Config), "config.json", FindingKind::Missing),
            ],
        );
        for part in [registry, wal, Part::Config] {
            assert_eq!(snapshot.damaged(&part), Damaged::All, "{part}");
        }
        assert_eq!(snapshot.damaged(&Part::Volume), keys(&[]));
    }

    #[test]
    fn more_damage_than_is_named_is_damage_everywhere() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        let many: Vec<_> = (0..=MOST_NAMES)
            .map(|name| finding(Some(&Part::registry()), &name.to_string(), FindingKind::Missing))
            .collect();
        keep(&snapshot, Verdict::Damaged, true, &many);
        let last = snapshot.verified().last().cloned().unwrap();
        assert_eq!((last.damaged, last.more), (MOST_NAMES as u64 + 1, true));
        assert_eq!(snapshot.damaged(&Part::db_wal()), Damaged::All);
    }

    #[test]
    fn a_file_that_cannot_be_read_may_have_named_anything_also_after_the_next_result() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        std::fs::write(snapshot.path().join(VERIFIED), "{").unwrap();
        assert_eq!(snapshot.damaged(&Part::Config), Damaged::All);
        assert!(snapshot.verified().distrust().is_some());
        keep(&snapshot, Verdict::Good, false, &[]);
        assert_eq!(snapshot.damaged(&Part::Config), Damaged::All);
        keep(&snapshot, Verdict::Good, true, &[]);
        assert_eq!(snapshot.damaged(&Part::Config), keys(&[]));
    }

    #[test]
    fn verifications_at_once_lose_nothing_of_each_other() {
        let directory = tempfile::tempdir().unwrap();
        let snapshot = sample::build(directory.path());
        std::thread::scope(|threads| {
            for number in 0..8 {
                let snapshot = SnapshotReader::open(snapshot.path()).unwrap();
                threads.spawn(move || {
                    let key = finding(Some(&Part::registry()), &number.to_string(), FindingKind::Changed);
                    keep(&snapshot, Verdict::Damaged, true, &[key]);
                });
            }
        });
        assert_eq!(snapshot.damaged(&Part::registry()), keys(&["0", "1", "2", "3", "4", "5", "6", "7"]));
    }
}
