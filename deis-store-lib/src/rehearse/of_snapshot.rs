//! The rehearsal of a snapshot: it is served by an embedded gateway, restored into a second one, and compared; and its databases are
//! brought back by PostgreSQL itself, where that is here.
//!
//! A proof that cannot be given here is named, and never counts as given.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Instant;

use futures_util::TryStreamExt as _;
use serde::Serialize;
use tokio::io::AsyncReadExt as _;

use super::compare::{self, Side};
use super::database::{self, DatabaseProof, Source, Tools};
use super::entries::EntriesDigest;
use super::report::Step;
use super::site::Site;
use super::tables::Tables;
use super::{internal::internal, wait_for_disk_failure};
use crate::archive::gzip;
use crate::cluster::Configuration;
use crate::contents::Contents;
use crate::error::{Error, ErrorKind, Result, disk_error};
use crate::outcome::PartOutcome;
use crate::part::{Part, PartChoice, PartName};
use crate::report::{Finding, FindingKind, Findings, Verdict, in_one_line};
use crate::restore::{PartPlan, RestoreOptions, RestorePlan, plan, restore};
use crate::run::{Level, Run, TaskKind, milliseconds};
use crate::s3::{BucketName, ObjectKey};
use crate::snapshot::SnapshotReader;

/// A sentinel is small; anything longer is none.
const MOST_SENTINEL_BYTES: usize = 1 << 20;
/// A configuration is small; anything longer is not one.
const MOST_CONFIGURATION_BYTES: u64 = 64 << 20;
const PIECE_BYTES: usize = 128 << 10;

/// The options of a rehearsal of a snapshot.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SnapshotRehearsal {
    /// A directory that is there and is the caller's to remove. It takes as much as the snapshot's buckets, and the database twice.
    pub scratch: PathBuf,
    /// The directory of PostgreSQL's programs. Without it the usual places are looked at.
    pub postgres: Option<PathBuf>,
    /// The program `wal-e`. Without it the one is taken that a shell finds.
    pub wal_e: Option<PathBuf>,
}

impl SnapshotRehearsal {
    /// A rehearsal in a directory.
    #[must_use]
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self { scratch: scratch.into(), postgres: None, wal_e: None }
    }
}

/// The result of a rehearsal of a snapshot.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct SnapshotRehearsed {
    /// Whether what came back is what is in the snapshot, as far as it was proved.
    pub verdict: Verdict,
    /// The snapshot.
    pub snapshot: String,
    /// The steps that were gone.
    pub steps: Vec<Step>,
    /// What differs, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// What was proved, and what was not and why.
    pub proofs: Vec<Proof>,
    /// The databases.
    pub databases: Vec<DatabaseProof>,
    /// How long it took to restore all that was restored, the databases included.
    pub restore_milliseconds: u64,
    /// How long all of it took.
    pub milliseconds: u64,
}

/// Something that a rehearsal proves, or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Proof {
    /// The part, or `database` with its bucket.
    pub what: String,
    /// Whether it was proved.
    pub given: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Rehearses a snapshot. It is an error of [`ErrorKind::Guard`] if the restore is refused, as on a cluster.
pub async fn rehearse_snapshot(
    snapshot: &SnapshotReader,
    options: &SnapshotRehearsal,
    run: &Run,
) -> Result<SnapshotRehearsed> {
    let verb = run.begin(None, TaskKind::Verb, "rehearse");
    let start = Instant::now();
    // The server has another user's rights, and is given directories of its own.
    let mode = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(&options.scratch, mode)
        .map_err(|error| disk_error("change the mode of", options.scratch.display(), error))?;
    let old = Site::of_snapshot(snapshot, run).await?;
    let new = Site::new(&options.scratch, run).await?;
    let mut rehearsal = Rehearsal::new(snapshot, options, run);
    let way = run.stop.cancels(Box::pin(rehearsal.go(&old, &new)));
    let (result, failure) = tokio::select! {
        result = way => (result, new.store.take_disk_failure()),
        failure = wait_for_disk_failure(&old, &new) => (Ok(()), Some(failure)),
    };
    old.gateway.stop().await;
    new.gateway.stop().await;
    if let Some(error) = failure {
        let what = "write to the disk that the rehearsal is made on";
        return Err(disk_error(what, options.scratch.display(), error));
    }
    result?;
    let mut report = rehearsal.report;
    report.verdict = report.verdict.max(report.findings.verdict());
    report.milliseconds = milliseconds(start.elapsed());
    let proved = report.proofs.iter().filter(|proof| proof.given).map(|proof| proof.what.clone()).collect();
    if let Err(error) = snapshot.keep_rehearsal((report.verdict, report.restore_milliseconds), proved, run) {
        let text = format!("the snapshot does not keep this result: {}", in_one_line(&error));
        verb.note(Level::Warning, "not-kept", &text);
    }
    verb.done(report.verdict.task_result());
    Ok(report)
}

