//! How an object gets to another cluster: through here, by way of a file without a name. It is sent when all of it has
//! come and is what its `ETag` says, and gets the `ETag` that it had.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::arrive::hand_on;
use super::upload::{UploadFile, Uploader};
use crate::disk::{Writing, anonymous_file};
use crate::error::{At, Context as _, Error, Result, disk_error};
use crate::outcome::Outcome;
use crate::s3::client::{Download, Revision};
use crate::s3::etag::ETag;
use crate::s3::op::{ListedObject, PutObject};
use crate::s3::{BucketName, Check, Client, Conclusion, ObjectKey, PartLayout};

/// Objects over this size wait for each other, so that what is on its way has room.
const BIG_BYTES: u64 = 32 << 20;
const BIG_AT_ONCE: usize = 2;

/// What became of an object.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) outcome: Outcome,
    pub(crate) sent_bytes: u64,
}

/// A way through this machine.
#[derive(Debug)]
pub(crate) struct Relay {
    spool: PathBuf,
    big: Semaphore,
}

impl Relay {
    /// With files in this directory.
    pub(crate) fn new(spool: PathBuf) -> Self {
        Self { spool, big: Semaphore::new(BIG_AT_ONCE) }
    }

    /// Carries an object as it was listed, with what is stored with it. An uploader that looks first leaves an object that
    /// is there with the same bytes, and with the same stored with it, as it is.
    pub(crate) async fn carry(
        &self,
        (client, bucket): (&Client, &BucketName),
        listed: &ListedObject,
        target: Uploader<'_>,
        to: &ObjectKey,
    ) -> Result<Carried> {
        // It is never closed.
        let _turn = if listed.size_bytes > BIG_BYTES { self.big.acquire().await.ok() } else { None };
        let mut download = client.get_known(bucket, &listed.key, &Revision::from(listed)).await?;
        let info = download.info().clone();
        client.tell_recoded(bucket, &listed.key, &info);
        let (file, conclusion) =
            spool(&self.spool, &mut download).await.at(At::Bucket, bucket).at(At::Key, &listed.key)?;
        let checked = client.settled(bucket, &listed.key, &info, conclusion).await?;
        let outcome = Outcome::of_checked(checked, &info.etag);
        let layout = PartLayout::of_checked(checked, info.total_bytes, &info.etag);
        let part_size_bytes = layout.map(|layout| layout.part_size_bytes());
        let file = UploadFile {
            content_type: (!info.content_type.is_empty()).then_some(info.content_type),
            headers: info.headers,
            meta: info.meta,
            part_size_bytes,
            in_one: matches!(ETag::parse(&info.etag), ETag::Md5(_))
                && info.total_bytes <= PutObject::MOST_BYTES,
            ..UploadFile::new(to.as_str(), info.total_bytes, move || Ok(file))
        };
        let is_there = target.upload(file).await?.unchanged;
        Ok(match outcome {
            Outcome::Stored if is_there => Carried { outcome: Outcome::Unchanged, sent_bytes: 0 },
            outcome => Carried { outcome, sent_bytes: if is_there { 0 } else { listed.size_bytes } },
        })
    }
}

/// Writes a download into a file without a name, and checks it.
async fn spool(directory: &Path, download: &mut Download) -> Result<(File, Conclusion)> {
    let (directory, mut check) = (directory.to_owned(), Check::new(download.info()));
    let mut writing = Writing::by(move |chunks| {
        // All objects need the disk for what is on its way.
        let file = spooled(&directory, &mut check, chunks).map_err(Error::of_run)?;
        Ok((file, check))
    });
    hand_on(download, &mut writing).await?;
    let (file, check) = writing.finish().await?;
    Ok((file, check.conclude()?))
}

fn spooled(directory: &Path, check: &mut Check, chunks: &mut dyn Iterator<Item = Bytes>) -> Result<File> {
    let failed = |error| disk_error("write a temporary file", directory.display(), error);
    let mut file = anonymous_file(directory)?;
    for bytes in chunks {
        check.update(&bytes);
        file.write_all(&bytes).map_err(failed)?;
    }
    file.rewind().map_err(failed)?;
    Ok(file)
}
