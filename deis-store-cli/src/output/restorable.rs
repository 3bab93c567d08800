//! To which point a bucket can be brought back, as text.

use std::fmt::Write as _;

use deis_store::error::printable;
use deis_store::restorable::{BaseBackup, Database, Restorability};

/// Some lines on what a bucket or part of this name can be brought back to.
pub(super) fn said(name: &str, restorable: &Restorability) -> String {
    let mut text = String::new();
    for database in &restorable.databases {
        let of = [name, database.prefix.trim_end_matches('/')].join(" ");
        database_said(&mut text, printable(of.trim_end()).as_ref(), database);
    }
    if let Some(images) = &restorable.images {
        let _ = write!(text, "{}: {} of {} tags are complete", printable(name), images.complete, images.tags);
        let more = [
            (images.unreferenced, "images or blobs are needed by none"),
            (images.unfinished, "pushes are unfinished"),
        ];
        for (count, what) in more.into_iter().filter(|(count, _)| *count > 0) {
            let _ = write!(text, ", {count} {what}");
        }
        text.push('\n');
    }
    text
}

fn database_said(text: &mut String, of: &str, database: &Database) {
    let Some((latest, older)) = database.base_backups.split_last() else {
        let _ =
            writeln!(text, "{of}: no base backup is finished yet, from which a database could be restored");
        return;
    };
    if latest.restorable {
        let _ = writeln!(text, "{of}: {}, with {} (LATEST)", reaches(latest), printable(&latest.name));
    } else {
        not_restorable(text, of, latest, " (LATEST)");
        if let Some(best) = older.iter().rev().find(|base| base.restorable) {
            let _ = writeln!(text, "{of}: {}, with {}", reaches(best), printable(&best.name));
        }
    }
    older.iter().filter(|base| !base.restorable).for_each(|base| not_restorable(text, of, base, ""));
    let others = older.iter().filter(|base| base.restorable).count();
    if others > 0 {
        let _ = writeln!(text, "{of}: {others} older base backups can be restored as well");
    }
}

fn not_restorable(text: &mut String, of: &str, base: &BaseBackup, which: &str) {
    let why = base.why_not.as_deref().unwrap_or_default();
    let _ = writeln!(text, "{of}: {}{which} CANNOT be restored: {}", printable(&base.name), printable(why));
}

fn reaches(base: &BaseBackup) -> String {
    let mut text = "the database can be restored".to_owned();
    if let Some(segment) = &base.last_segment {
        let _ = write!(text, " to the segment {segment}");
    }
    let end = base.end.as_ref().map(|end| format!("place {end}"));
    let commit = base.last_commit.as_ref().map(|time| format!("last commit {time}"));
    let more: Vec<_> = end.into_iter().chain(commit).collect();
    if !more.is_empty() {
        let _ = write!(text, " ({})", more.join(", "));
    }
    text
}
