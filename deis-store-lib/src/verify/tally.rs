//! The report of a verification, and how it is counted together.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::sync::mpsc;

use super::event::Event;
use super::read::Read;
use crate::error::Result;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::run::Running;
use crate::snapshot::{DamageFound, Manifest};

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// The verdict on the whole.
    pub verdict: Verdict,
    /// The findings behind the verdict.
    #[serde(flatten)]
    pub findings: Findings,
    /// What was read.
    pub read: Read,
    /// Files that were looked at.
    pub files_checked: u64,
    /// Those of them of which the bytes were read.
    pub files_read: u64,
    /// Bytes that were read.
    pub bytes_checked: u64,
    /// Why the result could not be kept in the snapshot, such as on a disk that is read-only: the next backup does not know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
}

pub(super) struct Tally<'a> {
    pub(super) report: VerifyReport,
    pub(super) damage: DamageFound,
    pub(super) buckets: BTreeMap<Part, Option<u64>>,
    pub(super) running: &'a Running<'a>,
}

impl<'a> Tally<'a> {
    pub(super) fn new(manifest: &Manifest, read: Read, running: &'a Running<'a>) -> Self {
        let counts = manifest.parts.values().map(|entry| entry.counts);
        let objects = counts.fold(0_u64, |sum, counts| {
            [counts.stored, counts.unchanged, counts.unverifiable].into_iter().fold(sum, u64::saturating_add)
        });
        running.total(Some(objects.saturating_add(manifest.files.len() as u64)), None);
        let mut findings = Findings::default();
        for (part, entry) in manifest.parts.iter().filter(|(_, entry)| entry.outcome == PartOutcome::Failed) {
            let why = entry.why.as_deref().unwrap_or("no reason is given");
            let what = format!("was not taken: {why}");
            findings.push(Finding::new(Some(part), part.name(), FindingKind::Failed, what));
        }
        for (part, shrunk) in
            manifest.parts.iter().filter_map(|(part, entry)| Some((part, entry.shrunk.as_ref()?)))
        {
            let what = format!("much of it was gone when it was backed up: {} has more", shrunk.since);
            findings.push(Finding::new(Some(part), part.name(), FindingKind::Shrunk, what));
        }
        let report = VerifyReport {
            verdict: Verdict::Good,
            findings,
            read,
            files_checked: 0,
            files_read: 0,
            bytes_checked: 0,
            not_kept: None,
        };
        Self { report, damage: DamageFound::default(), buckets: BTreeMap::new(), running }
    }

    pub(super) async fn receive(&mut self, mut arriving: mpsc::Receiver<Event>) -> Result<()> {
        while let Some(event) = arriving.recv().await {
            match event {
                Event::Checked { read } => {
                    self.report.files_checked += 1;
                    self.report.files_read += u64::from(read);
                    self.running.advance(1, 0);
                }
                Event::Read(bytes) => {
                    self.report.bytes_checked = self.report.bytes_checked.saturating_add(bytes);
                    self.running.advance(0, bytes);
                }
                Event::Finding(finding) => {
                    self.damage.add(&finding);
                    self.report.findings.push(finding);
                }
                Event::Listed(part, files) => drop(self.buckets.insert(part, files)),
                Event::Failed(error) => return Err(error),
            }
        }
        Ok(())
    }
}
