//! The report of an adoption, as text.

use std::fmt::Write as _;

use deis_store::adopt::AdoptReport;
use deis_store::error::printable;
use deis_store::outcome::PartOutcome;
use deis_store::report::Verdict;

use super::next::After;
use super::options::with_options;
use super::report::{findings, json, seconds, width};
use super::{Output, bytes};
use crate::exit::Exit;

impl Output {
    pub(crate) fn adopted(&self, report: &AdoptReport) -> Exit {
        let mut text = String::new();
        let width = width(report.parts.keys());
        for (part, done) in &report.parts {
            let what = match (done.outcome, part.file_name()) {
                (PartOutcome::Stored, Some(_)) => bytes(done.bytes),
                (PartOutcome::Stored, None) => {
                    format!("{} objects, {}", done.counts.listed, bytes(done.bytes))
                }
                (PartOutcome::Failed, _) => "FAILED".to_owned(),
                _ => "skipped".to_owned(),
            };
            let _ = write!(text, "{:width$}{what}, {}", part.name(), seconds(done.milliseconds));
            let counts = done.counts;
            let named = [
                ("unverifiable", counts.unverifiable),
                ("refused", counts.refused),
                ("failed", counts.failed),
            ];
            for (name, count) in named.into_iter().filter(|(_, count)| *count > 0) {
                let _ = write!(text, ", {count} {name}");
            }
            // Why it failed is among the findings.
            let why = done.why.as_ref().filter(|_| done.outcome != PartOutcome::Failed);
            let why = why.map_or(String::new(), |why| format!(": {}", printable(&with_options(why))));
            let _ = writeln!(text, "{why}");
        }
        findings(&mut text, &report.findings);
        let compared = if report.compared { "compared with the gateway" } else { "compared with no gateway" };
        let verdict = match report.verdict {
            Verdict::Good => "snapshot",
            Verdict::Incomplete => "INCOMPLETE snapshot",
            Verdict::Damaged => "DAMAGE found while adopting; snapshot",
        };
        let _ = writeln!(
            text,
            "{verdict}, {compared}, in {}: {}",
            seconds(report.milliseconds),
            printable(&report.snapshot)
        );
        self.with_verdict(After::Adoption, report.verdict, text, json(report))
    }
}
