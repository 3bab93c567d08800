//! Files, and those in directories → a bucket, as `s3cmd put` does. Nothing is compared and nothing deleted.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use futures_util::stream;

use super::content_type::ContentTypes;
use super::globs::Globs;
use super::named_files::{FoundFile, NamedFiles, Naming, refuse_key_twice};
use crate::error::{Error, Result};
use crate::outcome::{Each, Fate, KeyOutcome, Outcome};
use crate::run::{Run, TaskKind, TaskResult};
use crate::s3::{BucketName, Client};
use crate::transfer::{UploadFile, UploadResult, Uploader};

/// Uploads files.
#[derive(Clone, Debug)]
pub struct UploadFiles {
    /// The cluster's gateways.
    pub client: Client,
    /// Files; and directories, if they are uploaded recursively. As with s3cmd, the name of `DIR` is part of the keys,
    /// and that of `DIR/` is not.
    pub files: Vec<PathBuf>,
    /// The bucket.
    pub bucket: BucketName,
    /// The keys begin so. A single file has this key, unless it ends in a slash or is empty.
    pub prefix: String,
}

/// How files are uploaded.
#[derive(Debug, Default)]
pub struct UploadFilesOptions<'a> {
    /// Upload the files in directories.
    pub recursive: bool,
    /// Which paths to leave out.
    pub globs: Globs,
    /// The `Content-Type` that files get.
    pub content_types: ContentTypes,
    /// Change nothing.
    pub dry_run: bool,
    /// Called for every file with its path, in the order of the keys. Of a single file that was named, an error is the
    /// verb's.
    pub each: Each<'a, KeyOutcome>,
}

impl UploadFiles {
    /// Uploads the files, none of which may become the same object as another one. An error befalls all.
    pub async fn run(&self, options: &UploadFilesOptions<'_>, run: &Run) -> Result<()> {
        let (recursive, globs) = (options.recursive, &options.globs);
        let naming = Naming { prefix: &self.prefix, recursive, globs };
        let named: Vec<_> =
            self.files.iter().map(|file| NamedFiles::new(file, naming)).collect::<Result<_>>()?;
        refuse_key_twice(&named)?;
        let alone = named.len() == 1 && !recursive;
        // Something that is no file is told of when it is found, before the files that are still on their way.
        let mut found = named.iter().flat_map(NamedFiles::files).filter_map(|found| {
            let told = match &found {
                Ok(FoundFile { size_bytes: Err(why), key, path, .. }) => {
                    options.each.call(told(key.clone(), Outcome::Refused((*why).to_owned()), 0, path.clone()))
                }
                _ => return Some(found),
            };
            told.err().map(Err)
        });
        if options.dry_run {
            return found.try_for_each(|found| {
                let FoundFile { key, path, size_bytes, .. } = found?;
                options.each.call(told(key, Outcome::Stored, size_bytes.unwrap_or_default(), path))
            });
        }
        let paths = Paths::default();
        let files = found.map(|found| {
            let FoundFile { key, path, size_bytes, file: (root, components) } = found?;
            let content_type = options.content_types.of(&path.to_string_lossy()).map(str::to_owned);
            paths.push(key.clone(), path);
            let size_bytes = size_bytes.unwrap_or_default();
            let file = UploadFile::new(key, size_bytes, move || root.open_file(&components));
            Ok(UploadFile { content_type, ..file })
        });
        let uploader = Uploader { client: &self.client, bucket: &self.bucket, look_first: false };
        let task = run.begin(None, TaskKind::Transfer, "put");
        let each = |UploadResult { key, size_bytes, result }: UploadResult| {
            let path = paths.take(&key);
            let outcome = match result {
                Ok(_) => Outcome::Stored,
                // The error with its place says more.
                Err(error) if alone => return Err(error),
                Err(error) => Outcome::Failed(Error::what(&error)),
            };
            let size_bytes = if outcome == Outcome::Stored { size_bytes } else { 0 };
            options.each.call(told(key, outcome, size_bytes, path))
        };
        uploader.upload_all(stream::iter(files), &task, each).await?;
        task.done(TaskResult::Good);
        Ok(())
    }
}

fn told(key: String, outcome: Outcome, size_bytes: u64, path: PathBuf) -> KeyOutcome {
    KeyOutcome { key, fate: Fate::Source(outcome), damaged: false, size_bytes, path: Some(path) }
}

/// The paths of the files on their way. Results come in the order of the files; before an error, those that are not
/// there yet are left out.
#[derive(Default)]
struct Paths(Mutex<VecDeque<(String, PathBuf)>>);

impl Paths {
    fn push(&self, key: String, path: PathBuf) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((key, path));
    }

    fn take(&self, key: &str) -> PathBuf {
        let mut paths = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let path = std::iter::from_fn(|| paths.pop_front()).find(|(other, _)| other == key);
        path.map(|(_, path)| path).unwrap_or_default()
    }
}
