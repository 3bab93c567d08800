//! The rehearsal of a snapshot: it is served by an embedded gateway, restored into a second one, and compared; and its databases are
//! brought back by PostgreSQL itself, where that is here.
//!
//! A proof that cannot be given here is named, and never counts as given.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::time::Instant;

use super::compare::{self, Side};
use super::databases::databases;
use super::entries::EntriesDigest;
use super::internal::internal;
use super::options::SnapshotRehearsal;
use super::pieces::each_piece;
use super::rehearsal::Rehearsal;
use super::report::SnapshotRehearsed;
use super::site::{Site, gone};
use crate::archive::gzip;
use crate::contents::Contents;
use crate::error::{Error, ErrorKind, Result, disk_error};
use crate::outcome::PartOutcome;
use crate::part::{Part, PartChoice, PartName};
use crate::report::{Findings, Verdict, in_one_line};
use crate::restore::{PartPlan, RestoreOptions, RestorePlan, plan, read_configuration, restore};
use crate::run::{Level, Run, TaskKind, milliseconds};
use crate::s3::BucketName;
use crate::snapshot::SnapshotReader;

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
    let gone = gone(Box::pin(rehearsal.go(&old, &new)), (&old, &new), &options.scratch, run).await;
    old.gateway.stop().await;
    new.gateway.stop().await;
    gone?;
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

impl Rehearsal<'_> {
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
        self.report.restore_milliseconds = self.step("restored", totals.0, totals.1);
        self.report.verdict = self.report.verdict.max(restored.verdict);
        self.report.findings = restored.findings;

        let (mut objects, mut bytes) = (0, 0);
        for (part, target) in &targets {
            let of_part = match part {
                Part::Bucket(_) => self.compare_bucket(part, old, (new, target.as_ref())).await?,
                Part::Volume => self.compare_volume(new).await?,
                Part::Config => self.compare_configuration(new).await?,
                Part::Sql => continue,
            };
            (objects, bytes) = (objects + of_part.0, bytes + of_part.1);
        }
        self.step("compared", objects, bytes);
        for (part, target) in &targets {
            if let (Some(Contents::WalE), Some(bucket)) = (part.contents(), target) {
                Box::pin(databases(self, part, new, bucket)).await?;
            }
        }
        Ok(())
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
                PartOutcome::Absent => self.report.not_given(part.name(), "the platform had none"),
                PartOutcome::Skipped => self.report.not_given(part.name(), "it was not backed up"),
                PartOutcome::Failed => self.report.not_given(part.name(), "it could not be backed up"),
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
        let entry = self.snapshot.entry(part);
        let before = BucketName::new(entry.bucket.unwrap_or_else(|| part.name().to_owned()))?;
        let after = target.ok_or_else(|| internal("a bucket without a name"))?;
        let mut findings = Findings::default();
        let sides =
            (Side { client: &old.client, bucket: &before }, Side { client: &new.client, bucket: after });
        let compared = Box::pin(compare::bucket(part, sides, self.run, &mut findings)).await?;
        let lost = entry.counts.refused.saturating_add(entry.counts.failed);
        if lost > 0 {
            self.report.not_given(part.name(), format!("{lost} objects are not in the snapshot"));
            self.report.findings.append(findings);
        } else {
            self.compared(part, findings, "not all of it came back as it was");
        }
        Ok(compared)
    }

    /// What was unpacked on the host is what the archive of the snapshot holds, entry by entry.
    async fn compare_volume(&mut self, new: &Site) -> Result<(u64, u64)> {
        let file = self.snapshot.open_file(Part::Volume.file_name().unwrap_or_default())?;
        let mut archive = Box::pin(gzip::decompress(tokio::fs::File::from_std(file)));
        let mut entries = EntriesDigest::new();
        let failed =
            |error: io::Error| Error::new(ErrorKind::Damaged, "the archive cannot be read").because(error);
        let bytes = each_piece(&mut archive, |piece| entries.write_all(piece)).await.map_err(failed)?;
        let mut findings = Findings::default();
        compare::volume(new.host.received(), entries.finish().map_err(failed)?, &mut findings);
        self.compared(&Part::Volume, findings, "what came back is not what was there");
        Ok((1, bytes))
    }

    async fn compare_configuration(&mut self, new: &Site) -> Result<(u64, u64)> {
        let configuration = read_configuration(self.snapshot).await?;
        let mut findings = Findings::default();
        compare::configuration(&configuration, &new.etcd, &mut findings);
        self.compared(&Part::Config, findings, "keys have other values");
        let name = Part::Config.file_name().unwrap_or_default();
        let bytes = self.snapshot.manifest().file(name).map_or(0, |file| file.size_bytes);
        Ok((configuration.carried().count() as u64, bytes))
    }

    /// A part is proved if nothing was found.
    fn compared(&mut self, part: &Part, findings: Findings, else_why: &str) {
        if findings.verdict() == Verdict::Good {
            self.report.given(part.name());
        } else {
            self.report.not_given(part.name(), else_why);
        }
        self.report.findings.append(findings);
    }
}

/// The parts that are restored, buckets with their names on the new cluster.
fn targets(plan: &RestorePlan) -> Vec<(Part, Option<BucketName>)> {
    let bucket = |does: &PartPlan| match does {
        PartPlan::Bucket { bucket, .. } => Some(bucket.clone()),
        _ => None,
    };
    plan.steps.iter().map(|step| (step.part.clone(), bucket(&step.does))).collect()
}