struct Rehearsal<'a> {
    snapshot: &'a SnapshotReader,
    options: &'a SnapshotRehearsal,
    run: &'a Run,
    report: SnapshotRehearsed,
    clock: Instant,
}

impl<'a> Rehearsal<'a> {
    fn new(snapshot: &'a SnapshotReader, options: &'a SnapshotRehearsal, run: &'a Run) -> Self {
        let report = SnapshotRehearsed {
            verdict: Verdict::Good,
            snapshot: snapshot.path().display().to_string(),
            steps: Vec::new(),
            findings: Findings::default(),
            proofs: Vec::new(),
            databases: Vec::new(),
            restore_milliseconds: 0,
            milliseconds: 0,
        };
        Self { snapshot, options, run, report, clock: Instant::now() }
    }

    async fn go(&mut self, old: &Site, new: &Site) -> Result<()> {
        self.step("served", 0, 0);
        let restore_options = RestoreOptions { choice: self.choice(), ..RestoreOptions::default() };
        let planned = plan(&new.cluster, self.snapshot, &restore_options, self.run).await?;
        let targets = targets(&planned);
        let restored = Box::pin(restore(&new.cluster, self.snapshot, &planned, self.run)).await?;
        let totals = restored
            .parts
            .values()
            .fold((0, 0), |(objects, bytes), part| (objects + part.restored, bytes + part.bytes));
        self.step("restored", totals.0, totals.1);
        self.report.restore_milliseconds = self.report.steps.last().map_or(0, |step| step.milliseconds);
        self.report.verdict = self.report.verdict.max(restored.verdict);
        self.report.findings = restored.findings;

        let (mut objects, mut bytes) = (0, 0);
        for (part, target) in &targets {
            let of_part = match part {
                Part::Bucket(_) => self.compare_bucket(part, old, (new, target.as_ref())).await?,
                Part::Volume => self.compare_volume(new).await?,
                Part::Config => self.compare_configuration(new)?,
                Part::Sql => continue,
            };
            (objects, bytes) = (objects + of_part.0, bytes + of_part.1);
        }
        self.step("compared", objects, bytes);
        for (part, target) in &targets {
            if let (Some(Contents::WalE), Some(bucket)) = (part.contents(), target) {
                Box::pin(self.databases(part, new, bucket)).await?;
            }
        }
        Ok(())
    }

    fn step(&mut self, name: &'static str, objects: u64, bytes: u64) {
        let milliseconds = milliseconds(self.clock.elapsed());
        self.report.steps.push(Step { name, objects, bytes, milliseconds });
        self.clock = Instant::now();
    }

    fn given(&mut self, what: impl Into<String>) {
        self.report.proofs.push(Proof { what: what.into(), given: true, why: None });
    }

    fn not_given(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.report.proofs.push(Proof { what: what.into(), given: false, why: Some(why.into()) });
    }

    fn found(&mut self, part: &Part, name: &str, what: &str) {
        self.report.findings.push(Finding::new(Some(part), name, FindingKind::Changed, what));
    }

    /// What is in the snapshot; of the rest it is said that nothing is proved.
    fn choice(&mut self) -> PartChoice {
        let manifest = self.snapshot.manifest();
        if !manifest.complete {
            self.report.verdict = Verdict::Incomplete;
        }
        let mut chosen = BTreeSet::new();
        for (part, entry) in &manifest.parts {
            match entry.outcome {
                PartOutcome::Stored if *part != Part::Sql => _ = chosen.insert(PartName::from(part)),
                PartOutcome::Stored => {}
                PartOutcome::Absent => self.not_given(part.name(), "the platform had none"),
                PartOutcome::Skipped => self.not_given(part.name(), "it was not backed up"),
                PartOutcome::Failed => self.not_given(part.name(), "it could not be backed up"),
            }
        }
        PartChoice::Only(chosen)
    }

    async fn compare_bucket(
        &mut self,
        part: &Part,
        old: &Site,
        (new, target): (&Site, Option<&BucketName>),
    ) -> Result<(u64, u64)> {
        let name = self.snapshot.manifest().parts.get(part).and_then(|entry| entry.bucket.clone());
        let before = BucketName::new(name.unwrap_or_else(|| part.name().to_owned()))?;
        let after = target.ok_or_else(|| internal("a bucket without a name"))?;
        let mut findings = Findings::default();
        let sides =
            (Side { client: &old.client, bucket: &before }, Side { client: &new.client, bucket: after });
        let compared = Box::pin(compare::bucket(part, sides, self.run, &mut findings)).await?;
        let counts = self.snapshot.manifest().parts.get(part).map(|entry| entry.counts);
        let lost = counts.map_or(0, |counts| counts.refused.saturating_add(counts.failed));
        if lost > 0 {
            self.not_given(part.name(), format!("{lost} objects are not in the snapshot"));
        } else if findings.verdict() == Verdict::Good {
            self.given(part.name());
        } else {
            self.not_given(part.name(), "not all of it came back as it was");
        }
        self.report.findings.append(findings);
        Ok(compared)
    }

