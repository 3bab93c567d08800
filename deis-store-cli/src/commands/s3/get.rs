//! `get`: an object into a file or standard output, or all below a prefix into a directory.

use std::path::{Path, PathBuf};

use deis_store::error::{At, printable};
use deis_store::outcome::{Counts, Each, Fate, KeyOutcome, Outcome};
use deis_store::run::{Run, TaskKind};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::sync::{DownloadTree, DownloadTreeOptions, Existing};
use deis_store::{Error, ErrorKind, Result};
use serde_json::json;

use super::super::{Done, local};
use super::place::{last_part, object, refuse_swapped, split, usage};
use super::shown;
use super::tally::{Tally, say_doubtful};
use crate::args::Below;
use crate::exit::Exit;
use crate::output::Output;

pub(super) struct How<'a> {
    existing: Existing,
    below: &'a Below,
}

impl<'a> How<'a> {
    pub(super) fn new(force: bool, skip_existing: bool, below: &'a Below) -> Self {
        let existing = match (force, skip_existing) {
            (true, _) => Existing::Replace,
            (_, true) => Existing::Skip,
            _ => Existing::Refuse,
        };
        Self { existing, below }
    }
}

pub(super) async fn get(
    client: &Client,
    place: &str,
    file: Option<&Path>,
    how: How<'_>,
    output: &Output,
    run: &Run,
) -> Done {
    if let Some(file) = file {
        refuse_swapped(&[file], place)?;
        local::path(file, "the target of get", "copy from bucket to bucket with `cp` or `sync`")?;
    }
    if how.below.recursive {
        return all(client, place, file.unwrap_or(Path::new(".")), &how, output, run).await;
    }
    let (bucket, key) = object(place)?;
    if file == Some(Path::new("-")) {
        let _task = run.begin(None, TaskKind::Transfer, "get");
        let done = to_stdout(client, place, (&bucket, &key), &how, output).await?;
        return Ok(done);
    }
    let path = target(&key, file, place)?;
    let name = printable(place);
    if path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let what = "that is a device, pipe or socket, and no file";
        let error = Error::new(ErrorKind::Usage, what).at(At::Path, path.display());
        return Err(
            error.todo(format!("leave it there, and write to it: s3 get {place} - > {}", path.display()))
        );
    }
    if path.symlink_metadata().is_ok() {
        match how.existing {
            Existing::Replace => {}
            Existing::Skip => {
                let text = format!(
                    "skip: '{name}' ('{}' is there already)\n",
                    printable(&path.display().to_string())
                );
                return Ok(
                    output.answer(&text, &json!({ "path": path.display().to_string(), "skipped": true }))
                );
            }
            Existing::Refuse => {
                let error =
                    Error::new(ErrorKind::Occupied, "the file is there already").at(At::Path, path.display());
                return Err(error.todo("add --force to replace it, or name another one"));
            }
        }
    }
    if how.below.dry_run {
        let size = client.find(&bucket, &key).await?.total_bytes;
        let path = path.display().to_string();
        let text = format!("would download: '{name}' -> '{}' ({size} bytes)\n", printable(&path));
        return Ok(output.answer(&text, &json!({ "path": path, "size": size, "dry_run": true })));
    }
    let file = client.get_file(&bucket, &key, &path);
    let file = if how.existing == Existing::Replace { file.replace() } else { file };
    let _task = run.begin(None, TaskKind::Transfer, "get");
    let (info, checked) = file.await?;
    let (size, path) = (info.total_bytes, path.display().to_string());
    let outcome = Outcome::of_checked(checked, &info.etag);
    let text = format!("download: '{name}' -> '{}' ({size} bytes){}\n", printable(&path), note(&outcome));
    let (checked, why) = (checked.to_string(), outcome.why());
    let report = json!({ "path": path, "size": size, "checked": checked, "unverifiable": why });
    Ok(answered(place, &outcome, |exit| output.answer_with(exit, &text, &report)))
}

