//! Bucket → directory.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::TryStreamExt as _;

use super::CircuitBreaker;
use super::ordered;
use super::resume::resume;
use crate::blocking::blocking;
use crate::disk::{Committed, GroupCommit, NewFile, Root, Tap, Writing, Written, is_resumable, write};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::hash::Sha256;
use crate::outcome::Outcome;
use crate::run::{Run, Running};
use crate::s3::Checked;
use crate::s3::client::{Download, Revision};
use crate::s3::op::{ListObjects, ListedObject, ObjectInfo};
use crate::s3::{BucketName, Check, Client, ObjectKey};

/// Downloads of an object that is listed and not given, given otherwise, or not what its `ETag` says, before it is
/// given up.
const ATTEMPTS: u32 = 3;

/// An index that lags behind its objects has caught up after this.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// An object of at most this size is written at once when all of it has come.
const SMALL_BYTES: u64 = 256 << 10;

/// Which objects of a bucket.
pub struct Selection<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Keys to leave out, as if they were not there.
    pub leave_out: &'a (dyn Fn(&str) -> bool + Sync),
}

/// A listed object, and what became of it.
#[derive(Debug)]
pub struct Pulled {
    /// As it was listed; the last time, if it was replaced meanwhile.
    pub listed: ListedObject,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether its bytes were not what its `ETag` says, or it has none any more though it is listed.
    pub damaged: bool,
    /// What is on disk, if it is.
    pub stored: Option<Stored>,
}

/// An object on disk.
#[derive(Debug)]
pub struct Stored {
    /// The components of its path.
    pub path: Vec<String>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Its digest, if one was wanted.
    pub sha256: Option<Sha256>,
    /// What its bytes were checked against.
    pub checked: Checked,
    /// When it was written in the bucket.
    pub modified: SystemTime,
    /// What is stored with it.
    pub info: ObjectInfo,
}

/// Copies objects of a bucket beneath `root`, and calls `each` for every listed one, in the order of the listing.
///
/// What befalls a single object is its outcome. An error is what befalls all: the listing fails, the disk is full,
/// the run is stopped, or the gateways fail object after object.
pub async fn pull(
    client: &Client,
    selection: &Selection<'_>,
    root: &Root,
    run: &Run,
    progress: &Running<'_>,
    mut each: impl FnMut(Pulled) -> Result<()>,
) -> Result<()> {
    let transfer = Transfer::new(client, selection.bucket, root, Sink::Snapshot);
    let listing = client.list(selection.bucket, selection.prefix);
    let wanted = listing.try_filter(|object| std::future::ready(!(selection.leave_out)(&object.key)));
    let transfers = wanted.map_ok(|object| transfer.object(object));
    // Each may keep a thread that writes, of which there are 512: far fewer objects are under way.
    let mut results = Box::pin(ordered(transfers, client.in_flight(), run.stop.clone()));
    while let Some(pulled) = results.try_next().await? {
        progress.advance(1, pulled.stored.as_ref().map_or(0, |stored| stored.size_bytes));
        each(pulled)?;
    }
    Ok(())
}

/// What becomes of a bucket on disk.
#[derive(Clone, Copy)]
pub(crate) enum Sink {
    /// Files that snapshots share and nobody edits; the whole key is the path.
    Snapshot,
    /// Files of their user's own, with the listing's time to the millisecond; the path is the key without so many bytes
    /// of prefix.
    Mirror { prefix_bytes: usize },
}

/// Copies single objects of a bucket beneath a directory.
pub(crate) struct Transfer<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    root: &'a Root,
    form: Sink,
    commits: GroupCommit,
    failures: CircuitBreaker,
}

impl<'a> Transfer<'a> {
    pub(crate) fn new(client: &'a Client, bucket: &'a BucketName, root: &'a Root, form: Sink) -> Self {
        Self {
            client,
            bucket,
            root,
            form,
            commits: GroupCommit::default(),
            failures: CircuitBreaker::default(),
        }
    }
}

