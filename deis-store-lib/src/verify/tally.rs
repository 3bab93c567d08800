//! The report of a verification, and how it is counted together.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::sync::mpsc;

use super::event::{Event, ReadObject};
use super::read::Read;
use crate::error::Result;
use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::restorable::{Judge, Restorability};
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
    /// To which point the buckets of the snapshot can be brought back, of those that hold databases or images.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub restorable: BTreeMap<Part, Restorability>,
    /// Why the result could not be kept in the snapshot, such as on a disk that is read-only: the next backup does not know of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_kept: Option<String>,
}

pub(super) struct Tally<'a> {
    pub(super) report: VerifyReport,
    pub(super) damage: DamageFound,
    /// The judges of buckets, which have been told what is lost and what was read.
    pub(super) judges: BTreeMap<Part, Judge>,
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
            restorable: BTreeMap::new(),
            not_kept: None,
        };
        let buckets = manifest.parts.keys().filter(|part| part.as_bucket().is_some());
        let judges =
            buckets.map(|part| (part.clone(), Judge::of(part.contents().unwrap_or_default()))).collect();
        Self { report, damage: DamageFound::default(), judges, buckets: BTreeMap::new(), running }
    }

    pub(super) async fn receive(&mut self, mut arriving: mpsc::Receiver<Event>) -> Result<()> {
        while let Some(event) = arriving.recv().await {
            match event {
                Event::Checked { read } => {
                    self.report.files_checked += 1;
                    self.report.files_read += u64::from(read);
                    self.running.advance(1, 0);
                }
                Event::Bytes(bytes) => {
                    self.report.bytes_checked = self.report.bytes_checked.saturating_add(bytes);
                    self.running.advance(0, bytes);
                }
                Event::Lost(part, key) => {
                    if let Some(judge) = self.judges.get_mut(&part) {
                        judge.lose(&key);
                    }
                }
                Event::Read(read) => {
                    let ReadObject { part, key, held } = *read;
                    if let Some(judge) = self.judges.get_mut(&part) {
                        match held {
                            Ok(held) => judge.learn(&key, held),
                            Err(why) => judge.learn_broken(&key, why),
                        }
                    }
                }
                Event::Finding(finding) => {
                    if let Some(judge) = finding.part.as_ref().and_then(|part| self.judges.get_mut(part))
                        && is_loss(finding.kind)
                    {
                        judge.lose(&finding.name);
                    }
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

/// Whether an object with such a finding is no use to what needs it.
fn is_loss(kind: FindingKind) -> bool {
    use FindingKind::{Changed, Contradiction, Missing, NotAFile, Unreadable};
    matches!(kind, Missing | Changed | NotAFile | Unreadable | Contradiction)
}
