//! Storing an object in parts: a bounded number in flight, of any size up to 5 TiB, continued where an earlier run
//! stopped, and nothing left behind by one that failed.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::{Mutex, PoisonError};

use bytes::BytesMut;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest as _, Md5};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Client;
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::http::Body;
use crate::s3::etag::parts_etag;
use crate::s3::op::{CannedAcl, CompleteUpload, InitiateUpload, ListedPart, NewAcl, UploadPart};
use crate::s3::{BucketName, ObjectKey, PartLayout};

/// A part of an object.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its bytes.
    pub body: Body,
    /// Their MD5.
    pub md5: [u8; 16],
}

/// How to upload in parts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UploadOptions {
    /// Parts in flight at most. 4: as many as keep a gateway busy with bytes.
    pub at_once: usize,
    /// How the object is cut, if an upload that an earlier run left unfinished shall be continued: its parts are kept
    /// if they have the same size and MD5. A run that is stopped or loses the gateway leaves its own then; else a run
    /// that fails throws its parts away. The parts' bodies are held until the end then: what an earlier run has begun
    /// with other metadata is uploaded once more.
    pub continues: Option<PartLayout>,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self { at_once: 4, continues: None }
    }
}

/// An object that was uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uploaded {
    /// Its `ETag`.
    pub etag: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// How many of its parts an earlier run had uploaded.
    pub kept_parts: u64,
}

/// The parts that an upload has, by number.
type Parts = BTreeMap<u16, ListedPart>;

impl Client {
    /// Uploads an object in parts, and asks for it at the end: it is there, with this size and `ETag`.
    ///
    /// All parts but the last must have at least 5 MiB, and there may be 10,000 of them. A future that is dropped leaves
    /// its parts on the cluster; [`Client::uploads`] finds and [`Client::abort_upload`] removes them.
    pub async fn upload(
        &self,
        begin: &InitiateUpload<'_>,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let (bucket, key) = (begin.bucket(), begin.key());
        let result = async {
            let Some(cut) = &options.continues else { return self.upload_anew(begin, parts, options).await };
            let (id, there) = match self.continued_or_begun(begin, cut).await? {
                (id, Some(there)) => (id, there),
                (id, None) => return self.upload_as(id, begin, parts, options).await,
            };
            let sent = Mutex::new(Vec::new());
            let parts = parts
                .inspect_ok(|part| sent.lock().unwrap_or_else(PoisonError::into_inner).push(part.clone()));
            let upload = Upload { client: self, bucket, key, id, there };
            let uploaded = upload.run_or_end(parts, options).await?;
            // What is stored with it was said when the upload began, perhaps by somebody else. A copy of the object
            // onto itself would change that, and radosgw 19.2 before 19.2.2 loses the data of such a copy.
            if begin.is_stored_with(&self.head(bucket, key).await?) {
                let acl = begin.canned_acl().unwrap_or(CannedAcl::Private);
                self.put_object_acl(bucket, key, NewAcl::Canned(acl)).await?;
                return Ok(uploaded);
            }
            let sent = sent.into_inner().unwrap_or_else(PoisonError::into_inner);
            self.upload_anew(begin, stream::iter(sent.into_iter().map(Ok)), options).await
        };
        result.await.at(At::Bucket, bucket).at(At::Key, key)
    }

    /// What an earlier run has left of an upload, or a new one. A beginning of unknown outcome leaves one, too.
    async fn continued_or_begun(
        &self,
        begin: &InitiateUpload<'_>,
        cut: &PartLayout,
    ) -> Result<(String, Option<Parts>)> {
        let mut attempts = 0;
        loop {
            // One without parts may be somebody else's that has just begun, unless we have tried to begin one.
            if let Some((id, there)) = self.unfinished(begin.bucket(), begin.key(), cut).await?
                && (attempts > 0 || !there.is_empty())
            {
                return Ok((id, Some(there)));
            }
            let error = match self.execute(begin).await {
                Ok(id) => return Ok((id, None)),
                Err(error) => error,
            };
            attempts += 1;
            match self.wait(attempts) {
                Some(wait) if may_go_on(error.kind()) => self.sleep(wait).await?,
                _ => return Err(error),
            }
        }
    }

    async fn upload_anew(
        &self,
        begin: &InitiateUpload<'_>,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let id = self.execute(begin).await?;
        self.upload_as(id, begin, parts, options).await
    }

    async fn upload_as(
        &self,
        id: String,
        begin: &InitiateUpload<'_>,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let (bucket, key) = (begin.bucket(), begin.key());
        Upload::begun(self, bucket, key, id).run_or_end(parts, options).await
    }