/// The note on an object that came and was not checked.
fn note(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Unverifiable(_) if outcome.is_doubtful() => "  (its ETag does not confirm its bytes)",
        Outcome::Unverifiable(_) => "  (its ETag says nothing of its bytes)",
        _ => "",
    }
}

/// The exit of a single object that came.
fn answered(place: &str, outcome: &Outcome, answer: impl FnOnce(Exit) -> Exit) -> Exit {
    match outcome.why().filter(|_| outcome.is_doubtful()) {
        Some(why) => {
            say_doubtful(place, why);
            answer(Exit::Incomplete)
        }
        None => answer(Exit::Done),
    }
}

async fn to_stdout(
    client: &Client,
    place: &str,
    (bucket, key): (&BucketName, &ObjectKey),
    how: &How<'_>,
    output: &Output,
) -> Done {
    if output.is_json() || how.below.dry_run {
        return Err(usage("standard output takes the object alone, without --json and --dry-run", "-"));
    }
    let (info, checked) = client.get_to(bucket, key, tokio::io::stdout()).await?;
    Ok(answered(place, &Outcome::of_checked(checked, &info.etag), |exit| exit))
}

async fn all(
    client: &Client,
    place: &str,
    directory: &Path,
    how: &How<'_>,
    output: &Output,
    run: &Run,
) -> Done {
    let (bucket, prefix) = split(place)?;
    let mut tally = Tally::new("downloaded", how.below.dry_run, output);
    let mut counts = Counts::default();
    let each = Each::new(|downloaded: KeyOutcome| {
        if let Fate::Source(outcome) = &downloaded.fate {
            counts.add(outcome);
        }
        tell(&bucket, &downloaded, &mut tally);
        Ok(())
    });
    let options = DownloadTreeOptions { existing: how.existing, dry_run: how.below.dry_run, each };
    let selection = how.below.patterns.globs()?.select(&bucket, &prefix);
    let download = DownloadTree { client: client.clone(), selection, directory: directory.to_owned() };
    download.run(&options, run).await?;
    drop(options);
    if let Some(why) = counts.too_many_vanished() {
        tally.failed(place, "vanished", &why);
    }
    Ok(tally.finish(json!({ "path": directory.display().to_string() })))
}

fn tell(bucket: &BucketName, downloaded: &KeyOutcome, tally: &mut Tally<'_>) {
    let Fate::Source(outcome) = &downloaded.fate else { return };
    let name = format!("s3://{bucket}/{}", downloaded.key);
    let path = shown(downloaded.path.as_deref());
    match outcome {
        Outcome::Unchanged => tally.skipped(&name, &format!("'{path}' is there already")),
        Outcome::Vanished => tally.skipped(&name, "deleted since it was listed"),
        Outcome::Refused(why) => tally.failed(&name, "refused", why),
        Outcome::Failed(why) => tally.failed(&name, "failed", why),
        Outcome::Stored | Outcome::Unverifiable(_) => {
            let size = downloaded.size_bytes;
            let line = format!("download: '{}' -> '{}' ({size} bytes)", printable(&name), printable(&path));
            let unverifiable = matches!(outcome, Outcome::Unverifiable(_));
            let note = note(outcome);
            let entry = || json!({ "name": name, "path": path, "size": size, "unverifiable": unverifiable });
            tally.done(&format!("{line}{note}"), size, entry);
            if let Some(why) = outcome.why().filter(|_| outcome.is_doubtful()) {
                tally.doubtful(&name, why);
            }
        }
    }
}

/// Where an object goes: the file named, or the key's last part in the directory named or here.
fn target(key: &ObjectKey, file: Option<&Path>, place: &str) -> Result<PathBuf> {
    let directory = match file {
        Some(file) if !file.is_dir() => return Ok(file.to_owned()),
        Some(directory) => directory.to_owned(),
        None => PathBuf::new(),
    };
    match last_part(key.as_str()) {
        "" | "." | ".." => Err(usage("the key's last part is no file name: name the file", place)),
        name => Ok(directory.join(name)),
    }
}
