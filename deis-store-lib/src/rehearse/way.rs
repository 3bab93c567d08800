//! The way of a rehearsal: made, backed up, verified, restored, compared.

use std::path::Path;
use std::time::Instant;

use super::compare::Side;
use super::host::MadeHost;
use super::made::{Sample, SampleBucket};
use super::options::{RehearseOptions, buckets};
use super::report::{RehearseReport, Step};
use super::site::Site;
use super::{compare, fill};
use crate::backup::{BackupOptions, BackupReport, backup};
use crate::cluster::Configuration;
use crate::error::Result;
use crate::part::{Part, PartChoice};
use crate::report::{Findings, Verdict};
use crate::restore::{RestoreOptions, RestoreReport, plan, restore};
use crate::run::{Run, milliseconds};
use crate::s3::BucketName;
use crate::snapshot::{Repository, SnapshotReader};
use crate::verify::{VerifyOptions, verify};

/// Goes it, as far as it is good.
pub(super) async fn go(
    old: &Site,
    new: &Site,
    options: &RehearseOptions,
    run: &Run,
    report: &mut RehearseReport,
) -> Result<()> {
    let (sample, buckets) = (Sample::new(options.seed), buckets(options));
    let mut clock = Instant::now();
    let mut step = |report: &mut RehearseReport, name, objects, bytes| {
        report.steps.push(Step { name, objects, bytes, milliseconds: milliseconds(clock.elapsed()) });
        clock = Instant::now();
    };
    let (objects, bytes) = fill::fill(&old.client, &buckets, run).await?;
    step(report, "made", objects, bytes);

    let wanted = BackupOptions::new(options.buckets.iter().cloned(), PartChoice::All)?;
    let repository = Repository::create(options.scratch.join("repository"), run)?;
    let taken = backup(&old.cluster, &repository, &wanted, run).await?;
    let (objects, bytes) = totals(&taken);
    step(report, "backed up", objects, bytes);
    report.findings = taken.findings;
    report.verdict = taken.verdict;
    if ends(taken.verdict, &report.findings) {
        return Ok(());
    }

    let snapshot = SnapshotReader::open(Path::new(&taken.snapshot))?;
    let verified = verify(&snapshot, &VerifyOptions::default(), run).await?;
    step(report, "verified", verified.files_checked, verified.bytes_checked);
    report.absorb(verified.verdict, &verified.findings);
    if ends(verified.verdict, &verified.findings) {
        return Ok(());
    }

    let all = RestoreOptions::default();
    let planned = plan(&new.cluster, &snapshot, &all, run).await?;
    let restored = restore(&new.cluster, &snapshot, &planned, run).await?;
    let (objects, bytes) = restored_totals(&restored);
    step(report, "restored", objects, bytes);
    report.absorb(restored.verdict, &restored.findings);
    if ends(restored.verdict, &restored.findings) {
        return Ok(());
    }

    let mut findings = Findings::default();
    let (mut objects, mut bytes) = (0, 0);
    for SampleBucket { part, name, .. } in &buckets {
        let bucket = BucketName::new(name)?;
        let side = |client| Side { client, bucket: &bucket };
        let compared = (side(&old.client), side(&new.client));
        let (of_bucket, bytes_of_bucket) =
            Box::pin(compare::bucket(part, compared, run, &mut findings)).await?;
        (objects, bytes) = (objects + of_bucket, bytes + bytes_of_bucket);
    }
    compare::volume(new.host.received(), MadeHost::sent(sample)?, &mut findings);
    compare::configuration(&Configuration::from_tree(&sample.configuration()), &new.etcd, &mut findings);
    step(report, "compared", objects, bytes);
    report.absorb(findings.verdict(), &findings);
    Ok(())
}

/// Whether the way ends at a step. Bytes that are only in doubt go on: the comparison knows what they were.
fn ends(verdict: Verdict, findings: &Findings) -> bool {
    verdict != Verdict::Good && !findings.are_doubts()
}

fn totals(report: &BackupReport) -> (u64, u64) {
    let parts = report.parts.values();
    parts.fold((0, 0), |(objects, bytes), part| (objects + part.counts.listed.max(1), bytes + part.bytes))
}

fn restored_totals(report: &RestoreReport) -> (u64, u64) {
    let files = report.parts.iter().filter(|(part, _)| **part != Part::Config);
    files.fold((0, 0), |(objects, bytes), (_, part)| (objects + part.restored, bytes + part.bytes))
}
