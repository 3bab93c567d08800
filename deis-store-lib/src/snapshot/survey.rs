//! A look at a repository: each snapshot with its condition, its parts, and what speaks for or against it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::held::Held;
use super::name::{RUN, SnapshotName, UNFINISHED};
use super::part_entry::PartEntry;
use super::reader::SnapshotReader;
use super::repository::Repository;
use super::unfinished::run_file_of;
use super::verified_lines::Verification;
use crate::disk::Root;
use crate::error::{ErrorKind, Result};
use crate::outcome::PartOutcome;
use crate::part::Part;

/// Whether a snapshot can be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// Everything that was asked for is in it, and no verification has found damage since.
    Good,
    /// Something that was asked for is not in it.
    Incomplete,
    /// It has no good manifest, or a verification has found damage in it.
    Damaged,
    /// Only a newer version can read it.
    Newer,
    /// Its run has not finished.
    Unfinished,
}

/// A snapshot in a repository.
#[derive(Clone, Debug)]
pub(crate) struct Surveyed {
    pub(crate) name: SnapshotName,
    pub(crate) condition: Condition,
    /// Why it is not good, if it is not.
    pub(crate) why: Option<String>,
    /// Its parts, as its manifest has them; without names of files.
    pub(crate) parts: BTreeMap<Part, PartEntry>,
    /// The domain of the platform that it is of, where the repository has snapshots of several.
    pub(crate) domain: Option<String>,
    pub(crate) held: Option<Held>,
    /// The last verification.
    pub(crate) verified: Option<Verification>,
    /// Its sort, if it is not finished.
    pub(crate) unfinished: Option<Unfinished>,
}

/// The sort of an unfinished directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unfinished {
    /// Everything of it is safe, and it needs only its name.
    Sealed,
    /// A run has begun it, to take these parts; nothing if that cannot be read.
    Begun(Option<BTreeSet<Part>>),
    /// A deletion has left it, or a run that had not even begun.
    Left,
}

impl Surveyed {
    /// The name of its directory.
    pub(crate) fn directory(&self) -> String {
        let suffix = if self.unfinished.is_some() { UNFINISHED } else { "" };
        format!("{}{suffix}", self.name)
    }

    /// When its run started, by its name.
    pub(crate) fn started(&self) -> Result<Timestamp> {
        self.name.time()
    }

    /// The parts that are stored in it.
    pub(crate) fn stored(&self) -> impl Iterator<Item = (&Part, &PartEntry)> {
        self.parts.iter().filter(|(_, entry)| entry.outcome == PartOutcome::Stored)
    }

    /// The parts that it was to have, and that could not be taken.
    pub(crate) fn failed(&self) -> impl Iterator<Item = &Part> {
        let failed = self.parts.iter().filter(|(_, entry)| entry.outcome == PartOutcome::Failed);
        failed.map(|(part, _)| part)
    }

    fn new(name: SnapshotName, condition: Condition) -> Self {
        Self {
            name,
            condition,
            why: None,
            parts: BTreeMap::new(),
            domain: None,
            held: None,
            verified: None,
            unfinished: None,
        }
    }
}

impl Repository {
    /// Its snapshots, oldest first, and what unfinished runs have left. One that cannot be read is damaged.
    pub(crate) fn survey(&self) -> Result<Vec<Surveyed>> {
        self.survey_if(|_| true)
    }

    /// The same for what unfinished runs have left.
    pub(super) fn survey_unfinished(&self) -> Result<Vec<Surveyed>> {
        self.survey_if(|unfinished| unfinished)
    }

    fn survey_if(&self, wanted: impl Fn(bool) -> bool) -> Result<Vec<Surveyed>> {
        let mut found = Vec::new();
        for (name, is_unfinished) in self.names()?.into_iter().filter(|name| wanted(name.1)) {
            let suffix = if is_unfinished { UNFINISHED } else { "" };
            let root = match self.root().subdirectory(&format!("{name}{suffix}"), false) {
                // It was removed meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                other => other?,
            };
            found.push(if is_unfinished { unfinished(name, &root) } else { look(name, root) });
        }
        let domains: BTreeSet<_> = found.iter().filter_map(|found| found.domain.as_ref()).collect();
        if domains.len() < 2 {
            for found in &mut found {
                found.domain = None;
            }
        }
        Ok(found)
    }

    /// The same for one finished snapshot.
    pub(crate) fn survey_of(&self, name: &SnapshotName) -> Result<Surveyed> {
        Ok(look(name.clone(), self.root().subdirectory(name.as_str(), false)?))
    }
}

fn look(name: SnapshotName, root: Root) -> Surveyed {
    let held = Held::of(&root);
    let read = SnapshotReader::of(root);
    let mut surveyed = Surveyed { held, ..Surveyed::new(name, Condition::Damaged) };
    let snapshot = match read {
        Ok(snapshot) => snapshot,
        Err(error) => {
            match error.kind() {
                ErrorKind::Format => surveyed.condition = Condition::Newer,
                // It has its name for a moment only.
                ErrorKind::Locked => {
                    surveyed.condition = Condition::Unfinished;
                    surveyed.unfinished = Some(Unfinished::Sealed);
                }
                _ => {}
            }
            surveyed.why = Some(error.what());
            return surveyed;
        }
    };
    let (manifest, verified) = (snapshot.manifest(), snapshot.verified());
    surveyed.parts = parts(&snapshot);
    surveyed.domain.clone_from(&manifest.source.domain);
    surveyed.verified = verified.last().cloned();
    if manifest.snapshot != surveyed.name.as_str() {
        surveyed.why = Some(format!("its manifest is the one of {}", manifest.snapshot));
    } else if let Some(why) = verified.distrust() {
        surveyed.why = Some(why);
    } else if manifest.complete {
        surveyed.condition = Condition::Good;
    } else {
        surveyed.condition = Condition::Incomplete;
        surveyed.why = Some("not everything that was asked for is in it".to_owned());
    }
    surveyed
}

