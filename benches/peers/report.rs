//! The results, for people and for machines.

use std::fmt::Write as _;

use serde::Serialize;

use crate::goals::{Goal, goals, kib_to_mib};
use crate::machine::Machine;
use crate::measure::{Sample, median};
use crate::rounds::{Job, Results, Rounds};
use crate::workload::Workload;

/// The whole report.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    date: String,
    quick: bool,
    machine: Machine,
    runs: u8,
    workload: Workload,
    goals: Vec<Goal>,
    results: Results,
}

impl Report {
    pub(crate) fn new(
        date: String,
        machine: Machine,
        rounds: &Rounds,
        quick: bool,
        results: Results,
    ) -> Self {
        let (runs, workload) = (rounds.runs, rounds.workload.clone());
        Self { date, quick, machine, runs, workload, goals: goals(&results), results }
    }

    pub(crate) fn json(&self) -> String {
        // This cannot fail: every field can be written as JSON.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    pub(crate) fn markdown(&self) -> String {
        let Self { date, machine, runs, workload, .. } = self;
        let mut text = format!(
            "{date}, {} cores, {}, Linux {}. Median of {runs} runs (least to most).\n\n",
            machine.cores, machine.cpu, machine.kernel
        );
        if self.quick {
            text += "**A quick run with little data: these figures mean nothing.**\n\n";
        }
        let data = format!(
            "{} × {} KiB + {} × {} MiB",
            workload.small_objects,
            workload.small_bytes >> 10,
            workload.large_objects,
            workload.large_bytes >> 20
        );
        let listed = workload.listed_objects;
        self.job(&mut text, Job::Download, &format!("Download, {data}"));
        self.job(&mut text, Job::Upload, &format!("Upload, {data}"));
        self.job(&mut text, Job::List, &format!("Listing, {listed} objects"));
        self.job(&mut text, Job::ListScripted, &format!("Listing from a script, {listed} objects"));
        self.job(&mut text, Job::ListTenfold, &format!("Listing from a script, {} objects", 10 * listed));
        self.job(
            &mut text,
            Job::SyncAgain,
            &format!("A second run of a sync, {listed} objects, all unchanged"),
        );
        self.job(&mut text, Job::SyncListing, "The listing that it begins with, in the same rounds");
        let synced = workload.synced_objects;
        self.job(
            &mut text,
            Job::SyncMany,
            &format!("The same from a script, {synced} objects in one directory"),
        );
        self.job(&mut text, Job::BackupFirst, &format!("The first backup, {data}"));
        self.job(&mut text, Job::BackupFirstSync, "A sync of the same, in the same rounds");
        let backed_up = workload.backed_up_objects;
        self.job(
            &mut text,
            Job::BackupAgain,
            &format!("A later backup, {backed_up} objects, one of a hundred changed"),
        );
        self.job(&mut text, Job::BackupListing, "The listing that it begins with, in the same rounds");
        self.job(&mut text, Job::BackupMany, &format!("A later backup from a script, {synced} objects"));
        let logs = format!("{} MiB of logs", workload.log_mib);
        self.job(
            &mut text,
            Job::VolumeSave,
            &format!("A volume saved, {logs} and {} small files", workload.log_files),
        );
        self.job(&mut text, Job::VolumeLoad, &format!("A volume loaded, {logs}"));
        self.small_gets(&mut text);
        self.goals(&mut text);
        for (program, version) in &machine.versions {
            let _ = writeln!(text, "- {program}: {version}");
        }
        text
    }

    fn job(&self, text: &mut String, job: Job, title: &str) {
        if self.results.jobs.iter().all(|series| series.job != job) {
            return;
        }
        let _ = writeln!(text, "## {title}\n");
        *text += "| program | time | of ours | CPU | of ours | peak memory |\n|---|---|---|---|---|---|\n";
        let mut ours = None;
        for series in self.results.jobs.iter().filter(|series| series.job == job) {
            let of = |field: fn(&Sample) -> f64| median(series.runs.iter().map(field));
            let (wall, cpu) = (of(|sample| sample.wall_seconds), of(|sample| sample.cpu_seconds));
            // Our program is the first one.
            let (our_wall, our_cpu) = *ours.get_or_insert((wall, cpu));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {:.1} MiB |",
                series.tool,
                spread(series.runs.iter().map(|sample| sample.wall_seconds), "s", 2),
                times(wall, our_wall),
                spread(series.runs.iter().map(|sample| sample.cpu_seconds), "s", 2),
                times(cpu, our_cpu),
                of(|sample| kib_to_mib(sample.peak_kib)),
            );
        }
        *text += "\n";
    }

    fn small_gets(&self, text: &mut String) {
        let bytes = self.workload.small_bytes >> 10;
        let _ = writeln!(text, "## GETs of {bytes} KiB\n\n| program | rate |\n|---|---|");
        for rates in &self.results.small_gets {
            let _ =
                writeln!(text, "| {} | {} |", rates.tool, spread(rates.per_second.iter().copied(), "/s", 0));
        }
        *text += "\n";
    }

    fn goals(&self, text: &mut String) {
        *text += "## Goals\n\n| goal | wanted | measured | |\n|---|---|---|---|\n";
        for goal in &self.goals {
            let sign = if goal.at_most { "≤" } else { "≥" };
            let verdict = if goal.passes { "PASS" } else { "FALLS SHORT" };
            let _ = writeln!(
                text,
                "| {} | {sign} {} | {:.2} | {verdict} |",
                goal.what, goal.wanted, goal.measured
            );
        }
        *text += "\n";
    }
}

/// A value divided by ours. If ours is 0, less than the clock's step, there is no ratio.
fn times(value: f64, ours: f64) -> String {
    if ours > 0.0 { format!("{:.2}", value / ours) } else { "–".to_owned() }
}

/// The median, with the least and the greatest value.
fn spread(values: impl Iterator<Item = f64> + Clone, unit: &str, digits: usize) -> String {
    let least = values.clone().fold(f64::NAN, f64::min);
    let most = values.clone().fold(f64::NAN, f64::max);
    let median = median(values);
    format!("{median:.digits$} {unit} ({least:.digits$} to {most:.digits$})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_tells_the_least_and_the_most() {
        assert_eq!(spread([3.0, 1.0, 2.5].into_iter(), "s", 1), "2.5 s (1.0 to 3.0)");
    }
}
