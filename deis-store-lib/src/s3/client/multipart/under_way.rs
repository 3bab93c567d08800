//! An upload in parts that has begun: its parts are sent, and it is completed or ended.

use std::collections::BTreeMap;
use std::pin::pin;

use futures_util::{FutureExt as _, Stream, StreamExt as _, TryStreamExt as _, stream};

use super::options::UploadOptions;
use super::part::Part;
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::client::{Client, Revision};
use crate::s3::etag::parts_etag;
use crate::s3::op::{CompleteUpload, ListedPart, UploadPart};
use crate::s3::{BucketName, ObjectKey};

/// The parts that an upload has, by number.
pub(super) type Parts = BTreeMap<u16, ListedPart>;

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

/// An upload under way.
pub(in crate::s3::client) struct Upload<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    id: String,
    /// The parts that an earlier run has uploaded.
    there: Parts,
}

impl<'a> Upload<'a> {
    /// One that has just begun.
    pub(in crate::s3::client) fn begun(
        client: &'a Client,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        id: String,
    ) -> Self {
        Self { client, bucket, key, id, there: Parts::new() }
    }

    /// One that an earlier run has left, with the parts that it has.
    pub(super) fn continued(
        client: &'a Client,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        id: String,
        there: Parts,
    ) -> Self {
        Self { client, bucket, key, id, there }
    }
}

impl Upload<'_> {
    pub(in crate::s3::client) fn id(&self) -> &str {
        &self.id
    }

    /// Leaves nothing behind when it fails, or says what, unless a later run shall go on with it.
    pub(super) async fn run_or_end(
        &self,
        parts: impl Stream<Item = Result<Part>>,
        options: &UploadOptions,
    ) -> Result<Uploaded> {
        let run = self.run(parts, options.at_once);
        let result = match options.continues {
            // A later run shall find what was sent.
            Some(_) => run.await,
            None => self.client.0.stop.cancels(run).await,
        };
        match result {
            Err(error) if options.continues.is_none() || !may_go_on(error.kind()) => {
                Err(self.end(error).await)
            }
            result => result,
        }
    }

    /// Throws its parts away. The error that is told is the one that made it fail; it names what could not be thrown
    /// away.
    pub(in crate::s3::client) async fn end(&self, error: Error) -> Error {
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
        let whole = Revision { size_bytes, etag: parts_etag(&md5s) };
        self.complete(&md5s, &whole).await?;
        Ok(Uploaded { etag: whole.etag, size_bytes, kept_parts })
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

    /// Makes the object. The object itself shows what an attempt of unknown outcome has done; an unknown upload is
    /// a 500 at radosgw, so that is asked for, too.
    pub(in crate::s3::client) async fn complete(&self, parts: &[[u8; 16]], whole: &Revision) -> Result<()> {
        let operation = CompleteUpload { bucket: self.bucket, key: self.key, upload_id: &self.id, parts };
        let is_there = || async move {
            let there = self.client.revision(self.bucket, self.key).await?;
            Ok::<_, Error>(there.as_ref() == Some(whole))
        };
        let is_done = || async move {
            // If the upload is gone and the object is not there, no attempt can help.
            Ok(is_there().await?
                || self.client.parts(self.bucket, self.key, &self.id).await.map(|_| false)?)
        };
        let operation = &operation;
        self.client.retry_with_probe(|| self.client.execute(operation).boxed(), || is_done().boxed()).await?;
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

/// Whether a later run may do better.
pub(super) fn may_go_on(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Interrupted
            | ErrorKind::Unreachable
            | ErrorKind::Timeout
            | ErrorKind::NotReady
            | ErrorKind::Busy
    )
}
