//! An object's bytes: a transfer that breaks goes on at the byte where it broke, if the object is still the same, and a
//! big one comes in several ranges at once.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::OwnedSemaphorePermit;

use super::Client;
use super::range_stream::RangeStream;
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::s3::op::{ByteRange, Conditions, GetObject, ObjectInfo};
use crate::s3::{BucketName, Check, Checked, ObjectKey};

/// An object of at least this size is fetched in ranges.
const IN_RANGES_BYTES: u64 = 32 << 20;

/// A range: half a stripe of the default size of radosgw, so that each comes from one place.
const RANGE_BYTES: u64 = 2 << 20;

/// Ranges at once. They are kept until their turn, so they are what a big download takes of memory.
const RANGES_AT_ONCE: usize = 3;

/// An object that is being downloaded.
pub struct Download<'a> {
    info: ObjectInfo,
    bytes: Coming<'a>,
}

enum Coming<'a> {
    InOrder(RangeStream<'a>),
    InRanges {
        ranges: BoxStream<'a, Result<Vec<Bytes>>>,
        /// What is left of the range whose turn it is.
        pieces: std::vec::IntoIter<Bytes>,
        /// Few objects come in ranges at a time: memory is bounded by it.
        _turn: OwnedSemaphorePermit,
    },
}

impl Client {
    /// Begins to download an object, in one stream. While it is not read from, it takes the place of another request.
    pub async fn get<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> Result<Download<'a>> {
        self.get_in_one(&GetObject::new(bucket, key)).await
    }

    /// Begins to download an object whose size and `ETag` are known, such as a listed one: if it is big, in several
    /// ranges at once. If it is another one by now, that is an [`ErrorKind::Changed`].
    pub async fn get_known<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        size_bytes: u64,
        etag: &'a str,
    ) -> Result<Download<'a>> {
        // Small objects never hold the turn, not even while they are asked for.
        self.get_rest(bucket, key, (size_bytes, etag), 0).await
    }

    /// The same from some byte on, of which there must be one: for whoever has those before it.
    pub async fn get_rest<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        (size_bytes, etag): (u64, &'a str),
        first_byte: u64,
    ) -> Result<Download<'a>> {
        // Small ones never hold the turn, not even while they are asked for.
        let big = size_bytes.saturating_sub(first_byte) >= IN_RANGES_BYTES;
        let turn = big.then(|| self.0.in_ranges.clone().try_acquire_owned());
        let download = match turn {
            Some(Ok(turn)) => self.get_in_ranges(bucket, key, (size_bytes, etag), first_byte, turn).await?,
            _ if first_byte == 0 => self.get(bucket, key).await?,
            _ => self.get_in_one(&span_of(bucket, key, etag, first_byte..size_bytes)).await?,
        };
        let info = &download.info;
        if (info.etag.as_str(), info.total_bytes) == (etag, size_bytes) {
            return Ok(download);
        }
        let what = format!(
            "it is listed with {size_bytes} bytes and ETag {etag}, and was given with {} bytes and ETag {}",
            info.total_bytes, info.etag
        );
        Err(Error::new(ErrorKind::Changed, what).at(At::Bucket, bucket).at(At::Key, key))
    }

    /// Writes an object's bytes and checks them. An error may come after all bytes were written: what was written is
    /// good if this returns, with what it was checked against.
    pub async fn get_to(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        mut writer: impl AsyncWrite + Unpin,
    ) -> Result<(ObjectInfo, Checked)> {
        let known = self.head(bucket, key).await?;
        let mut download = self.get_known(bucket, key, known.total_bytes, &known.etag).await?;
        let mut check = Check::new(download.info());
        let failed = |error| Error::new(ErrorKind::Disk, "cannot write on").at(At::Key, key).because(error);
        while let Some(bytes) = download.next().await? {
            check.update(&bytes);
            writer.write_all(&bytes).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        Ok((download.info, check.finish().at(At::Bucket, bucket).at(At::Key, key)?))
    }

    async fn get_in_one<'a>(&'a self, operation: &GetObject<'a>) -> Result<Download<'a>> {
        let (bucket, key) = (operation.bucket, operation.key);
        let (info, received) = self.streamed(operation).await.at(At::Bucket, bucket).at(At::Key, key)?;
        let span = RangeStream::new(self, operation, &info, received);
        Ok(Download { info: whole(info), bytes: Coming::InOrder(span) })
    }

    async fn get_in_ranges<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        (size_bytes, etag): (u64, &'a str),
        first_byte: u64,
        turn: OwnedSemaphorePermit,
    ) -> Result<Download<'a>> {
        let operation =
            move |first: u64| span_of(bucket, key, etag, first..size_bytes.min(first + RANGE_BYTES));
        let begin = operation(first_byte);
        let (info, received) = self.streamed(&begin).await.at(At::Bucket, bucket).at(At::Key, key)?;
        let first = RangeStream::new(self, &begin, &info, received).collect().boxed();
        let rest = (1..(size_bytes - first_byte).div_ceil(RANGE_BYTES)).map(move |index| {
            let range = async move {
                let operation = operation(first_byte + index * RANGE_BYTES);
                let (info, received) =
                    self.streamed(&operation).await.at(At::Bucket, bucket).at(At::Key, key)?;
                // Something in between may not know `If-Match`.
                if (info.etag.as_str(), info.total_bytes) != (etag, size_bytes) {
                    let text = format!("its ETag was {etag} and is {}", info.etag);
                    let error = Error::new(ErrorKind::Changed, "the object is not what it was").because(text);
                    return Err(error.at(At::Bucket, bucket).at(At::Key, key));
                }
                RangeStream::new(self, &operation, &info, received).collect().await
            };
            range.boxed()
        });
        let ranges = stream::iter(std::iter::once(first).chain(rest)).buffered(RANGES_AT_ONCE).boxed();
        let bytes = Coming::InRanges { ranges, pieces: Vec::new().into_iter(), _turn: turn };
        Ok(Download { info: whole(info), bytes })
    }
}

/// What is stored with an object, whatever part of it was asked for.
fn whole(info: ObjectInfo) -> ObjectInfo {
    ObjectInfo { size_bytes: info.total_bytes, ..info }
}

/// The request for some bytes of an object, if it is still the same.
fn span_of<'a>(
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    etag: &'a str,
    bytes: Range<u64>,
) -> GetObject<'a> {
    let range = ByteRange { first: bytes.start, last: bytes.end.checked_sub(1) };
    let conditions = Conditions { if_match: Some(etag), ..Conditions::default() };
    GetObject { range: Some(range), conditions, ..GetObject::new(bucket, key) }
}

impl Download<'_> {
    /// What is stored with the object.
    #[must_use]
    pub fn info(&self) -> &ObjectInfo {
        &self.info
    }

    /// The next bytes, in order; `None` when all that were announced have come. [`Check`] says whether they are right.
    pub async fn next(&mut self) -> Result<Option<Bytes>> {
        match &mut self.bytes {
            Coming::InOrder(span) => span.next().await,
            Coming::InRanges { ranges, pieces, .. } => loop {
                if let Some(piece) = pieces.next() {
                    return Ok(Some(piece));
                }
                match ranges.try_next().await? {
                    Some(range) => *pieces = range.into_iter(),
                    None => return Ok(None),
                }
            },
        }
    }
}

impl fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("info", &self.info).finish_non_exhaustive()
    }
}
