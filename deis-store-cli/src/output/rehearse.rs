//! The results of rehearsals.

use std::fmt::Write as _;

use deis_store::error::printable;
use deis_store::rehearse::{DatabaseProof, RehearseReport, SnapshotRehearsed, Step};
use deis_store::report::Verdict;

use super::next::After;
use super::report::{findings, json, seconds};
use super::{Output, bytes};
use crate::exit::Exit;

impl Output {
    pub(crate) fn rehearsed(&self, report: &RehearseReport) -> Exit {
        let mut text = String::from("A made cluster, from one embedded gateway to another:\n\n");
        steps(&mut text, &report.steps);
        findings(&mut text, &report.findings);
        let verdict = match report.verdict {
            Verdict::Good => "What came back is what was there",
            Verdict::Incomplete => "INCOMPLETE: not everything came back",
            Verdict::Damaged => "DAMAGED: see above",
        };
        let _ = writeln!(text, "{verdict}, in {}.", seconds(report.milliseconds));
        self.with_verdict(After::Rehearsal, report.verdict, text, json(report))
    }

    pub(crate) fn rehearsed_snapshot(&self, report: &SnapshotRehearsed) -> Exit {
        let mut text = String::from("The snapshot, from one embedded gateway to another:\n\n");
        steps(&mut text, &report.steps);
        report.databases.iter().for_each(|proof| database(&mut text, proof));
        for proof in &report.proofs {
            let _ = match &proof.why {
                None => writeln!(text, "proved      {}", printable(&proof.what)),
                Some(why) => writeln!(text, "NOT PROVED  {}: {}", printable(&proof.what), printable(why)),
            };
        }
        text.push('\n');
        findings(&mut text, &report.findings);
        let verdict = match report.verdict {
            Verdict::Good => "What was proved came back as it was",
            Verdict::Incomplete => "INCOMPLETE: not everything came back",
            Verdict::Damaged => "DAMAGED: see above",
        };
        let (restored, took) = (seconds(report.restore_milliseconds), seconds(report.milliseconds));
        let _ = writeln!(text, "{verdict}; restored in {restored}, all in {took}.");
        self.with_verdict(After::SnapshotRehearsal, report.verdict, text, json(report))
    }
}

fn steps(text: &mut String, steps: &[Step]) {
    for step in steps {
        let objects = match step.name {
            "verified" => format!("{} files", step.objects),
            _ => format!("{} objects", step.objects),
        };
        let (size, time) = (bytes(step.bytes), seconds(step.milliseconds));
        let _ = writeln!(text, "  {:11}{objects:>12}{size:>12}{time:>9}", step.name);
    }
    text.push('\n');
}

fn database(text: &mut String, proof: &DatabaseProof) {
    if !proof.given {
        return;
    }
    let or_none = |value: &Option<String>| printable(value.as_deref().unwrap_or("none"));
    let _ = writeln!(
        text,
        "PostgreSQL {} came up from {} in {}: replayed to {}, last transaction {}",
        or_none(&proof.postgres),
        or_none(&proof.base_backup),
        seconds(proof.milliseconds),
        or_none(&proof.replayed_to),
        or_none(&proof.last_transaction)
    );
    let Some(tables) = &proof.tables else { return };
    let _ = writeln!(
        text,
        "tables: {} as in the dump, {} with other rows, {} missing, {} more",
        tables.equal, tables.differ, tables.missing, tables.added
    );
    for table in &tables.named {
        let rows = |rows: Option<u64>| rows.map_or("none".to_owned(), |rows| format!("{rows} rows"));
        let (dump, database) = (rows(table.rows_in_dump), rows(table.rows_in_database));
        let _ =
            writeln!(text, "  {}: {dump} in the dump, {database} in the database", printable(&table.table));
    }
    text.push('\n');
}