    /// The newest upload of a key that an earlier run has left, with its parts, if these are cut so.
    async fn unfinished(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        cut: &PartLayout,
    ) -> Result<Option<(String, Parts)>> {
        let mut uploads = match self.uploads(bucket, key.as_str()).await {
            Ok(uploads) => uploads,
            Err(error) if may_go_on(error.kind()) => return Err(error),
            // Who may not look begins anew.
            Err(_) => return Ok(None),
        };
        uploads.retain(|upload| upload.key == key.as_str());
        uploads.sort_by(|a, b| b.initiated.cmp(&a.initiated));
        for upload in uploads {
            match self.parts(bucket, key, &upload.upload_id).await {
                Ok(parts)
                    if parts.iter().all(|part| cut.part_bytes(part.number) == Some(part.size_bytes)) =>
                {
                    let parts = parts.into_iter().map(|part| (part.number, part)).collect();
                    return Ok(Some((upload.upload_id, parts)));
                }
                Ok(_) => {}
                // It was completed or ended meanwhile.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Whether a later run may do better.
fn may_go_on(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Interrupted
            | ErrorKind::Unreachable
            | ErrorKind::Timeout
            | ErrorKind::NotReady
            | ErrorKind::Busy
    )
}

/// Cuts what is read into parts of this size, the last one smaller; of nothing, one part of nothing. A part is held in
/// memory while it is sent.
pub fn cut_into_parts(
    reader: impl AsyncRead + Unpin,
    part_size_bytes: usize,
) -> impl Stream<Item = Result<Part>> {
    stream::try_unfold((Some(reader), 0_u32), move |(reader, number)| async move {
        let Some(mut reader) = reader else { return Ok(None) };
        let mut bytes = BytesMut::new();
        while bytes.len() < part_size_bytes {
            let left = (part_size_bytes - bytes.len()) as u64;
            let count = (&mut reader).take(left).read_buf(&mut bytes).await.map_err(|error| {
                Error::new(ErrorKind::Disk, "cannot read what is to be uploaded").because(error)
            })?;
            if count == 0 {
                break;
            }
        }
        let is_last = bytes.len() < part_size_bytes;
        if bytes.is_empty() && number > 0 {
            return Ok(None);
        }
        let bytes = bytes.freeze();
        let hashed = bytes.clone();
        let md5 =
            tokio::task::spawn_blocking(move || Md5::digest(&hashed).into()).await.map_err(|error| {
                Error::new(ErrorKind::Internal, "a task ended before its time").because(error)
            })?;
        let reader = (!is_last).then_some(reader);
        Ok(Some((Part { body: Body::Bytes(bytes), md5 }, (reader, number + 1))))
    })
}

/// An upload under way.
pub(super) struct Upload<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    id: String,
    /// What an earlier run has uploaded.
    there: Parts,
}

impl<'a> Upload<'a> {
    /// One that has just begun.
    pub(super) fn begun(client: &'a Client, bucket: &'a BucketName, key: &'a ObjectKey, id: String) -> Self {
        Self { client, bucket, key, id, there: Parts::new() }
    }
}

impl Upload<'_> {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Leaves nothing behind when it fails, or says what, unless a later run shall go on with it.
    async fn run_or_end(
        &self,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        match self.run(parts, options.at_once).await {
            Err(error) if options.continues.is_none() || !may_go_on(error.kind()) => {
                Err(self.end(error).await)
            }
            result => result,
        }
    }

    /// Throws its parts away. The error that is told is the one that made it fail; it names what could not be thrown
    /// away.
    pub(super) async fn end(&self, error: Error) -> Error {
        match self.client.abort_upload(self.bucket, self.key, &self.id).await {
            Err(why) if why.kind() != ErrorKind::NotFound => error.at(At::Upload, &self.id),
            _ => error,
        }
    }

    async fn run(&self, parts: impl Stream<Item = Result<Part>>, at_once: usize) -> Result<Uploaded> {
        let numbered = stream::iter(1_u64..).zip(parts).map(|(number, part)| part.map(|part| (number, part)));
        let sent = numbered.map_ok(|(number, part)| self.part(number, part)).try_buffered(at_once.max(1));
        let mut sent = pin!(sent);
        let (mut md5s, mut size_bytes, mut kept_parts) = (Vec::new(), 0, 0);
        while let Some((md5, part_bytes, kept)) = sent.try_next().await? {
            md5s.push(md5);
            size_bytes += part_bytes;
            kept_parts += u64::from(kept);
        }
        if md5s.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "an object in parts has at least one"));
        }
        let etag = parts_etag(&md5s);
        self.complete(&md5s, (&etag, size_bytes)).await?;
        Ok(Uploaded { etag, size_bytes, kept_parts })
    }

    async fn part(&self, number: u64, part: Part) -> Result<([u8; 16], u64, bool)> {
        let size_bytes = part.body.length_bytes();
        let number = u16::try_from(number).unwrap_or(u16::MAX);
        let same = |there: &ListedPart| (there.md5, there.size_bytes) == (part.md5, size_bytes);
        let kept = self.there.get(&number).is_some_and(same);
        if !kept {
            let operation = UploadPart::new(self.bucket, self.key, &self.id, number, part.md5)?;
            self.client.upload_part(&operation, &part.body).await?;
        }
        Ok((part.md5, size_bytes, kept))
    }

    /// Makes the object. What an attempt of unknown outcome has done is seen by the object itself; an unknown upload is
    /// a 500 at radosgw, so that is asked for, too.
    pub(super) async fn complete(&self, parts: &[[u8; 16]], (etag, size_bytes): (&str, u64)) -> Result<()> {
        let operation = CompleteUpload { bucket: self.bucket, key: self.key, upload_id: &self.id, parts };
        let is_there = async || -> Result<bool> {
            let there = self.client.etag_and_size(self.bucket, self.key).await?;
            Ok(there.is_some_and(|there| there == (etag.to_owned(), size_bytes)))
        };
        let is_done = async || {
            // If the upload is gone and the object is not there, no attempt can help.
            Ok(is_there().await?
                || self.client.parts(self.bucket, self.key, &self.id).await.map(|_| false)?)
        };
        self.client.retry_with_probe(|| self.client.execute(&operation), is_done).await?;
        if is_there().await? {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Damaged,
            "the object is not what was uploaded, or another one took its place",
        )
        .todo("see who else writes this key, then upload it again"))
    }
}
