//! `put`: files, directories or standard input into objects.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::path::{Path, PathBuf};

use deis_store::disk::Root;
use deis_store::error::{At, disk_error, printable};
use deis_store::run::{Run, TaskKind, TaskResult};
use deis_store::s3::client::{UploadOptions, cut_into_parts};
use deis_store::s3::op::InitiateUpload;
use deis_store::s3::{Client, ObjectKey};
use deis_store::sync::{ContentTypes, Globs};
use deis_store::transfer::{ToPush, push};
use deis_store::tree::{TreeEntry, walk};
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
    let several = options.recursive || files.len() > 1;
    let (bucket, base) = if several { directory(place)? } else { split(place)? };
    let globs = options.globs();
    let source = |file| Source::new(file, &base, &globs, options.recursive, place);
    let sources: Vec<Source<'_>> = files.iter().map(|file| source(file)).collect::<Result<_>>()?;
    no_key_twice(&sources)?;
    let only = match sources.as_slice() {
        [one] if !options.recursive => one.files().next().transpose()?,
        _ => None,
    };
    let tally = RefCell::new(Tally::new("uploaded", options.dry_run, output));
    let tell = |key: &str, path: &str, size: u64| {
        let name = format!("s3://{bucket}/{key}");
        let line = format!("upload: '{path}' -> '{}' ({size} bytes)", printable(&name));
        tally.borrow_mut().done(&line, size, || json!({ "path": path, "key": key, "size": size }));
    };
    let mut found = sources.iter().flat_map(Source::files).filter_map(|found| match found {
        Ok(Found { path, size_bytes: Err(why), .. }) => {
            tally.borrow_mut().failed(&path, "refused", why);
            None
        }
        Ok(Found { size_bytes: Ok(size_bytes), key, path, file }) => Some(Ok((key, path, size_bytes, file))),
        Err(error) => Some(Err(error)),
    });
    if options.dry_run {
        found.try_for_each(|found| found.map(|(key, path, size_bytes, _)| tell(&key, &path, size_bytes)))?;
    } else {
        // Results come in the order of the files; before an error, those that are not there yet are left out.
        let paths = RefCell::new(VecDeque::new());
        let path_of = |key: &str| {
            let mut paths = paths.borrow_mut();
            std::iter::from_fn(|| paths.pop_front()).find(|(other, _)| other == key)
        };
        let files = found.map(|found| {
            let (key, path, size_bytes, (root, components)) = found?;
            let content_type = types.of(&path).map(str::to_owned);
            paths.borrow_mut().push_back((key.clone(), path));
            let file = ToPush::new(key, size_bytes, move || root.open_file(&components));
            Ok(ToPush { content_type, ..file })
        });
        let progress = run.begin(None, TaskKind::Step, "put");
        let pushed = push(client, &bucket, stream::iter(files), false, run, &progress, |pushed| {
            let path = path_of(&pushed.key).map(|(_, path)| path).unwrap_or_default();
            match pushed.result {
                Ok(_) => tell(&pushed.key, &path, pushed.size_bytes),
                // Of a single one, the error with its place says more.
                Err(error) if only.is_some() => return Err(error),
                Err(error) => {
                    let name = format!("s3://{bucket}/{}", pushed.key);
                    tally.borrow_mut().failed(&name, "failed", &error.what());
                }
            }
            Ok(())
        });
        let pushed = pushed.await;
        progress.done(if pushed.is_ok() { TaskResult::Good } else { TaskResult::Failed });
        pushed?;
    }
    let mut more = json!({ "bucket": bucket.as_str() });
    if let Some(only) = only {
        more = json!({ "bucket": bucket.as_str(), "key": only.key, "size": only.size_bytes.ok() });
    }
    Ok(tally.into_inner().finish(more))
}

/// A file that is to be uploaded.
struct Found {
    key: String,
    /// For people.
    path: String,
    /// Or why it is none.
    size_bytes: Result<u64, &'static str>,
    /// The directory it was found in, and the components of its name there.
    file: (Root, Vec<String>),
}

/// A file or directory that was named.
struct Source<'a> {
    named: &'a Path,
    /// It, or the directory that the file is in.
    root: Root,
    what: What,
    /// Patterns are matched with what follows this in a key.
    base: &'a str,
    globs: &'a Globs,
}

enum What {
    File { key: String, name: String },
    Directory { prefix: String },
}

