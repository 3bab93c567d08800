//! `put`: files, directories or standard input into objects.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deis_store::disk::{Kind, Root, decode};
use deis_store::error::{disk_error, printable};
use deis_store::mirror::{ContentTypes, Globs, ToPush, push};
use deis_store::monitor::{Run, TaskKind, TaskResult};
use deis_store::s3::client::{UploadOptions, cut_into_parts};
use deis_store::s3::op::InitiateUpload;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::{Error, ErrorKind, Result};
use futures_util::stream;
use serde_json::json;

use super::super::Done;
use super::place::{directory, split, usage};
use super::tally::Tally;
use crate::args::Below;
use crate::output::Output;

/// What comes from standard input is of unknown size: 10,000 of these are 312 GiB.
const PART_BYTES: usize = 32 << 20;

/// A file that is to be uploaded.
struct Found {
    key: String,
    /// For people.
    path: PathBuf,
    /// The directory it was found in, and the components of its name there.
    root: Root,
    components: Vec<String>,
}

pub(super) async fn put(
    client: &Client,
    files: &[PathBuf],
    place: &str,
    types: &ContentTypes,
    options: &Below,
    output: &Output,
    run: &Run,
) -> Done {
    if files.iter().any(|file| file == Path::new("-")) {
        if files.len() > 1 || options.dry_run {
            return Err(usage("standard input goes alone, and without --dry-run", "-"));
        }
        return from_stdin(client, place, types.otherwise.as_deref(), output).await;
    }
    let mut tally = Tally::new("uploaded", options.dry_run, output);
    let (bucket, found) = find(files, place, options, &mut tally)?;
    let only = match found.as_slice() {
        [one] if !options.recursive => Some((one.key.clone(), size(one)?)),
        _ => None,
    };
    let mut paths: BTreeMap<String, String> = BTreeMap::new();
    for file in &found {
        let path = file.path.display().to_string();
        if let Some(other) = paths.insert(file.key.clone(), path) {
            let error = usage("two files would become one object", &other);
            return Err(error.at("key", &file.key).todo("upload one of them with a key of its own"));
        }
    }
    let tell = |key: &str, size: u64, tally: &mut Tally<'_>| {
        let name = format!("s3://{bucket}/{key}");
        let path = paths.get(key).map_or("", String::as_str);
        let line = format!("upload: '{path}' -> '{}' ({size} bytes)", printable(&name));
        tally.done(&line, size, || json!({ "path": path, "key": key, "size": size }));
    };
    if options.dry_run {
        for file in &found {
            tell(&file.key, size(file)?, &mut tally);
        }
    } else {
        let files = found.into_iter().map(|file| to_push(file, types));
        let progress = run.begin(None, TaskKind::Step, "put");
        let pushed = push(client, &bucket, stream::iter(files), false, run, &progress, |pushed| {
            match pushed.result {
                Ok(_) => tell(&pushed.key, pushed.size_bytes, &mut tally),
                // Of a single one, the error with its place says more.
                Err(error) if only.is_some() => return Err(error),
                Err(error) => {
                    tally.failed(&format!("s3://{bucket}/{}", pushed.key), "failed", &error.what());
                }
            }
            Ok(())
        });
        let pushed = pushed.await;
        progress.done(if pushed.is_ok() { TaskResult::Good } else { TaskResult::Failed });
        pushed?;
    }
    let mut more = json!({ "bucket": bucket.as_str() });
    if let Some((key, size)) = only {
        more = json!({ "bucket": bucket.as_str(), "key": key, "size": size });
    }
    Ok(tally.finish(more))
}

/// The files that are meant, each with its key.
fn find(
    files: &[PathBuf],
    place: &str,
    options: &Below,
    tally: &mut Tally<'_>,
) -> Result<(BucketName, Vec<Found>)> {
    let several = options.recursive || files.len() > 1;
    let (bucket, base) = if several { directory(place)? } else { split(place)? };
    let globs = options.globs();
    let mut found = Vec::new();
    for file in files {
        let metadata =
            std::fs::metadata(file).map_err(|error| disk_error("read the file", file.display(), error))?;
        if metadata.is_dir() && options.recursive {
            // As s3cmd: DIR is part of the keys, DIR/ is not.
            let name = if file.to_string_lossy().ends_with('/') { "" } else { name(file, place)? };
            let root = Root::open(file)?;
            let named = if name.is_empty() { base.clone() } else { format!("{base}{name}/") };
            let mut walk = Walk { root: &root, path: file, named: &named, base: &base, globs: &globs };
            walk.below(&root, &mut Vec::new(), &mut found, tally)?;
            continue;
        }
        if metadata.is_dir() {
            let error = usage("that is a directory", &file.display().to_string());
            return Err(error.todo("add --recursive to upload what is in it"));
        }
        if !metadata.is_file() {
            return Err(usage("not a regular file", &file.display().to_string()));
        }
        let keeps_name = base.is_empty() || base.ends_with('/');
        let key = if keeps_name { format!("{base}{}", name(file, place)?) } else { base.clone() };
        // A symlink that was named is followed.
        let real = file.canonicalize().map_err(|error| disk_error("read the file", file.display(), error))?;
        let root = Root::open(real.parent().unwrap_or(Path::new("/")))?;
        let components = vec![name(&real, place)?.to_owned()];
        if !globs.leave_out(key.strip_prefix(&base).unwrap_or(&key)) {
            found.push(Found { key, path: file.clone(), root, components });
        }
    }
    Ok((bucket, found))
}