    /// What was unpacked on the host is what the archive of the snapshot holds, entry by entry.
    async fn compare_volume(&mut self, new: &Site) -> Result<(u64, u64)> {
        let name = Part::Volume.file_name().unwrap_or_default();
        let file = tokio::fs::File::from_std(self.snapshot.open_file(name)?);
        let mut archive = Box::pin(gzip::decompress(file));
        let (mut entries, mut piece, mut bytes) = (EntriesDigest::new(), vec![0; PIECE_BYTES], 0);
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Damaged, "the archive cannot be read").because(error)
        };
        loop {
            let count = archive.read(&mut piece).await.map_err(failed)?;
            if count == 0 {
                break;
            }
            std::io::Write::write_all(&mut entries, &piece[..count]).map_err(failed)?;
            bytes += count as u64;
        }
        if new.host.received() == Some(entries.finish().map_err(failed)?) {
            self.given(Part::Volume.name());
        } else {
            self.not_given(Part::Volume.name(), "what came back is not what was there");
            self.found(&Part::Volume, name, "the volume that came back is not the one that was there");
        }
        Ok((1, bytes))
    }

    fn compare_configuration(&mut self, new: &Site) -> Result<(u64, u64)> {
        let name = Part::Config.file_name().unwrap_or_default();
        let mut text = zeroize::Zeroizing::new(Vec::new());
        let file = self.snapshot.open_file(name)?;
        std::io::Read::read_to_end(&mut std::io::Read::take(file, MOST_CONFIGURATION_BYTES), &mut text)
            .map_err(|error| disk_error("read", name, error))?;
        let configuration = Configuration::parse(&text)?;
        let differ: Vec<&str> = configuration
            .carried()
            .filter(|key| {
                new.etcd.value(key) != configuration.value(key).map(|value| value.expose().to_owned())
            })
            .collect();
        if differ.is_empty() {
            self.given(Part::Config.name());
        } else {
            self.not_given(Part::Config.name(), "keys have other values");
        }
        for key in &differ {
            self.found(&Part::Config, key, "the key has not its value");
        }
        Ok((configuration.carried().count() as u64, text.len() as u64))
    }

    /// Brings back the database below each prefix that has a base backup, and compares it with the snapshot's dump.
    async fn databases(&mut self, part: &Part, new: &Site, bucket: &BucketName) -> Result<()> {
        let (mut sentinels, mut last) = (Vec::new(), BTreeMap::<String, u64>::new());
        let mut listing = Box::pin(new.client.list(bucket, ""));
        while let Some(object) = listing.try_next().await? {
            if Contents::WalE.is_reference(&object.key) {
                sentinels.push((object.key.to_string(), object.modified));
            } else if let Some((prefix, segment)) = Contents::WalE.segment(&object.key) {
                let last = last.entry(prefix.to_owned()).or_default();
                *last = segment.number.max(*last);
            }
        }
        let latest = Contents::WalE.latest(sentinels);
        if latest.is_empty() {
            self.not_given(format!("database of {}", part.name()), "there is no base backup");
        }
        for (prefix, sentinel) in latest {
            let what =
                format!("database of {}", [part.name(), prefix.trim_end_matches('/')].join(" ").trim_end());
            let base_backup = crate::contents::wal_e::name_of_base_backup(&sentinel).unwrap_or_default();
            if self.has_tablespaces(new, bucket, &sentinel).await? {
                self.not_given(
                    what,
                    "it has tablespaces, which WAL-E would put where they were, on this machine",
                );
                continue;
            }
            let last = last.get(&prefix).copied().unwrap_or_default();
            let source = Source {
                gateway: new.gateway.address().to_string(),
                credentials: &new.credentials,
                bucket: bucket.to_string(),
                prefix,
                base_backup: base_backup.to_owned(),
            };
            let tools = Tools {
                postgres: self.options.postgres.as_deref(),
                wal_e: self.options.wal_e.as_deref(),
                scratch: &self.options.scratch,
            };
            let (mut proof, tables) = Box::pin(database::prove(&source, &tools, self.run)).await?;
            self.step("database", 0, 0);
            self.report.restore_milliseconds += proof.milliseconds;
            match (&proof.why, tables) {
                (None, Some(tables)) => {
                    // A server takes what it cannot fetch for the end of the log.
                    let reached = proof.replayed_to.as_deref().and_then(last_segment);
                    if reached.is_some_and(|reached| reached >= last) {
                        self.given(what);
                    } else {
                        let end = proof.replayed_to.as_deref().unwrap_or("nowhere");
                        let text =
                            format!("the replay ended at {end}, and there is more of the log in the bucket");
                        proof.given = false;
                        proof.why = Some(text.clone());
                        self.report.findings.push(Finding::new(
                            Some(part),
                            &sentinel,
                            FindingKind::Failed,
                            &text,
                        ));
                        self.not_given(what, text);
                    }
                    proof.tables = self.compare_tables(part, &tables).await?;
                }
                (why, _) => {
                    let why = why.clone().unwrap_or_default();
                    if proof.failed {
                        let text = format!("the database does not come back: {why}");
                        self.report.findings.push(Finding::new(
                            Some(part),
                            &sentinel,
                            FindingKind::Failed,
                            text,
                        ));
                    }
                    self.not_given(what, why);
                }
            }
            self.report.databases.push(proof);
        }
        Ok(())
    }

    /// A base backup that says nothing of them has none.
    async fn has_tablespaces(&self, new: &Site, bucket: &BucketName, sentinel: &str) -> Result<bool> {
        let mut download = new.client.get(bucket, &ObjectKey::new(sentinel)?).await?;
        let mut bytes = Vec::new();
        while let Some(piece) = download.try_next().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > MOST_SENTINEL_BYTES {
                return Err(
                    Error::new(ErrorKind::Damaged, "it is no sentinel").at(crate::error::At::Key, sentinel)
                );
            }
        }
        let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(json["spec"]["tablespaces"].as_array().is_some_and(|names| !names.is_empty()))
    }

    /// Compares the tables of Deis' database with those of the dump.
    async fn compare_tables(
        &mut self,
        part: &Part,
        tables: &Tables,
    ) -> Result<Option<super::tables::TablesCompared>> {
        let name = Part::Sql.file_name().unwrap_or_default();
        if !Part::of_deis().contains(part) || self.snapshot.manifest().file(name).is_none() {
            self.not_given("tables", "the snapshot has no dump of this database to compare it with");
            return Ok(None);
        }
        let file = tokio::fs::File::from_std(self.snapshot.open_file(name)?);
        let (mut dump, mut piece) = (Box::pin(gzip::decompress(file)), vec![0; PIECE_BYTES]);
        let mut of_dump = Tables::default();
        loop {
            let count = dump.read(&mut piece).await.map_err(|error| {
                Error::new(ErrorKind::Damaged, "the dump cannot be read")
                    .at(crate::error::At::File, name)
                    .because(error)
            })?;
            if count == 0 {
                break;
            }
            of_dump.push(&piece[..count]);
        }
        let compared = of_dump.compared_with(tables);
        for table in compared.named.iter().filter(|table| table.rows_in_database.is_none()) {
            let what = "the database that came back has not this table, which the dump has";
            let finding = Finding::new(Some(part), &table.table, FindingKind::Missing, what);
            self.report.findings.push(finding);
        }
        match compared.differ + compared.missing {
            0 if compared.equal == 0 => self.not_given("tables", "no rows of a table are in the dump"),
            0 => self.given("tables"),
            count => self.not_given(
                "tables",
                format!("{count} tables are not as in the dump: it and the log are of different moments, or rows are lost"),
            ),
        }
        Ok(Some(compared))
    }
}