impl<'a> Source<'a> {
    fn new(named: &'a Path, base: &'a str, globs: &'a Globs, recursive: bool, place: &str) -> Result<Self> {
        let failed = |error| disk_error("read the file", named.display(), error);
        let metadata = std::fs::metadata(named).map_err(failed)?;
        let wrong = |what| usage(what, &named.display().to_string());
        let (root, what) = if metadata.is_dir() {
            if !recursive {
                return Err(wrong("that is a directory").todo("add --recursive to upload what is in it"));
            }
            // As s3cmd: DIR is part of the keys, DIR/ is not.
            let prefix = if named.to_string_lossy().ends_with('/') {
                base.to_owned()
            } else {
                format!("{base}{}/", name(named, place)?)
            };
            (Root::open(named)?, What::Directory { prefix })
        } else if metadata.is_file() {
            let keeps_name = base.is_empty() || base.ends_with('/');
            let key = if keeps_name { format!("{base}{}", name(named, place)?) } else { base.to_owned() };
            // A symlink that was named is followed.
            let real = named.canonicalize().map_err(failed)?;
            let root = Root::open(real.parent().unwrap_or(Path::new("/")))?;
            (root, What::File { key, name: name(&real, place)?.to_owned() })
        } else {
            return Err(wrong("not a regular file"));
        };
        Ok(Self { named, root, what, base, globs })
    }

    /// What is found there, in the order of the keys.
    fn files(&self) -> impl Iterator<Item = Result<Found>> {
        let (one, all) = match &self.what {
            What::File { key, name } => (Some(self.one(key, name)), None),
            What::Directory { prefix } => (None, Some(walk(&self.root, prefix))),
        };
        let wanted = |local: &TreeEntry| {
            local.is_closed()
                || !self.globs.leave_out(local.key.strip_prefix(self.base).unwrap_or(&local.key))
        };
        let found = one.into_iter().chain(all.into_iter().flatten());
        found.filter(move |local| local.as_ref().map_or(true, wanted)).map(|local| {
            let TreeEntry { key, path, found } = local?;
            let path = path.components();
            let shown = match self.what {
                What::File { .. } => self.named.to_owned(),
                What::Directory { .. } => self.named.join(path.iter().collect::<PathBuf>()),
            };
            let size_bytes = found.map(|facts| facts.size_bytes);
            Ok(Found { key, path: shown.display().to_string(), size_bytes, file: (self.root.clone(), path) })
        })
    }

    fn one(&self, key: &str, name: &str) -> Result<TreeEntry> {
        let path = vec![name.to_owned()];
        let found = self.root.metadata(&path)?.ok_or("it has gone");
        Ok(TreeEntry { key: key.to_owned(), path: path.into(), found })
    }
}

/// An error if two files would become one object. What is held is one file of each source.
fn no_key_twice(sources: &[Source<'_>]) -> Result<()> {
    let mut sides: Vec<_> = sources.iter().map(|source| source.files().fuse()).collect();
    let mut next: BinaryHeap<Reverse<(String, String, usize)>> = BinaryHeap::new();
    let mut last: Option<(String, String)> = None;
    let mut advance: Vec<usize> = if sides.len() > 1 { (0..sides.len()).collect() } else { Vec::new() };
    loop {
        for index in advance.drain(..) {
            let mut files = sides[index]
                .by_ref()
                .filter(|found| found.as_ref().map_or(true, |found| found.size_bytes.is_ok()));
            if let Some(Found { key, path, .. }) = files.next().transpose()? {
                next.push(Reverse((key, path, index)));
            }
        }
        let Some(Reverse((key, path, index))) = next.pop() else { return Ok(()) };
        if let Some((_, other)) = last.filter(|(last, _)| *last == key) {
            let error = usage("two files would become one object", &other);
            return Err(error.at(At::Key, &key).todo("upload one of them with a key of its own"));
        }
        last = Some((key, path));
        advance.push(index);
    }
}

fn name<'a>(file: &'a Path, place: &str) -> Result<&'a str> {
    let name = file.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| usage("the file's name cannot be a key: give the key", place))
}

async fn from_stdin(client: &Client, place: &str, content_type: Option<&str>, output: &Output) -> Done {
    let (bucket, key) = split(place)?;
    if key.is_empty() || key.ends_with('/') {
        let error = Error::new(ErrorKind::Usage, "standard input has no name").at(At::Argument, place);
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