impl Transfer<'_> {
    /// Copies an object. What befalls it alone is its outcome; an error concerns all.
    pub(crate) async fn object(&self, mut listed: ListedObject) -> Result<Pulled> {
        let mut attempts = 1;
        let (outcome, damaged, stored) = loop {
            let error = match self.fetch(&listed).await {
                Ok(stored) => {
                    self.failures.end();
                    break (outcome_of(stored.checked), false, Some(stored));
                }
                Err(error) => error,
            };
            // What the gateway says of an object it has listed is believed only if the listing says so too.
            match error.kind() {
                ErrorKind::Occupied => {
                    break (Outcome::Refused(error.what()), false, None);
                }
                ErrorKind::NotFound | ErrorKind::Changed => match self.listed_now(&listed.key).await? {
                    None => break (Outcome::Vanished, false, None),
                    Some(now) => listed = now,
                },
                ErrorKind::Damaged => {}
                _ => break (self.failures.outcome(error)?, false, None),
            }
            if attempts == ATTEMPTS {
                break (Outcome::Failed(error.what()), error.kind() != ErrorKind::Changed, None);
            }
            attempts += 1;
            self.client.sleep(BETWEEN_ATTEMPTS).await?;
        };
        Ok(Pulled { listed, outcome, damaged, stored })
    }

    async fn fetch(&self, listed: &ListedObject) -> Result<Stored> {
        let key = ObjectKey::new(&listed.key)?;
        match self.form {
            Sink::Snapshot => {
                let root = self.root.clone();
                let download = self.download(&key, listed).await?;
                store(download, &key, 0o400, move |key, etag| root.new_object(key, etag)).await
            }
            Sink::Mirror { .. } => self.mirror(listed, &key).await,
        }
    }

    /// Copies an object, of which an earlier run may have left the half, into a file of its user's own.
    async fn mirror(&self, listed: &ListedObject, key: &ObjectKey) -> Result<Stored> {
        let below = self.below(key.as_str());
        let time = listed.modified.time().at(At::Key, &listed.key)?;
        let settle = move |new_file: NewFile| new_file.set(0o600, Some(time)).map(|()| new_file);
        let (info, new_file, checked) = if listed.size_bytes > SMALL_BYTES && is_resumable(&listed.etag) {
            resume(self.client, (self.bucket, key), listed, (self.root, below), settle).await?
        } else {
            let download = self.download(key, listed).await?;
            let info = download.info().clone();
            let (root, below, etag) = (self.root.clone(), below.to_owned(), listed.etag.clone());
            let new_file = move || root.new_object(&below, &etag).map(NewFile::without_digest);
            let (new_file, checked) = arrive(download, key, new_file, settle).await?;
            (info, new_file, checked)
        };
        let modified = info.modified.time().at(At::Key, key)?;
        let committed = self.commits.commit(new_file).await.at(At::Key, key)?;
        Ok(Stored::new(committed, checked, modified, info))
    }

    /// The part of a key that is its path.
    pub(crate) fn below<'k>(&self, key: &'k str) -> &'k str {
        match self.form {
            Sink::Snapshot => key,
            Sink::Mirror { prefix_bytes } => key.get(prefix_bytes..).unwrap_or(key),
        }
    }

    async fn download(&self, key: &ObjectKey, listed: &ListedObject) -> Result<Download> {
        let download = self.client.get_known(self.bucket, key, &Revision::from(listed)).await;
        download.map_err(no_data)
    }

    /// How a key is listed now, if it still is.
    async fn listed_now(&self, key: &str) -> Result<Option<ListedObject>> {
        let page = ListObjects { bucket: self.bucket, prefix: key, marker: "", delimiter: None, max_keys: 1 };
        let first = self.client.page(&page).await?.objects.into_iter().next();
        Ok(first.filter(|object| object.key == key))
    }
}

/// Downloads one object into a new file and commits it, with this mode and the object's time, if the bytes are what
/// the object's `ETag` says; else it is an [`ErrorKind::Damaged`] error and no file.
pub async fn fetch(
    client: &Client,
    bucket: &BucketName,
    key: &ObjectKey,
    mode: u32,
    new_file: impl FnOnce(&str, &str) -> Result<NewFile> + Send + 'static,
) -> Result<Stored> {
    let download = client.get(bucket, key).await?;
    store(download, key, mode, new_file).await.at(At::Bucket, bucket)
}

