//! The reports of the verbs as text: what was done, then what to look at, then what to do next.

use std::fmt::Write as _;

use deis_store::backup::BackupReport;
use deis_store::doctor::{DoctorReport, State};
use deis_store::error::printable;
use deis_store::outcome::PartOutcome;
use deis_store::part::Part;
use deis_store::platform::{DoneStep, StepName};
use deis_store::report::{Finding, FindingKind, Findings, Verdict};
use deis_store::restore::{PartPlan, RestorePlan, RestoreReport, Step};
use deis_store::verify::{Read, VerifyReport};
use deis_store::{Error, ErrorKind};
use serde::Serialize;
use serde_json::{Value, json as object};

use super::next::{After, todo, with_todo};
use super::options::{report_with_options, with_options};
use super::restorable::said;
use super::{Output, bytes, tell};
use crate::exit::Exit;

impl Output {
    pub(crate) fn backed_up(&self, report: &BackupReport) -> Exit {
        let mut text = String::new();
        let width = width(report.parts.keys());
        for (part, done) in &report.parts {
            let what = match (done.outcome, done.counts.listed) {
                (PartOutcome::Stored, _) if part.file_name().is_some() => bytes(done.bytes),
                (PartOutcome::Stored, 0) => bytes(done.bytes),
                (PartOutcome::Stored, listed) => format!("{listed} objects, {}", bytes(done.bytes)),
                (PartOutcome::Skipped, _) => "skipped".to_owned(),
                (PartOutcome::Absent, _) => "absent".to_owned(),
                (PartOutcome::Failed, _) => "FAILED".to_owned(),
            };
            let _ = write!(text, "{:width$}{what}, {}", part.name(), seconds(done.milliseconds));
            if done.outcome == PartOutcome::Stored
                && done.counts.listed > 0
                && done.fetched_bytes < done.bytes
            {
                let _ = write!(text, ", {} of them new", bytes(done.fetched_bytes));
            }
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
        let has_shrunk = report.parts.values().any(|part| part.shrunk.is_some())
            && !report.findings.list().iter().any(|finding| finding.kind == FindingKind::Changed);
        // A part says why it failed in its own line.
        let is_said = |finding: &Finding| {
            let part = finding.part.as_ref().and_then(|part| report.parts.get(part));
            part.is_some_and(|part| {
                part.outcome == PartOutcome::Failed && part.why.as_ref() == Some(&finding.what)
            })
        };
        findings_but(&mut text, &report.findings, is_said);
        let restorable =
            report.parts.iter().filter_map(|(part, done)| Some((part.name(), done.restorable.as_ref()?)));
        restorable.for_each(|(name, restorable)| text.push_str(&said(name, restorable)));
        let _ = writeln!(
            text,
            "{} in {}: {}",
            match report.verdict {
                Verdict::Good => "snapshot",
                Verdict::Incomplete => "INCOMPLETE snapshot",
                Verdict::Damaged if has_shrunk =>
                    "ALARM: much is gone since the newest good snapshot; snapshot",
                Verdict::Damaged => "DAMAGE found while backing up; snapshot",
            },
            seconds(report.milliseconds),
            printable(&report.snapshot)
        );
        let after = if has_shrunk { After::Loss } else { After::Backup };
        self.with_verdict(after, report.verdict, text, json(report))
    }

    pub(crate) fn verified(&self, report: &VerifyReport) -> Exit {
        let mut text = String::new();
        findings(&mut text, &report.findings);
        text.push_str(&verdict_of_what_was_read(report));
        for (part, restorable) in &report.restorable {
            text.push_str(&said(part.name(), restorable));
        }
        self.with_verdict(After::Verify, report.verdict, text, json(report))
    }

    /// A report, and after one that is not good what to do now.
    pub(super) fn with_verdict(
        &self,
        after: After,
        verdict: Verdict,
        mut text: String,
        report: Value,
    ) -> Exit {
        let todo = todo(after, verdict);
        if let Some(todo) = todo {
            let _ = writeln!(text, "  to do: {todo}");
        }
        self.report(verdict.into(), text, &with_todo(report, todo))
    }

    /// The same on standard error, since standard output has taken something else.
    pub(super) fn aside(&self, after: After, verdict: Verdict, mut text: String) -> Exit {
        if let Some(todo) = todo(after, verdict) {
            let _ = writeln!(text, "  to do: {todo}");
        }
        if !self.is_quiet() || verdict != Verdict::Good {
            tell(text.trim_end());
        }
        verdict.into()
    }

    /// Shows what was looked at, a line each.
    pub(crate) fn looked_at(&self, report: &DoctorReport) -> Exit {
        let mut text = String::new();
        let width = report.checks.iter().map(|check| check.name.len() + 2).fold(12, usize::max);
        for check in &report.checks {
            let state = match check.state {
                State::Good => "good",
                State::Bad => "BAD",
                _ => "unknown",
            };
            let (name, what) = (printable(&check.name), printable(&with_options(&check.what)));
            let _ = write!(text, "{state:9}{name:width$}{what}");
            if let Some(todo) = &check.todo {
                let _ = write!(text, "; to do: {}", printable(&with_options(todo)));
            }
            text.push('\n');
        }
        let exit = if report.is_good() { Exit::Done } else { Exit::Failed };
        self.report(exit, text, &json(report))
    }

    /// Shows a plan, with all that stands in its way.
    pub(crate) fn planned(&self, plan: &RestorePlan) -> Exit {
        let verdict = plan.findings.verdict();
        if plan.obstacles.is_empty() {
            return self.with_verdict(After::Plan, verdict, plan_text(plan), json(plan));
        }
        let exit = exit_of_obstacles(plan);
        self.report_with_errors(exit, plan_text(plan), &json(plan), &plan.obstacles);
        exit
    }

    /// Says all that stands in the way of a plan.
    pub(crate) fn refused(&self, plan: &RestorePlan) -> Exit {
        let exit = exit_of_obstacles(plan);
        self.errors(exit, &object!({}), &plan.obstacles);
        exit
    }

    /// Shows a plan beside the result: on standard error.
    pub(crate) fn explain(plan: &RestorePlan) {
        tell(plan_text(plan).trim_end());
    }

    pub(crate) fn restored(&self, report: &RestoreReport) -> Exit {
        let mut text = String::new();
        let (before, after): (Vec<&DoneStep>, Vec<&DoneStep>) =
            report.steps.iter().partition(|step| step.name < StepName::Data);
        gone(&mut text, &before);
        let width = width(report.parts.keys());
        for (part, done) in &report.parts {
            let _ = write!(text, "{:width$}{} restored", part.name(), done.restored);
            if done.unchanged > 0 {
                let _ = write!(text, ", {} there already", done.unchanged);
            }
            let more =
                [(done.failed, "FAILED"), (done.lost, "not in the snapshot"), (done.held_back, "held back")];
            for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
                let _ = write!(text, ", {count} {what}");
            }
            let _ = writeln!(text, ", {}, {}", bytes(done.bytes), seconds(done.milliseconds));
            if let Some(latest) = &done.latest {
                let _ = writeln!(text, "{:width$}LATEST is {}", "", printable(latest));
            }
        }
        gone(&mut text, &after);
        findings(&mut text, &report.findings);
        if let Some(why) = &report.left_out {
            let _ = writeln!(text, "the platform was not brought up: {}", printable(&with_options(why)));
        }
        if let Some(why) = &report.stopped {
            let _ = writeln!(text, "stopped: {why}");
        }
        if !report.left.is_empty() {
            let _ = writeln!(
                text,
                "left to do by hand: the processes of each application start when they are scaled anew"
            );
            report.left.iter().for_each(|command| {
                let _ = writeln!(text, "  {}", printable(command));
            });
        }
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
        self.with_verdict(After::Restore, report.verdict, text, json(report))
    }
}

