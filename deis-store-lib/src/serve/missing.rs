//! What a client of a served snapshot would miss: it is said before the snapshot is served, and references that need what is lost are
//! not served, as a restore would not write them.

use crate::cluster::Discovery;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::etcd::Etcd;
use crate::gateway::HeldBackParts;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::restorable::{Judge, Judged};
use crate::run::Stop;
use crate::snapshot::{PartEntry, SnapshotReader};

/// So many references of a part are named.
const MOST_NAMED: usize = 20;

/// What is lost of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Missing {
    /// The references that need it.
    pub(super) held: HeldBackParts,
    /// What is to be said of it.
    pub(super) said: Vec<String>,
}

/// Finds out what is lost by the lists and by earlier verifications; no file of an object is looked at. Blocking.
pub(super) fn look(snapshot: &SnapshotReader, stop: &Stop) -> Result<Missing> {
    let mut missing = Missing::default();
    if let Some(why) = snapshot.verified().distrust() {
        missing.said.push(format!("warning: the snapshot is not to be trusted: {why}"));
    }
    for (part, entry) in &snapshot.manifest().parts {
        if part.as_bucket().is_none() || entry.outcome == PartOutcome::Absent {
            continue;
        }
        if entry.lists.is_empty() {
            let why = entry.why.as_deref().map_or(String::new(), |why| format!(": {why}"));
            missing.said.push(format!("warning: the snapshot has no {part}{why}"));
            continue;
        }
        missing.part(snapshot, (part, entry), stop)?;
    }
    Ok(missing)
}

impl Missing {
    fn part(
        &mut self,
        snapshot: &SnapshotReader,
        (part, entry): (&Part, &PartEntry),
        stop: &Stop,
    ) -> Result<()> {
        let (objects, damaged) = (snapshot.objects(part)?, snapshot.damaged(part));
        let mut judge = Judge::of(part.contents().unwrap_or_default());
        for line in objects.lines()? {
            stop.check()?;
            let line = line?;
            if !line.outcome.is_on_disk() || damaged.has(&line.key) {
                judge.lose(&line.key);
            }
        }
        let counts = &entry.counts;
        let gone = counts.too_many_vanished().map_or(0, |_| counts.vanished);
        let lost = counts.refused.saturating_add(counts.failed).saturating_add(gone);
        if lost > 0 {
            self.said.push(format!(
                "warning: {lost} objects of {part} are not served, since the backup could not take them: a verification names them"
            ));
        }
        let Judged { held_back: held, restorability, .. } = objects.judged(judge)?;
        self.said.extend(restorability.falls_short.iter().map(|why| format!("warning: {part}: {why}")));
        for (reference, lack) in held.iter().take(MOST_NAMED) {
            let needed = &lack.key;
            self.said.push(format!(
                "warning: `{reference}` of {part} is not served: it needs `{needed}`, which is lost"
            ));
        }
        let more = held.count().saturating_sub(MOST_NAMED as u64);
        if more > 0 {
            self.said.push(format!("warning: {more} more of {part} are not served for such a reason"));
        }
        if !held.is_empty() {
            self.held.insert(part.clone(), held);
        }
        Ok(())
    }
}

/// Why a platform would begin with an empty database or registry: the snapshot has none, or in a bucket of another name than the one
/// that the platform uses.
pub(super) async fn of_platform(snapshot: &SnapshotReader, etcd: &Etcd) -> Result<Option<Error>> {
    let facts = etcd.find_tree("/deis").await?.as_ref().map(Discovery::from_tree);
    let used = |of: fn(&Discovery) -> &str, usual| facts.as_ref().map_or(usual, of).to_owned();
    let mut parts = vec![(Part::db_wal(), used(|facts| &facts.db_wal_bucket, "db_wal"))];
    if facts.as_ref().is_none_or(|facts| facts.registry_elsewhere.is_none()) {
        parts.push((Part::registry(), used(|facts| &facts.registry_bucket, "registry")));
    }
    let what = parts.iter().filter_map(|(part, used)| {
        let entry = snapshot.manifest().parts.get(part).filter(|entry| !entry.lists.is_empty());
        let Some(entry) = entry else { return Some(format!("the snapshot has no {part}")) };
        let served = entry.bucket.as_deref().unwrap_or(part.name());
        (served != used).then(|| {
            let (served, used) = (printable(served), printable(used));
            format!("{part} is in the bucket {served}, and the platform uses {used}")
        })
    });
    let what: Vec<String> = what.collect();
    Ok((!what.is_empty()).then(|| {
        let what = format!("the platform would begin with an empty bucket: {}", what.join("; "));
        Error::new(ErrorKind::Guard, what).at(At::Snapshot, snapshot.path().display()).todo(
            "serve a snapshot that has it, or set the bucket's name in etcd, or confirm that it is to begin empty",
        )
    }))
}
