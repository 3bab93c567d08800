//! One object's way into a file. A fresh download is one of which an earlier run has left no byte.
//!
//! The bytes that an earlier run has left are taken for the beginning of the object whose `ETag` is in the file's name,
//! read again, and checked with the rest: they are not trusted.

use std::time::{Duration, SystemTime};

use super::arrive::{Arriving, SMALL_BYTES, arrive};
use super::attempts::{Attempt, Attempts};
use crate::blocking::blocking;
use crate::disk::{Committed, GroupCommit, NewFile, Root, is_resumable};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::hash::Sha256;
use crate::outcome::Outcome;
use crate::s3::client::Revision;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::s3::{BucketName, Check, Checked, Client};

/// A listed object, and what became of it.
#[derive(Debug)]
pub(crate) struct Downloaded {
    /// As it was listed; the last time, if it was replaced meanwhile.
    pub(crate) listed: ListedObject,
    /// Its outcome.
    pub(crate) outcome: Outcome,
    /// Whether its bytes were not what its `ETag` says, or it has none any more though it is listed.
    pub(crate) damaged: bool,
    /// Its file, if it is on disk.
    pub(crate) stored: Option<StoredFile>,
}

/// The file of an object.
#[derive(Debug)]
pub(crate) struct StoredFile {
    /// The components of its path.
    pub(crate) path: Vec<String>,
    /// Its size in bytes.
    pub(crate) size_bytes: u64,
    /// Its digest, if one was wanted.
    pub(crate) sha256: Option<Sha256>,
    /// The check that its bytes have passed.
    pub(crate) checked: Checked,
    /// When the object was written, if the gateway says it in a form that can be read.
    pub(crate) modified: Option<SystemTime>,
    /// The headers and metadata that are stored with the object.
    pub(crate) info: ObjectInfo,
}

/// The mode of a file of its user's own.
const MIRROR_MODE: u32 = 0o600;

/// The files that objects become.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sink {
    /// Files that snapshots share and nobody edits; the whole key is the path.
    Snapshot,
    /// Files of their user's own, with the listing's time to the millisecond; the path is the key without so many bytes
    /// of prefix.
    Mirror { prefix_bytes: usize },
}

/// Downloads listed objects of a bucket beneath a directory.
#[derive(Debug)]
pub(crate) struct Downloader<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    root: &'a Root,
    sink: Sink,
    /// Whether of small objects, too, what an earlier run has left is looked for.
    small_are_left: bool,
    commits: GroupCommit,
    attempts: Attempts<'a>,
}

impl<'a> Downloader<'a> {
    pub(crate) fn new(client: &'a Client, bucket: &'a BucketName, root: &'a Root, sink: Sink) -> Self {
        let (commits, attempts) = (GroupCommit::default(), Attempts::new(client, bucket));
        Self { client, bucket, root, sink, small_are_left: false, commits, attempts }
    }

    /// Looks, or does not, for what an earlier run has left of small objects. Of large ones it always does.
    pub(crate) fn small_are_left(self, small_are_left: bool) -> Self {
        Self { small_are_left, ..self }
    }

    /// Downloads an object. A failure of it alone is its outcome; an error befalls all.
    pub(crate) async fn object(&self, listed: ListedObject) -> Result<Downloaded> {
        let mut attempt = Attempt::first(listed);
        loop {
            let error = match self.once(&attempt.listed).await {
                Ok(stored) => {
                    self.attempts.succeeded();
                    let (listed, outcome) = (attempt.listed, stored.outcome());
                    return Ok(Downloaded { listed, outcome, damaged: false, stored: Some(stored) });
                }
                Err(error) => error,
            };
            if let Some(given_up) = self.attempts.after(&mut attempt, error).await? {
                let (listed, outcome, damaged) = (attempt.listed, given_up.outcome, given_up.damaged);
                return Ok(Downloaded { listed, outcome, damaged, stored: None });
            }
        }
    }