fn parts(snapshot: &SnapshotReader) -> BTreeMap<Part, PartEntry> {
    let entries = snapshot.manifest().parts.iter();
    let without_names =
        |entry: &PartEntry| PartEntry { lists: Vec::new(), files: Vec::new(), ..entry.clone() };
    entries.map(|(part, entry)| (part.clone(), without_names(entry))).collect()
}

fn unfinished(name: SnapshotName, root: &Root) -> Surveyed {
    let mut surveyed = Surveyed { held: Held::of(root), ..Surveyed::new(name, Condition::Unfinished) };
    let sealed = SnapshotReader::of(root.clone());
    let sealed = sealed.ok().filter(|sealed| sealed.manifest().snapshot == surveyed.name.as_str());
    let (what, why) = if let Some(snapshot) = sealed {
        surveyed.parts = parts(&snapshot);
        surveyed.domain.clone_from(&snapshot.manifest().source.domain);
        (Unfinished::Sealed, "everything of it is safe: the next backup gives it its name")
    } else if has_run_file(root) {
        (Unfinished::Begun(asked(root)), "its run has not finished")
    } else {
        (Unfinished::Left, "it is what a deletion has left")
    };
    (surveyed.unfinished, surveyed.why) = (Some(what), Some(why.to_owned()));
    surveyed
}

/// Whether an unfinished directory says what its run was asked for. One that cannot be looked at may.
pub(super) fn has_run_file(root: &Root) -> bool {
    !matches!(root.kind(&[RUN]), Ok(None))
}

/// The parts that a run was asked for.
fn asked(root: &Root) -> Option<BTreeSet<Part>> {
    run_file_of(root)?
        .get("parts")?
        .as_array()?
        .iter()
        .map(|name| Part::of_name(name.as_str()?, None))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::run::Run;
    use crate::snapshot::sample;

    fn conditions(path: &Path) -> Vec<(Condition, Option<Unfinished>)> {
        let found = Repository::open(path).unwrap().survey().unwrap();
        found.into_iter().map(|found| (found.condition, found.unfinished)).collect()
    }

    #[test]
    fn each_snapshot_is_known_for_what_it_is() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_owned();
        for _ in 0..4 {
            sample::build(&path);
        }
        let unfinished = sample::begin(&path);
        let mut manifest = sample::fill(&unfinished);
        manifest.complete = false;
        drop(unfinished.commit(manifest).unwrap());
        drop(sample::begin(&path));
        let found = Repository::open(&path).unwrap().survey().unwrap();
        let at = |number: usize, name: &str| path.join(found[number].directory()).join(name);
        fs::write(at(1, "manifest.json"), "{}").unwrap();
        fs::write(at(2, "verified.jsonl"), "x").unwrap();
        let newer =
            fs::read_to_string(at(3, "manifest.json")).unwrap().replace("\"format\": 1", "\"format\": 2");
        let digest = crate::hash::Sha256::of(newer.as_bytes());
        fs::write(at(3, "manifest.json.sha256"), format!("{digest}  manifest.json\n")).unwrap();
        fs::write(at(3, "manifest.json"), newer).unwrap();
        let conditions: Vec<_> = conditions(&path).into_iter().map(|(condition, _)| condition).collect();
        assert_eq!(format!("{conditions:?}"), "[Good, Damaged, Damaged, Newer, Incomplete, Unfinished]");
        assert!(found[0].stored().count() == 4 && found[0].why.is_none());
    }

    #[test]
    fn the_manifest_of_another_snapshot_is_damage() {
        let directory = tempfile::tempdir().unwrap();
        let old = sample::build(directory.path()).path().to_owned();
        fs::rename(old, directory.path().join("2100-01-01T00-00-00Z")).unwrap();
        let found = Repository::open(directory.path()).unwrap().survey().unwrap();
        assert_eq!(found[0].condition, Condition::Damaged);
        assert!(found[0].why.as_ref().unwrap().contains("its manifest is the one of 20"), "{found:?}");
    }

    #[test]
    fn what_is_unfinished_is_whole_but_for_its_name_or_begun_or_left_by_a_deletion() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let whole = sample::build(path).path().to_owned();
        fs::rename(&whole, whole.with_extension("unfinished")).unwrap();
        drop(Repository::open(path).unwrap().begin(&Run::silent(), &serde_json::json!({"parts": ["sql"]})));
        fs::create_dir(path.join("2100-01-01T00-00-00Z.unfinished")).unwrap();
        let begun = Unfinished::Begun(Some([Part::Sql].into()));
        let found: Vec<_> = conditions(path).into_iter().map(|(_, unfinished)| unfinished.unwrap()).collect();
        assert_eq!(found, [Unfinished::Sealed, begun, Unfinished::Left]);
    }
}