/// The number, as in names, of the segment that holds the last byte before a place in the log such as `0/7000000`. Segments have
/// 16 MiB: Deis has no others.
fn last_segment(location: &str) -> Option<u64> {
    let (high, low) = location.split_once('/')?;
    let (high, low) = (u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
    let last = (high.checked_mul(1 << 32)? | low).checked_sub(1)?;
    Some(last >> 32 << 32 | (last & 0xffff_ffff) >> 24)
}

/// The parts that are restored, buckets with their names on the new cluster.
fn targets(plan: &RestorePlan) -> Vec<(Part, Option<BucketName>)> {
    let bucket = |does: &PartPlan| match does {
        PartPlan::Bucket { bucket, .. } => Some(bucket.clone()),
        _ => None,
    };
    plan.steps.iter().map(|step| (step.part.clone(), bucket(&step.does))).collect()
}

#[cfg(test)]
mod tests {
    use super::last_segment;

    #[test]
    fn a_place_at_the_begin_of_a_segment_is_the_end_of_the_one_before() {
        assert_eq!(last_segment("0/7000000"), Some(6));
        assert_eq!(last_segment("0/7000028"), Some(7));
        assert_eq!(last_segment("2/0"), Some(0x1_0000_00FF));
        assert_eq!(last_segment("2/1000060"), Some(0x2_0000_0001));
        assert_eq!([last_segment("0/0"), last_segment(""), last_segment("x/1")], [None; 3]);
    }
}
