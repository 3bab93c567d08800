//! The reports of the verbs as text: what was done, then what to look at, then what to do next.

use std::fmt::Write as _;

use deis_store::backup::BackupReport;
use deis_store::error::printable;
use deis_store::outcome::PartOutcome;
use deis_store::part::Part;
use deis_store::rehearse::RehearseReport;
use deis_store::report::{Findings, Verdict};
use deis_store::restore::{PartPlan, RestorePlan, RestoreReport, Step};
use deis_store::verify::{Read, VerifyReport};
use serde::Serialize;
use serde_json::Value;

use super::options::{report_with_options, with_options};
use super::{Output, bytes, tell};
use crate::exit::Exit;

impl Output {
    pub(crate) fn backed_up(&self, report: &BackupReport) -> Exit {
        let mut text = String::new();
        let width = width(report.parts.keys());
        for (part, done) in &report.parts {
            let what = match (done.outcome, done.counts.listed) {
                (PartOutcome::Stored, 0) => bytes(done.bytes),
                (PartOutcome::Stored, listed) => format!("{listed} objects, {}", bytes(done.bytes)),
                (PartOutcome::Skipped, _) => "skipped".to_owned(),
                (PartOutcome::Absent, _) => "absent".to_owned(),
                (PartOutcome::Failed, _) => "FAILED".to_owned(),
            };
            let _ = write!(text, "{:width$}{what}, {}", part.name(), seconds(done.milliseconds));
            let counts = done.counts;
            let named = [("unverifiable", counts.unverifiable), ("vanished", counts.vanished)];
            let lost = [("refused", counts.refused), ("failed", counts.failed)];
            for (name, count) in named.into_iter().chain(lost).filter(|(_, count)| *count > 0) {
                let _ = write!(text, ", {count} {name}");
            }
            let _ = writeln!(
                text,
                "{}",
                done.why.as_ref().map_or(String::new(), |why| format!(": {}", printable(&with_options(why))))
            );
        }
        findings(&mut text, &report.findings);
        let _ = writeln!(
            text,
            "{} in {}: {}",
            match report.verdict {
                Verdict::Good => "snapshot",
                Verdict::Incomplete => "INCOMPLETE snapshot",
                Verdict::Damaged => "DAMAGE found while backing up; snapshot",
            },
            seconds(report.milliseconds),
            printable(&report.snapshot)
        );
        self.report(report.verdict.into(), text, &json(report))
    }

    pub(crate) fn verified(&self, report: &VerifyReport, read: Read) -> Exit {
        let mut text = String::new();
        findings(&mut text, &report.findings);
        let _ = writeln!(
            text,
            "{}: {} files, {} read",
            match report.verdict {
                Verdict::Good if read == Read::Sizes => "sizes are good, contents were not looked at",
                Verdict::Good => "good",
                Verdict::Incomplete => "INCOMPLETE: what is there is good",
                Verdict::Damaged => "DAMAGED",
            },
            report.files_checked,
            bytes(report.bytes_checked)
        );
        self.report(report.verdict.into(), text, &json(report))
    }

    pub(crate) fn rehearsed(&self, report: &RehearseReport) -> Exit {
        let mut text = String::from("A made cluster, from one embedded gateway to another:\n\n");
        for step in &report.steps {
            let objects = match step.name {
                "verified" => format!("{} files", step.objects),
                _ => format!("{} objects", step.objects),
            };
            let (size, time) = (bytes(step.bytes), seconds(step.milliseconds));
            let _ = writeln!(text, "  {:11}{objects:>12}{size:>12}{time:>9}", step.name);
        }
        text.push('\n');
        findings(&mut text, &report.findings);
        let verdict = match report.verdict {
            Verdict::Good => "What came back is what was there",
            Verdict::Incomplete => "INCOMPLETE: not everything came back",
            Verdict::Damaged => "DAMAGED: see above",
        };
        let _ = writeln!(text, "{verdict}, in {}.", seconds(report.milliseconds));
        self.report(report.verdict.into(), text, &json(report))
    }

