//! What changed from one snapshot to another, as text: a few lines for each part, with the first names of each sort.

use std::fmt::Write as _;

use deis_store::diff::{
    DiffReport, DifferentKeys, LogReach, Names, ObjectsDiff, PartDiff, PartSide, SettingsDiff,
};
use deis_store::error::printable;
use deis_store::outcome::PartOutcome;
use deis_store::part::Part;

use super::options::with_options;
use super::report::{json, width};
use super::{Output, bytes};
use crate::exit::Exit;

/// The most names of a sort that are shown; all that are kept are in the JSON.
const MOST_SHOWN: usize = 3;
/// The same of base backups, tags and settings.
const MOST_REFERENCES_SHOWN: usize = 10;

impl Output {
    /// Shows a comparison. A difference is no failure.
    pub(crate) fn differs(&self, report: &DiffReport) -> Exit {
        self.answer(&text(report), &json(report))
    }
}

fn text(report: &DiffReport) -> String {
    let mut text = String::new();
    let width = width(report.parts.keys());
    for (name, side) in [("before", &report.before), ("after", &report.after)] {
        let incomplete = if side.complete { "" } else { " (INCOMPLETE)" };
        let _ = writeln!(text, "{name:width$}{}{incomplete}", printable(&side.snapshot));
    }
    text.push('\n');
    for (part, diff) in &report.parts {
        let mut lines = lines(part, diff).into_iter();
        let _ = writeln!(text, "{:width$}{}", part.name(), lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(text, "{:width$}{line}", "");
        }
    }
    let compared = report.parts.values().any(|part| part.same.is_some());
    text.push_str(match (report.same, compared) {
        (true, _) => "\nThey hold the same, as far as lists and digests say: `verify` reads the files.\n",
        (false, true) => "\nThey differ.\n",
        (false, false) => "\nThey have no part in common: nothing was compared.\n",
    });
    text
}

/// What is said of a part.
fn lines(part: &Part, diff: &PartDiff) -> Vec<String> {
    let (before, after) = (side(part, &diff.before), side(part, &diff.after));
    let mut lines = vec![match diff.same {
        Some(true) => format!("{after}: the same"),
        Some(false) if before == after => format!("{after}: differs"),
        Some(false) => format!("{before} → {after}"),
        None if before == after => format!("in neither: {after}"),
        None => format!("not compared: {before} → {after}"),
    }];
    if let Some(objects) = &diff.objects {
        lines.extend(objects_lines(objects));
    }
    if let Some(settings) = &diff.settings {
        lines.extend(settings_lines(settings));
    }
    if let Some(wal) = &diff.wal {
        lines.extend(wal.timelines.iter().take(MOST_REFERENCES_SHOWN).map(reach));
    }
    lines
}

/// A part in one of the snapshots.
fn side(part: &Part, side: &PartSide) -> String {
    let why = side.why.as_ref().map_or(String::new(), |why| format!(" ({})", printable(&with_options(why))));
    match side.outcome {
        PartOutcome::Skipped => return format!("skipped{why}"),
        PartOutcome::Absent => return format!("absent{why}"),
        PartOutcome::Failed => return format!("FAILED{why}"),
        PartOutcome::Stored => {}
    }
    let lost = match side.lost {
        0 => String::new(),
        lost => format!(" ({lost} more were listed and are not in it)"),
    };
    match part {
        Part::Volume | Part::Sql => bytes(side.bytes),
        Part::Config => format!("{} keys{lost}", side.objects),
        Part::Bucket(_) => format!("{} objects, {}{lost}", side.objects, bytes(side.bytes)),
    }
}

fn objects_lines(objects: &ObjectsDiff) -> Vec<String> {
    let sort = |keys: &DifferentKeys, what: &str| {
        let size = match (keys.bytes_before, keys.bytes_after) {
            (0, after) => bytes(after),
            (before, 0) => bytes(before),
            (before, after) if before == after => bytes(after),
            (before, after) => format!("{} → {}", bytes(before), bytes(after)),
        };
        named(&keys.names, MOST_SHOWN, &format!("{what}, {size}"))
    };
    [
        sort(&objects.added, "added"),
        sort(&objects.removed, "removed"),
        sort(&objects.changed, "changed"),
        sort(&objects.metadata, "with another time, type or metadata, and the same bytes"),
        sort(&objects.not_in_before, "that the first one listed and has no file of"),
        sort(&objects.not_in_after, "that the second one listed and has no file of"),
        named(&objects.references_added, MOST_REFERENCES_SHOWN, "sentinels and tags came"),
        named(&objects.references_removed, MOST_REFERENCES_SHOWN, "sentinels and tags went"),
        named(&objects.references_changed, MOST_REFERENCES_SHOWN, "sentinels and tags say something else"),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn settings_lines(settings: &SettingsDiff) -> Vec<String> {
    let lines = [
        (&settings.added, "added"),
        (&settings.removed, "removed"),
        (&settings.changed, "with another value"),
        (&settings.not_in_before, "that the first one could not take"),
        (&settings.not_in_after, "that the second one could not take"),
    ];
    lines.into_iter().filter_map(|(names, what)| named(names, MOST_REFERENCES_SHOWN, what)).collect()
}

/// How many, and the first names; nothing of none.
fn named(names: &Names, most: usize, what: &str) -> Option<String> {
    if names.count == 0 {
        return None;
    }
    let shown: Vec<String> = names.names.iter().take(most).map(|name| printable(name)).collect();
    let more = match names.count - shown.len() as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!("{} {what}: {}{more}", names.count, shown.join(", ")))
}

fn reach(log: &LogReach) -> String {
    let last = |segment: &Option<String>| segment.clone().unwrap_or_else(|| "nothing".to_owned());
    let prefix = match log.prefix.as_str() {
        "" => String::new(),
        prefix => format!(" below {}", printable(prefix)),
    };
    if log.before == log.after {
        return format!("timeline {}{prefix} reaches to {}", log.timeline, last(&log.after));
    }
    format!("timeline {}{prefix} reaches to {} → {}", log.timeline, last(&log.before), last(&log.after))
}