/// The steps that were gone.
fn gone(text: &mut String, steps: &[&DoneStep]) {
    for step in steps {
        let (did, took) = (printable(&with_options(&step.did)), seconds(step.milliseconds));
        let _ = writeln!(text, "{:16}{did}, {took}", step.name.as_str());
    }
}

/// Damage counts more than what a guard refuses: it is a reason to choose another snapshot.
fn exit_of_obstacles(plan: &RestorePlan) -> Exit {
    let is_damage = |error: &Error| error.kind() == ErrorKind::Damaged;
    if plan.findings.verdict() == Verdict::Damaged || plan.obstacles.iter().any(is_damage) {
        return Exit::Damaged;
    }
    plan.obstacles.first().map_or(Exit::Failed, Exit::from)
}

/// The verdict, which says how much it rests on.
fn verdict_of_what_was_read(report: &VerifyReport) -> String {
    let VerifyReport { files_checked, files_read, .. } = report;
    let size = bytes(report.bytes_checked);
    let everything = report.read.is_everything();
    let verdict = match (report.verdict, report.read) {
        (Verdict::Damaged, _) => "DAMAGED".to_owned(),
        (Verdict::Good, _) if everything => "good".to_owned(),
        (Verdict::Incomplete, _) if everything => "INCOMPLETE: what is there is good".to_owned(),
        (Verdict::Good, Read::Sizes) => "sizes are good, contents were not looked at".to_owned(),
        (Verdict::Incomplete, Read::Sizes) => {
            "INCOMPLETE: the sizes of what is there are good, contents were not looked at".to_owned()
        }
        (Verdict::Good, read) => format!("as far as it was read ({read}) it is good"),
        (Verdict::Incomplete, read) => {
            format!("INCOMPLETE: as far as it was read ({read}) what is there is good")
        }
    };
    if everything {
        format!("{verdict}: {files_checked} files, {size} read\n")
    } else {
        format!(
            "{verdict}: {files_checked} files are there in their sizes, {files_read} of them read, {size}\n"
        )
    }
}

