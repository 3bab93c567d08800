//! The snapshots of a repository as text: what each is good for, and why it stays or goes.

use std::fmt::Write as _;
use std::path::Path;

use deis_store::error::printable;
use deis_store::list::{ListReport, ListedPart, ListedSnapshot};
use deis_store::outcome::PartOutcome;
use deis_store::part::Part;
use deis_store::prune::{Fate, PruneReport};
use deis_store::report::Verdict;
use deis_store::snapshot::{Condition, Held, Verification};
use serde_json::json as object;

use super::next::After;
use super::options::with_options;
use super::report::{findings, json};
use super::{Output, bytes};
use crate::exit::Exit;

impl Output {
    /// Shows the snapshots of a repository. If an age was asked for, the exit says whether they have it.
    pub(crate) fn listed(&self, report: &ListReport, asked: bool) -> Exit {
        let mut text = String::new();
        for snapshot in &report.snapshots {
            listed(&mut text, snapshot);
        }
        if report.snapshots.is_empty() {
            let _ = writeln!(text, "no snapshot is in {}", printable(&report.repository));
        }
        if !asked {
            return self.answer(&text, &json(report));
        }
        findings(&mut text, &report.findings);
        self.with_verdict(After::List, report.verdict, text, json(report))
    }

    /// Shows what was removed, and why the others stay.
    pub(crate) fn pruned(&self, report: &PruneReport) -> Exit {
        let mut text = String::new();
        for snapshot in &report.snapshots {
            let fate = match snapshot.fate {
                Fate::Stays => "stays",
                Fate::Removed => "removed",
                Fate::WouldBeRemoved => "would go",
                _ => "IN USE",
            };
            let why: Vec<String> =
                snapshot.why.iter().map(|why| printable(&with_options(&why.what))).collect();
            let _ = writeln!(text, "{fate:10}{:32}{}", snapshot.snapshot, why.join("; "));
        }
        let count = |fate| report.snapshots.iter().filter(|snapshot| snapshot.fate == fate).count();
        let (gone, said) = if report.dry_run {
            (count(Fate::WouldBeRemoved), "would be removed")
        } else {
            (count(Fate::Removed), "removed")
        };
        let _ = writeln!(text, "{gone} {said}, {} stay", report.snapshots.len() - gone);
        for damaged in &report.found_damaged {
            let _ =
                writeln!(text, "{damaged} lacks files: no other one goes for its sake; `verify` names them");
        }
        let exit = if report.found_damaged.is_empty() { Exit::Done } else { Exit::Damaged };
        self.report(exit, text, &json(report))
    }

    pub(crate) fn held(&self, snapshot: &Path, held: &Held) -> Exit {
        let snapshot = snapshot.display().to_string();
        let text = format!("{}: {}\n", printable(&snapshot), said_of_hold(held));
        self.report(Exit::Done, text, &object!({ "snapshot": snapshot, "held": held }))
    }

    pub(crate) fn released(&self, snapshot: &Path, held: Option<&Held>) -> Exit {
        let snapshot = snapshot.display().to_string();
        let what = match held {
            Some(held) => format!("released; it was {}", said_of_hold(held)),
            None => "it was not held".to_owned(),
        };
        let text = format!("{}: {what}\n", printable(&snapshot));
        self.report(Exit::Done, text, &object!({ "snapshot": snapshot, "was_held": held }))
    }
}

fn listed(text: &mut String, snapshot: &ListedSnapshot) {
    let state = match snapshot.state {
        Condition::Good => "good",
        Condition::Incomplete => "INCOMPLETE",
        Condition::Damaged => "DAMAGED",
        Condition::Unfinished => "unfinished",
        _ => "newer",
    };
    let parts: Vec<String> = snapshot.parts.iter().filter_map(|(part, found)| said_of(part, found)).collect();
    let line = format!("{:32}{state:12}{}", snapshot.snapshot, parts.join("; "));
    let _ = writeln!(text, "{}", line.trim_end());
    let mut more = |line: &str| {
        let _ = writeln!(text, "{:32}{}", "", printable(&with_options(line)));
    };
    snapshot.why.iter().for_each(|why| more(why));
    snapshot.held.iter().for_each(|held| more(&said_of_hold(held)));
    snapshot.verified.iter().for_each(|verified| more(&said_of_verification(verified)));
}

/// The text about a part; nothing if it was not asked for.
fn said_of(part: &Part, found: &ListedPart) -> Option<String> {
    let why = found.why.as_ref().map_or(String::new(), |why| format!(": {}", printable(&with_options(why))));
    let shrunk = found.shrunk.as_ref().map_or(String::new(), |shrunk| {
        let (since, before) = (printable(&shrunk.since), bytes(shrunk.bytes));
        format!(", SHRUNK from {} objects, {before}, in {since}", shrunk.objects)
    });
    Some(match (found.outcome, part.file_name()) {
        (PartOutcome::Stored, Some(_)) => format!("{part} {}{shrunk}", bytes(found.bytes)),
        (PartOutcome::Stored, None) => {
            format!("{part} {} objects, {}{shrunk}", found.objects, bytes(found.bytes))
        }
        (PartOutcome::Failed, _) => format!("{part} FAILED{why}"),
        (PartOutcome::Absent, _) => format!("{part} absent{why}"),
        (PartOutcome::Skipped, _) => return None,
    })
}

fn said_of_hold(held: &Held) -> String {
    let since = held.since.map_or(String::new(), |since| format!(" since {since:.0}"));
    let why = if held.why.is_empty() { String::new() } else { format!(": {}", printable(&held.why)) };
    format!("held{since}{why}")
}

fn said_of_verification(verified: &Verification) -> String {
    let verdict = match verified.verdict {
        Verdict::Good => "good".to_owned(),
        Verdict::Incomplete => "incomplete".to_owned(),
        Verdict::Damaged => format!("{} files DAMAGED", verified.damaged),
    };
    format!("verified {:.0} ({}): {verdict}", verified.time, printable(&verified.read))
}