/// What it means that an object is not found.
pub(crate) fn no_data(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        return Error::new(ErrorKind::NotFound, "it is listed, and the gateway has no data for it")
            .because(error);
    }
    error
}

impl Stored {
    fn new(committed: Committed, checked: Checked, modified: SystemTime, info: ObjectInfo) -> Self {
        let Committed { path, size_bytes, sha256 } = committed;
        Self { path, size_bytes, sha256, checked, modified, info }
    }
}

async fn store(
    download: Download,
    key: &ObjectKey,
    mode: u32,
    new_file: impl FnOnce(&str, &str) -> Result<NewFile> + Send + 'static,
) -> Result<Stored> {
    let info = download.info().clone();
    let modified = info.modified.time().at(At::Key, key)?;
    let (name, etag) = (key.as_str().to_owned(), info.etag.clone());
    let commit = move |new_file: NewFile| new_file.commit(mode, Some(modified), false);
    let (committed, checked) = arrive(download, key, move || new_file(&name, &etag), commit).await?;
    Ok(Stored::new(committed, checked, modified, info))
}

/// Downloads an object into a new file, and if the bytes are right does with the file what is to be done.
async fn arrive<T: Send + 'static>(
    mut download: Download,
    key: &ObjectKey,
    new_file: impl FnOnce() -> Result<NewFile> + Send + 'static,
    whole: impl FnOnce(NewFile) -> Result<T> + Send + 'static,
) -> Result<(T, Checked)> {
    let check = Check::new(download.info());
    if download.info().total_bytes > SMALL_BYTES {
        let new_file = blocking(new_file).await.at(At::Key, key)?;
        return write_rest(Some(download), check, new_file, key, whole).await;
    }
    let mut pieces = Vec::new();
    while let Some(bytes) = download.try_next().await? {
        pieces.push(bytes);
    }
    // One visit to the threads that may wait for the disk, instead of three.
    blocking(move || checked(write(new_file()?, check, pieces)?, whole)).await.at(At::Key, key)
}

/// Downloads what is left of an object, and if all its bytes are right does with the file what is to be done.
pub(crate) async fn write_rest<T: Send + 'static>(
    download: Option<Download>,
    check: Check,
    new_file: NewFile,
    key: &ObjectKey,
    whole: impl FnOnce(NewFile) -> Result<T> + Send + 'static,
) -> Result<(T, Checked)> {
    let mut writing = Writing::start(new_file, check);
    if let Some(mut download) = download
        && let Err(error) = hand_on(&mut download, &mut writing).await
    {
        // Whoever tries again finds the file as it was left, and not locked.
        writing.give_up().await;
        return Err(error).at(At::Key, key);
    }
    let written = writing.finish().await.at(At::Key, key)?;
    blocking(move || checked(written, whole)).await.at(At::Key, key)
}

async fn hand_on(download: &mut Download, writing: &mut Writing<Check>) -> Result<()> {
    while let Some(bytes) = download.try_next().await? {
        writing.write(bytes).await?;
    }
    Ok(())
}

fn checked<T>(written: Written<Check>, whole: impl FnOnce(NewFile) -> Result<T>) -> Result<(T, Checked)> {
    match written.tap.finish() {
        Ok(checked) => Ok((whole(written.new_file)?, checked)),
        Err(error) => {
            // Nobody may go on with it.
            written.new_file.discard();
            Err(error)
        }
    }
}

impl Tap for Check {
    fn bytes(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }

    fn piece(&mut self, piece: &Bytes) {
        self.update_piece(piece);
    }
}

/// What becomes of an object that came, by what its bytes were checked against.
pub(crate) fn outcome_of(checked: Checked) -> Outcome {
    match checked {
        Checked::None => Outcome::Unverifiable("its ETag says nothing of its bytes".to_owned()),
        _ => Outcome::Stored,
    }
}