    /// The part of a key that is its path.
    pub(crate) fn below<'k>(&self, key: &'k str) -> &'k str {
        match self.sink {
            Sink::Snapshot => key,
            Sink::Mirror { prefix_bytes } => key.get(prefix_bytes..).unwrap_or(key),
        }
    }

    async fn once(&self, listed: &ListedObject) -> Result<StoredFile> {
        self.through(listed).await.at(At::Key, &listed.key)
    }

    /// All the way of one attempt: what is there, the rest of it, the check, and the file's name.
    async fn through(&self, listed: &ListedObject) -> Result<StoredFile> {
        let may_be_left = self.small_are_left || listed.size_bytes > SMALL_BYTES;
        let may_resume = may_be_left && is_resumable(&listed.etag);
        let (info, settled, checked) = if may_resume {
            let begun = self.begin(listed).await?;
            let result = self.rest(listed, Some(begun)).await;
            if result.as_ref().is_err_and(is_of_no_use) {
                // If another run has it by now, it is that one's.
                let _ = self.begin(listed).await.map(NewFile::discard);
            }
            result?
        } else {
            self.rest(listed, None).await?
        };
        let modified = time_of(listed, &info);
        let committed = match settled {
            Settled::Committed(committed) => committed,
            Settled::Waits(new_file) => self.commits.commit(new_file).await?,
        };
        Ok(StoredFile::new(committed, checked, modified, info))
    }

    /// Opens the file that an earlier run has left of an object, or begins it.
    async fn begin(&self, listed: &ListedObject) -> Result<NewFile> {
        let ((root, below, etag), sink) = (self.place(listed), self.sink);
        blocking(move || root.resume_object(&below, &etag).map(|begun| sink.hashed(begun))).await
    }

    /// Downloads what is missing of an object in the file that was begun; without one, all of it into a new file.
    /// A file that was begun stays for the next run with the bytes that came, unless the object is another one by now or
    /// its bytes are wrong.
    async fn rest(
        &self,
        listed: &ListedObject,
        begun: Option<NewFile>,
    ) -> Result<(ObjectInfo, Settled, Checked)> {
        let (begun, left) = match begun {
            Some(begun) if begun.left_bytes()? > 0 => self.reread(listed, begun).await?,
            begun => (begun, None),
        };
        let first_byte = begun.as_ref().map_or(0, NewFile::size_bytes);
        let resumed = left.is_some();
        let (info, check, rest) = match left {
            Some((info, check)) if first_byte == listed.size_bytes => (info, check, None),
            left => {
                let known = Revision::from(listed);
                let rest = self.client.get_rest(self.bucket, &listed.key, &known, first_byte).await;
                let rest = rest.map_err(no_data)?;
                let fresh = || (rest.info().clone(), Check::new(rest.info()));
                let (info, check) = left.unwrap_or_else(fresh);
                (info, check, Some(rest))
            }
        };
        let open = self.open(listed, begun);
        let object = Arriving { client: self.client, bucket: self.bucket, key: &listed.key, info: &info };
        let (settled, checked) = arrive(object, rest, check, open, self.settle(listed, &info)).await?;
        if resumed && checked == Checked::None {
            // A crash of the machine may have left anything in a file.
            return Err(Error::new(
                ErrorKind::Damaged,
                "what an earlier run has left of it cannot be checked",
            ));
        }
        if let (Settled::Waits(new_file), true) =
            (&settled, Outcome::of_checked(checked, &info.etag).is_doubtful())
        {
            // Not the object's time: the next run reads both again, and names it again or has it right.
            let modified = time_of(listed, &info).and_then(|time| time.checked_add(Duration::from_millis(1)));
            new_file.set(MIRROR_MODE, modified)?;
        }
        Ok((info, settled, checked))
    }

    /// Reads the bytes that were left, which are the beginning of the object of this size and `ETag` if anything. The
    /// object is asked for its metadata first, since the check needs them.
    async fn reread(
        &self,
        listed: &ListedObject,
        mut begun: NewFile,
    ) -> Result<(Option<NewFile>, Option<(ObjectInfo, Check)>)> {
        let info = self.client.head(self.bucket, &listed.key).await.map_err(no_data)?;
        if Revision::from(&info) != Revision::from(listed) {
            return Err(Error::new(ErrorKind::Changed, "the object is not what was listed"));
        }
        let mut check = Check::new(&info);
        blocking(move || {
            let fits = begun.left_bytes()? <= info.total_bytes;
            if fits && begun.reread(&mut check).is_ok() {
                return Ok((Some(begun), Some((info, check))));
            }
            // Bytes that cannot be read are as good as not there.
            begun.empty()?;
            Ok((Some(begun), None))
        })
        .await
    }

    /// Gives the file that was begun, or begins a new one.
    fn open(
        &self,
        listed: &ListedObject,
        begun: Option<NewFile>,
    ) -> impl FnOnce() -> Result<NewFile> + Send + use<> {
        let ((root, below, etag), sink) = (self.place(listed), self.sink);
        move || match begun {
            Some(begun) => Ok(begun),
            None => root.new_object(&below, &etag).map(|new_file| sink.hashed(new_file)),
        }
    }

    /// Gives a whole file its mode and its time; and its name, unless it waits for that together with others.
    fn settle(
        &self,
        listed: &ListedObject,
        info: &ObjectInfo,
    ) -> impl FnOnce(NewFile) -> Result<Settled> + Send + use<> {
        let sink = self.sink;
        // As it is listed: by that the next run knows it again.
        let modified = listed.modified.known().or(info.modified.known());
        move |new_file: NewFile| match sink {
            Sink::Snapshot => new_file.commit(0o400, modified, false).map(Settled::Committed),
            Sink::Mirror { .. } => new_file.set(MIRROR_MODE, modified).map(|()| Settled::Waits(new_file)),
        }
    }

    /// Where the file of an object is found: the directory, the key that is its path, and the `ETag` of its bytes.
    fn place(&self, listed: &ListedObject) -> (Root, String, String) {
        (self.root.clone(), self.below(&listed.key).to_owned(), listed.etag.clone())
    }
}

impl Sink {
    /// A file with a digest where one is wanted.
    fn hashed(self, file: NewFile) -> NewFile {
        match self {
            Self::Snapshot => file,
            Self::Mirror { .. } => file.without_digest(),
        }
    }
}

/// A whole file.
enum Settled {
    Committed(Committed),
    /// It waits for its name.
    Waits(NewFile),
}

impl StoredFile {
    /// What became of the object.
    #[must_use]
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::of_checked(self.checked, &self.info.etag)
    }

    fn new(committed: Committed, checked: Checked, modified: Option<SystemTime>, info: ObjectInfo) -> Self {
        let Committed { path, size_bytes, sha256 } = committed;
        Self { path, size_bytes, sha256, checked, modified, info }
    }
}

/// When an object was written: by its own header, or else by the listing.
fn time_of(listed: &ListedObject, info: &ObjectInfo) -> Option<SystemTime> {
    info.modified.known().or(listed.modified.known())
}

/// Says of an object that is not found that it is listed.
fn no_data(error: Error) -> Error {
    if error.kind() == ErrorKind::NotFound {
        return Error::new(ErrorKind::NotFound, "it is listed, and the gateway has no data for it")
            .because(error);
    }
    error
}

/// Whether no later run can go on with what has come.
fn is_of_no_use(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Changed | ErrorKind::NotFound | ErrorKind::Damaged)
        && error.place().path().is_none()
}