    pub(crate) fn planned(&self, plan: &RestorePlan) -> Exit {
        self.report(Exit::Done, plan_text(plan), &json(plan))
    }

    /// Shows a plan beside the result: on standard error.
    pub(crate) fn explain(plan: &RestorePlan) {
        tell(plan_text(plan).trim_end());
    }

    pub(crate) fn restored(&self, report: &RestoreReport) -> Exit {
        let mut text = String::new();
        let width = width(report.parts.keys());
        for (part, done) in &report.parts {
            let _ = write!(text, "{:width$}{} restored", part.name(), done.restored);
            if done.unchanged > 0 {
                let _ = write!(text, ", {} there already", done.unchanged);
            }
            if done.failed > 0 {
                let _ = write!(text, ", {} FAILED", done.failed);
            }
            let _ = writeln!(text, ", {}, {}", bytes(done.bytes), seconds(done.milliseconds));
            if let Some(latest) = &done.latest {
                let _ = writeln!(text, "{:width$}LATEST is {}", "", printable(latest));
            }
        }
        findings(&mut text, &report.findings);
        let _ = writeln!(
            text,
            "{} in {}",
            match report.verdict {
                Verdict::Good => "restored",
                Verdict::Incomplete => "INCOMPLETE",
                Verdict::Damaged => "DAMAGE found while restoring",
            },
            seconds(report.milliseconds)
        );
        self.report(report.verdict.into(), text, &json(report))
    }
}

fn plan_text(plan: &RestorePlan) -> String {
    let mut text = String::new();
    let width = width(plan.steps.iter().map(|step| &step.part).chain(plan.left_out.keys()));
    for Step { part, does, .. } in &plan.steps {
        let _ = match does {
            PartPlan::Bucket { bucket, objects, bytes: size, already, .. } => writeln!(
                text,
                "{:width$}upload {objects} objects, {}, to the bucket {bucket} ({already} are there already)",
                part.name(),
                bytes(*size)
            ),
            PartPlan::Volume { host, directory, bytes: size, .. } => {
                let (directory, host) = (printable(directory), printable(host));
                writeln!(text, "{:width$}unpack {} to {directory} on {host}", part.name(), bytes(*size))
            }
            PartPlan::Config { set, unchanged, kept, .. } => {
                let _ = writeln!(
                    text,
                    "{:width$}set {} keys, {unchanged} have their value",
                    part.name(),
                    set.len()
                );
                let lines = set.iter().map(|key| format!("set {}", printable(key)));
                let kept = kept.iter().map(|key| format!("keep the cluster's own {}", printable(key)));
                lines.chain(kept).try_for_each(|line| writeln!(text, "{:12}{line}", ""))
            }
            _ => Ok(()),
        };
    }
    for (part, why) in &plan.left_out {
        let _ = writeln!(text, "{:width$}left out: {}", part.name(), printable(&with_options(why)));
    }
    text
}

/// The width of a column of parts.
fn width<'a>(parts: impl Iterator<Item = &'a Part>) -> usize {
    parts.map(|part| part.name().len() + 2).fold(10, usize::max)
}

fn findings(text: &mut String, findings: &Findings) {
    for finding in findings.list() {
        let part = finding.part.as_ref().map_or("", |part| part.name());
        let _ = writeln!(
            text,
            "  {part:9} {}: {}",
            printable(&finding.name),
            printable(&with_options(&finding.what))
        );
    }
    if findings.left_out() > 0 {
        let _ = writeln!(text, "  … and {} more", findings.left_out());
    }
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

fn json(report: &impl Serialize) -> Value {
    // Reports are plain data; what cannot be JSON does not occur in them.
    let mut report = serde_json::to_value(report).unwrap_or(Value::Null);
    report_with_options(&mut report);
    report
}
