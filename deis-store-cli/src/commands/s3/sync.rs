//! `deis-store s3 sync SOURCE TARGET`: one of the two may be a directory, the other is a place in a bucket.

use std::path::PathBuf;

use deis_store::Result;
use deis_store::error::printable;
use deis_store::outcome::{Each, Fate, KeyOutcome, Outcome, TargetOnly};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::sync::{Globs, Sync, SyncOptions, SyncReport, Tree, UnchangedBy};
use serde_json::json;

use super::Done;
use super::place::{self, split, usage};
use crate::args::{Global, SyncArgs};
use crate::exit::Exit;
use crate::output::{Output, bytes, tell};
use crate::settings::{self, WordDefaults};

pub(super) async fn run(
    global: &Global,
    client: &Client,
    args: &SyncArgs,
    defaults: WordDefaults,
    output: &Output,
    run: &Run,
) -> Done {
    let (mut sync, name) = sides(client, args)?;
    if args.to.is_given() {
        let (Tree::Bucket { .. }, Tree::Bucket { client: target, .. }) = (&sync.source, &mut sync.target)
        else {
            return Err(usage(
                "only a bucket can be on another cluster, and the other is a directory",
                &args.target,
            )
            .todo("leave the options --to-… out"));
        };
        let other = settings::other_cluster(&args.to, global, args.limit_rate(), run).await?;
        target.clone_from(other.s3()?);
    }
    output.begin_lists(&["keys"]);
    let options = SyncOptions {
        unchanged_by: match (args.skip_existing, args.checksum) {
            (true, _) => UnchangedBy::Presence,
            (false, true) => UnchangedBy::Bytes,
            (false, false) => UnchangedBy::SizeAndTime,
        },
        delete_removed: args.delete_removed,
        max_delete: args.max_delete.or(defaults.max_delete),
        dry_run: args.dry_run,
        content_types: args.types.over(defaults.types),
        globs: args.patterns.globs()?.below(name.as_str()),
        last: Globs::new(&args.last, &[]).below(name),
        spool: args.to.spool.clone(),
        each: Each::new(|synced| {
            if output.is_json() {
                output.entry("keys", &json!(synced));
            } else if let Some(line) = line(&synced, args.dry_run) {
                if output.is_quiet() && is_loss(&synced.fate) {
                    tell(line.trim_end());
                } else {
                    output.line(&line);
                }
            }
            Ok(())
        }),
    };
    let report = sync.run(&options, run).await?;
    let exit = match (report.guarded, report.is_complete()) {
        (true, _) => Exit::Guard,
        (false, false) => Exit::Incomplete,
        (false, true) => Exit::Done,
    };
    Ok(output.report(exit, text(&report), &json!(report)))
}

/// The two sides that were meant, by s3cmd's rules for a `/` at the end; and what the paths of the source begin with, which
/// the keys of the target's prefix have already.
fn sides(client: &Client, args: &SyncArgs) -> Result<(Sync, String)> {
    let tree = |(bucket, prefix)| Tree::Bucket { client: client.clone(), bucket, prefix };
    match (args.source.strip_prefix("s3://"), args.target.strip_prefix("s3://")) {
        (Some(_), None) => {
            let (source, target) = (tree(split(&args.source)?), Tree::Directory(PathBuf::from(&args.target)));
            Ok((Sync { source, target }, String::new()))
        }
        (None, Some(_)) => {
            let directory = PathBuf::from(&args.source);
            if directory.is_file() {
                return Err(usage("that is a file", &args.source).todo("use s3 put for a single file"));
            }
            let (bucket, mut prefix) = place::directory(&args.target)?;
            let name = name_in_keys(&args.source)?.map_or_else(String::new, |name| format!("{name}/"));
            prefix.push_str(&name);
            Ok((Sync { source: Tree::Directory(directory), target: tree((bucket, prefix)) }, name))
        }
        (Some(_), Some(_)) => {
            let (source, target) = (tree(split(&args.source)?), tree(place::directory(&args.target)?));
            Ok((Sync { source, target }, String::new()))
        }
        (None, None) => Err(usage("neither is a place in a bucket: s3://BUCKET/PREFIX", &args.source)),
    }
}

/// The directory's name, if it is to be part of the keys.
fn name_in_keys(source: &str) -> Result<Option<&str>> {
    let last = source.rsplit('/').next().unwrap_or_default();
    if matches!(last, "" | ".") {
        return Ok(None);
    }
    match last {
        ".." => Err(usage("a directory that has no name here", source).todo("add a / at its end")),
        name => Ok(Some(name)),
    }
}

/// Whether a key is not as it should be: `--quiet` does not silence that.
fn is_loss(fate: &Fate) -> bool {
    match fate {
        Fate::Source(outcome) => {
            outcome.is_doubtful() || matches!(outcome, Outcome::Refused(_) | Outcome::Failed(_))
        }
        Fate::Target(fate) => matches!(fate, TargetOnly::NotDeleted(_)),
    }
}

/// A line for each key that is not as it was, or not as it should be.
fn line(synced: &KeyOutcome, dry_run: bool) -> Option<String> {
    let (what, why) = match &synced.fate {
        Fate::Source(Outcome::Unchanged) => return None,
        Fate::Source(Outcome::Stored) => (if dry_run { "would copy" } else { "copied" }, None),
        Fate::Source(Outcome::Unverifiable(why)) => ("copied, unverifiable", Some(why)),
        Fate::Source(Outcome::Vanished) => ("vanished", None),
        Fate::Source(Outcome::Refused(why)) => ("REFUSED", Some(why)),
        Fate::Source(Outcome::Failed(why)) => ("FAILED", Some(why)),
        Fate::Target(TargetOnly::Deleted) => (if dry_run { "would delete" } else { "deleted" }, None),
        Fate::Target(TargetOnly::NotDeleted(why)) => ("not deleted", Some(why)),
        Fate::Target(TargetOnly::LeftAlone(why)) => ("left alone", Some(why)),
    };
    let why = why.map_or(String::new(), |why| format!(": {}", printable(why)));
    let file = synced
        .path
        .as_ref()
        .map_or(String::new(), |path| format!(" (the file {})", printable(&path.to_string_lossy())));
    Some(format!("{what}: {}{file}{why}\n", printable(&synced.key)))
}

fn text(report: &SyncReport) -> String {
    let counts = &report.counts;
    let mut text = format!(
        "{}{} of {} copied, {}; {} unchanged",
        if report.dry_run { "dry run: " } else { "" },
        counts.stored + counts.unverifiable,
        counts.listed,
        bytes(report.bytes),
        counts.unchanged
    );
    let others = [
        ("UNVERIFIABLE", report.doubtful),
        ("vanished", counts.vanished),
        ("REFUSED", counts.refused),
        ("FAILED", counts.failed),
        ("deleted", report.deleted),
        ("not deleted", report.not_deleted),
    ];
    for (name, count) in others.into_iter().filter(|(_, count)| *count > 0) {
        text.push_str(&format!(", {count} {name}"));
    }
    if let Some(why) = report.counts.too_many_vanished() {
        text.push_str(&format!("; {why}"));
    }
    if let Some(why) = &report.why_not_deleted {
        text.push_str(&format!(": {}", printable(why)));
    }
    text.push('\n');
    text
}
