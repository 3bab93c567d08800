//! How an object gets to another cluster: through here, by way of a file without a name. It is sent when all of it has
//! come and is what its `ETag` says, and gets the `ETag` that it had.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;

use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};

use super::download::outcome_of;
use super::upload::{ToPush, upload};
use crate::blocking::blocking;
use crate::disk::anonymous_file;
use crate::error::{At, Context as _, Result, disk_error};
use crate::outcome::Outcome;
use crate::s3::Checked;
use crate::s3::client::{Download, Revision};
use crate::s3::etag::ETag;
use crate::s3::op::{ListedObject, PutObject};
use crate::s3::{BucketName, Check, Client, ObjectKey};

/// Objects over this size wait for each other, so that what is on its way has room.
const BIG_BYTES: u64 = 32 << 20;
const BIG_AT_ONCE: usize = 2;

/// How many pieces may wait for the disk.
const WAITING_PIECES: usize = 4;

/// A way through this machine.
pub(crate) struct Relay<'a> {
    spool: &'a Path,
    big: Semaphore,
}

impl<'a> Relay<'a> {
    /// With files in this directory.
    pub(crate) fn new(spool: &'a Path) -> Self {
        Self { spool, big: Semaphore::new(BIG_AT_ONCE) }
    }

    /// Carries an object as it was listed, with what is stored with it.
    pub(crate) async fn carry(
        &self,
        (client, bucket, key): (&Client, &BucketName, &ObjectKey),
        listed: &ListedObject,
        (target, to_bucket, to): (&Client, &BucketName, &ObjectKey),
    ) -> Result<Outcome> {
        // It is never closed.
        let _turn = if listed.size_bytes > BIG_BYTES { self.big.acquire().await.ok() } else { None };
        let mut download = client.get_known(bucket, key, &Revision::from(listed)).await?;
        let info = download.info().clone();
        let (file, checked) = self.fetch(&mut download).await.at(At::Bucket, bucket).at(At::Key, key)?;
        let part_size_bytes = match checked {
            Checked::Parts(bytes) => Some(bytes),
            _ => None,
        };
        let file = ToPush {
            content_type: (!info.content_type.is_empty()).then_some(info.content_type),
            headers: info.headers,
            meta: info.meta,
            part_size_bytes,
            in_one: matches!(ETag::parse(&info.etag), ETag::Md5(_))
                && info.total_bytes <= PutObject::MOST_BYTES,
            ..ToPush::new(to.as_str(), info.total_bytes, move || Ok(file))
        };
        upload(target, to_bucket, file, false).await?;
        Ok(outcome_of(checked))
    }

    async fn fetch(&self, download: &mut Download) -> Result<(File, Checked)> {
        let (directory, mut check) = (self.spool.to_owned(), Check::new(download.info()));
        let (pieces, mut arriving) = mpsc::channel::<Bytes>(WAITING_PIECES);
        let writing = blocking(move || {
            let failed = |error| disk_error("write a temporary file", directory.display(), error);
            let mut file = anonymous_file(&directory)?;
            while let Some(bytes) = arriving.blocking_recv() {
                check.update(&bytes);
                file.write_all(&bytes).map_err(failed)?;
            }
            file.rewind().map_err(failed)?;
            Ok((file, check))
        });
        let coming = async move {
            while let Some(bytes) = download.try_next().await? {
                // Whoever writes no more says why.
                if pieces.send(bytes).await.is_err() {
                    break;
                }
            }
            Ok(())
        };
        let (written, came) = tokio::join!(writing, coming);
        let (file, check) = written?;
        came?;
        Ok((file, check.finish()?))
    }
}