fn plan_text(plan: &RestorePlan) -> String {
    let mut text = String::new();
    let Some(platform) = &plan.platform else { return plan_of_parts(plan) };
    if let Some(why) = &platform.left_out {
        let _ = writeln!(text, "{:16}left out: {}", "platform", printable(&with_options(why)));
    }
    if platform.steps.is_empty() {
        return text + &plan_of_parts(plan);
    }
    for step in &platform.steps {
        let done = if step.done { "done: " } else { "" };
        let _ = writeln!(text, "{:16}{done}{}", step.name.as_str(), printable(&with_options(&step.does)));
        if step.name == StepName::Data {
            for line in plan_of_parts(plan).lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
    }
    text
}

fn plan_of_parts(plan: &RestorePlan) -> String {
    let mut text = String::new();
    if let Some(rehearsed) = &plan.rehearsed {
        let took = seconds(rehearsed.restore_milliseconds);
        let proved = rehearsed.proved.iter().map(|what| printable(what)).collect::<Vec<_>>().join(", ");
        let _ = writeln!(
            text,
            "rehearsed at {}{}, there restored in {took}; proved: {proved}",
            printable(&rehearsed.time.to_string()),
            if rehearsed.verdict == Verdict::Good { "" } else { ", and NOT good" }
        );
    }
    let parts = plan.steps.iter().map(|step| &step.part).chain(&plan.later);
    let width = width(parts.chain(plan.left_out.keys()));
    for part in &plan.later {
        let _ = writeln!(
            text,
            "{:width$}restore it; where it goes is looked at when the store runs",
            part.name()
        );
    }
    for Step { part, does, .. } in &plan.steps {
        let _ = match does {
            PartPlan::Bucket { bucket, objects, bytes: size, already, held_back, .. } => {
                let held_back = match held_back {
                    0 => String::new(),
                    count if plan.despite_damage => format!(", {count} of them despite the damage"),
                    count => format!(", {count} held back"),
                };
                writeln!(
                    text,
                    "{:width$}upload {objects} objects, {}, to the bucket {bucket} ({already} are there already{held_back})",
                    part.name(),
                    bytes(*size)
                )
            }
            PartPlan::Volume { host, directory, bytes: size, is_ours, .. } => {
                let (directory, host) = (printable(directory), printable(host));
                let first = if *is_ours { "remove what an earlier run has unpacked, and " } else { "" };
                writeln!(
                    text,
                    "{:width$}{first}unpack {} to {directory} on {host}",
                    part.name(),
                    bytes(*size)
                )
            }
            PartPlan::Config { set, replaced, unchanged, kept, .. } => {
                let _ = writeln!(
                    text,
                    "{:width$}set {} keys, {unchanged} have their value",
                    part.name(),
                    set.len()
                );
                let lines = set.iter().map(|key| match (printable(key), replaced.contains(key)) {
                    (key, true) => format!("replace {key} (the cluster has another value)"),
                    (key, false) => format!("set {key}"),
                });
                let kept = kept.iter().map(|key| format!("keep the cluster's own {}", printable(key)));
                lines.chain(kept).try_for_each(|line| writeln!(text, "{:12}{line}", ""))
            }
            _ => Ok(()),
        };
    }
    for (part, why) in &plan.left_out {
        let _ = writeln!(text, "{:width$}left out: {}", part.name(), printable(&with_options(why)));
    }
    findings(&mut text, &plan.findings);
    text
}

/// The width of a column of parts.
pub(super) fn width<'a>(parts: impl Iterator<Item = &'a Part>) -> usize {
    parts.map(|part| part.name().len() + 2).fold(10, usize::max)
}

pub(super) fn findings(text: &mut String, findings: &Findings) {
    findings_but(text, findings, |_| false);
}

fn findings_but(text: &mut String, findings: &Findings, is_said: impl Fn(&Finding) -> bool) {
    for finding in findings.list().iter().filter(|finding| !is_said(finding)) {
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

pub(super) fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}

pub(super) fn json(report: &impl Serialize) -> Value {
    // Reports are plain data; what cannot be JSON does not occur in them.
    let mut report = serde_json::to_value(report).unwrap_or(Value::Null);
    report_with_options(&mut report);
    report
}
