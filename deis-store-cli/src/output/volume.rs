//! The reports of `volume`, as text.

use std::path::Path;

use deis_store::error::printable;
use deis_store::report::Verdict;
use deis_store::volume::{IndexedKind, ListReport, ListedEntry, LoadReport, SaveReport};
use serde_json::json;

use super::next::After;
use super::report::{findings, json as as_json, seconds};
use super::{Output, bytes};
use crate::exit::Exit;

impl Output {
    /// If the archive went to standard output, the report goes to standard error.
    pub(crate) fn volume_saved(&self, report: &SaveReport, file: Option<&Path>) -> Exit {
        let mut text = String::new();
        findings(&mut text, &report.findings);
        let verdict = if report.verdict == Verdict::Good { "saved" } else { "saved, INCOMPLETE" };
        let place = file.map_or(String::new(), |file| format!(": {}", printable(&file.to_string_lossy())));
        text.push_str(&format!(
            "{verdict} {} entries, {} ({} compressed), in {}{place}\n",
            report.entries,
            bytes(report.file_bytes),
            bytes(report.bytes),
            seconds(report.milliseconds)
        ));
        if file.is_none() {
            return self.aside(After::Archive, report.verdict, text);
        }
        self.with_verdict(After::Archive, report.verdict, text, as_json(report))
    }

    pub(crate) fn volume_loaded(&self, report: &LoadReport, directory: &Path) -> Exit {
        let mut text = String::new();
        findings(&mut text, &report.findings);
        text.push_str(&format!(
            "loaded {} entries, {}, in {}: {}\n",
            report.entries,
            bytes(report.file_bytes),
            seconds(report.milliseconds),
            printable(&directory.to_string_lossy())
        ));
        self.with_verdict(After::Archive, Verdict::Good, text, as_json(report))
    }

    /// An entry of an archive.
    pub(crate) fn volume_entry(&self, entry: &ListedEntry) {
        if self.is_json() {
            self.entry("entries", &json!(entry));
            return;
        }
        let kind = match entry.kind {
            IndexedKind::Directory => 'd',
            IndexedKind::Symlink => 'l',
            IndexedKind::HardLink => 'h',
            IndexedKind::File => '-',
        };
        let target =
            entry.target.as_ref().map_or(String::new(), |target| format!(" -> {}", printable(target)));
        Self::lines(&format!(
            "{kind} {:>4} {:>5} {:>5} {:>14} {}{target}\n",
            entry.mode,
            entry.user,
            entry.group,
            entry.size_bytes,
            printable(&entry.path)
        ));
    }

    pub(crate) fn volume_listed(&self, report: &ListReport) -> Exit {
        let mut text = String::new();
        findings(&mut text, &report.findings);
        text.push_str(&format!("{} entries, {}\n", report.entries, bytes(report.file_bytes)));
        self.with_verdict(After::Archive, report.verdict, text, as_json(report))
    }
}