fn name<'a>(file: &'a Path, place: &str) -> Result<&'a str> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| usage("the file's name cannot be a key: give the key", place))
}

/// A way through a directory, never through a symlink.
struct Walk<'a> {
    root: &'a Root,
    path: &'a Path,
    /// How the keys of what is in it begin.
    named: &'a str,
    /// Patterns are matched with what follows this.
    base: &'a str,
    globs: &'a Globs,
}

impl Walk<'_> {
    fn below(
        &mut self,
        directory: &Root,
        components: &mut Vec<String>,
        found: &mut Vec<Found>,
        tally: &mut Tally<'_>,
    ) -> Result<()> {
        for entry in directory.list()? {
            let path = self.path.join(components.iter().collect::<PathBuf>()).join(&entry.name);
            let shown = path.display().to_string();
            let Some(name) = entry.name.to_str() else {
                tally.failed(&shown, "refused", "its name is not UTF-8, as keys are");
                continue;
            };
            components.push(name.to_owned());
            if entry.kind == Kind::Directory {
                self.below(&directory.subdirectory(name, false)?, components, found, tally)?;
            } else {
                // The rule by which `get -r` names files, read backwards.
                let key = decode(components).map(|key| format!("{}{key}", self.named));
                let left_out = |key: &str| self.globs.leave_out(key.strip_prefix(self.base).unwrap_or(key));
                let refused = |why: &str, tally: &mut Tally<'_>| {
                    if !left_out(&format!("{}{}", self.named, components.join("/"))) {
                        tally.failed(&shown, "refused", why);
                    }
                };
                match (entry.kind, key) {
                    (Kind::File, Some(key)) => {
                        if !left_out(&key) {
                            let (root, components) = (self.root.clone(), components.clone());
                            found.push(Found { key, path, root, components });
                        }
                    }
                    (Kind::File, None) => {
                        refused(
                            "a % in its name stands for no character: upload it alone, with a key",
                            tally,
                        );
                    }
                    (Kind::Symlink, _) => refused("a symlink, and those are not followed", tally),
                    _ => refused("not a regular file", tally),
                }
            }
            components.pop();
        }
        Ok(())
    }
}

fn size(file: &Found) -> Result<u64> {
    let opened = file.root.open_file(&file.components)?;
    let metadata =
        opened.metadata().map_err(|error| disk_error("read the file", file.path.display(), error))?;
    Ok(metadata.len())
}

fn to_push(file: Found, types: &ContentTypes) -> Result<ToPush> {
    let size_bytes = size(&file)?;
    let content_type = types.of(&file.path.to_string_lossy()).map(str::to_owned);
    let Found { key, root, components, .. } = file;
    let file = ToPush::new(key, size_bytes, move || root.open_file(&components));
    Ok(ToPush { content_type, ..file })
}

async fn from_stdin(client: &Client, place: &str, content_type: Option<&str>, output: &Output) -> Done {
    let (bucket, key) = split(place)?;
    if key.is_empty() || key.ends_with('/') {
        let error = Error::new(ErrorKind::Usage, "standard input has no name").at("argument", place);
        return Err(error.todo("give the key"));
    }
    let key = ObjectKey::new(key)?;
    let begin = InitiateUpload::new(&bucket, &key, content_type, &BTreeMap::new(), &BTreeMap::new())?;
    let parts = cut_into_parts(tokio::io::stdin(), PART_BYTES);
    let uploaded = client.upload(&begin, parts, &UploadOptions::default()).await?;
    let (name, size) = (format!("s3://{bucket}/{key}"), uploaded.size_bytes);
    let text = format!("upload: '<stdin>' -> '{}' ({size} bytes)\n", printable(&name));
    Ok(output.answer(&text, &json!({ "bucket": bucket.as_str(), "key": key.as_str(), "size": size })))
}
