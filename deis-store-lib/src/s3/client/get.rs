//! Getting an object: in one stream, or a big one in several ranges at once, if it is still what it was.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use tokio::sync::OwnedSemaphorePermit;

use super::download::{Coming, Download};
use super::execute::Unmeasured;
use super::range_stream::RangeStream;
use super::{Client, Revision};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::http::{BoxFuture, Received};
use crate::s3::content_encoding::{encoding_of, perhaps_compressed};
use crate::s3::op::{ByteRange, Conditions, GetObject, ObjectInfo};
use crate::s3::{BucketName, Check, Checked, ObjectKey};

/// An object of at least this size is fetched in ranges.
const IN_RANGES_BYTES: u64 = 32 << 20;

/// A range: half a stripe of the default size of radosgw, so that each comes from one place.
const RANGE_BYTES: u64 = 2 << 20;

/// Ranges at once. They are kept until their turn, so they are what a big download takes of memory.
const RANGES_AT_ONCE: usize = 3;

impl Client {
    /// Begins to download an object, in one stream.
    pub async fn get(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Download> {
        self.get_with(&GetObject::new(bucket, key)).await
    }

    /// Begins to download the bytes and the version of an object that are asked for, if the conditions hold, in one
    /// stream. An object that need not come is an [`ErrorKind::NotModified`], another one an [`ErrorKind::Changed`].
    pub async fn get_with(&self, operation: &GetObject<'_>) -> Result<Download> {
        self.get_unmeasured(operation, Unmeasured::Refused).await
    }

    /// Begins to download an object, in one stream; if it comes without a length, that is asked of the listing, and so is
    /// an `ETag` that nothing can be compared with.
    #[cfg_attr(not(any(feature = "backup", test)), expect(dead_code, reason = "for files"))]
    pub(crate) async fn get_listed(&self, bucket: &BucketName, key: &ObjectKey) -> Result<Download> {
        let download = self.get_unmeasured(&GetObject::new(bucket, key), Unmeasured::Listed).await?;
        self.confirm(bucket, key, download.info()).await?;
        Ok(download)
    }

    async fn get_unmeasured(&self, operation: &GetObject<'_>, unmeasured: Unmeasured) -> Result<Download> {
        let (info, is_measured, received) = self.streamed_unmeasured(operation, unmeasured).await?;
        let span = RangeStream::new(self, operation, &info, received);
        let span = if is_measured { span } else { span.of_unsaid_length() };
        Ok(Download::new(info, Coming::InOrder(span)))
    }

    /// Begins to download an object that is known, such as a listed one: if it is big, in several ranges at once. If it
    /// is another one by now, that is an [`ErrorKind::Changed`].
    pub async fn get_known(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        known: &Revision,
    ) -> Result<Download> {
        self.get_rest(bucket, key, known, 0).await
    }

    /// The same from some byte on, of which there must be one: for a caller that has those before it.
    pub(crate) async fn get_rest(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        known: &Revision,
        first_byte: u64,
    ) -> Result<Download> {
        // Small ones never hold the turn, not even while they are asked for.
        let big = known.size_bytes.saturating_sub(first_byte) >= IN_RANGES_BYTES;
        let turn = big.then(|| self.0.in_ranges.clone().try_acquire_owned());
        let download = match turn {
            Some(Ok(turn)) => {
                let object = Object {
                    client: self.clone(),
                    bucket: bucket.clone(),
                    key: key.clone(),
                    known: known.clone(),
                };
                Arc::new(object).in_ranges(first_byte, turn).await?
            }
            _ if first_byte == 0 => {
                let whole = GetObject::new(bucket, key);
                self.get_unmeasured(&whole, Unmeasured::Known(known.size_bytes)).await?
            }
            _ => {
                let rest = range_of(bucket, key, &known.etag, first_byte..known.size_bytes);
                self.get_unmeasured(&rest, Unmeasured::Known(known.size_bytes)).await?
            }
        };
        let given = Revision::from(download.info());
        if given == *known {
            return Ok(download);
        }
        let what = format!(
            "it is listed with {} bytes and ETag {}, and was given with {} bytes and ETag {}",
            known.size_bytes, known.etag, given.size_bytes, given.etag
        );
        let error = Error::new(ErrorKind::Changed, what).at(At::Bucket, bucket).at(At::Key, key);
        Err(perhaps_compressed(error, encoding_of(download.info()).as_deref()))
    }

    /// Writes an object's bytes and checks them. An error may come after all bytes were written: what was written is
    /// good if this returns, with what it was checked against.
    pub async fn get_to(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        mut writer: impl AsyncWrite + Unpin,
    ) -> Result<(ObjectInfo, Checked)> {
        let found = self.find(bucket, key).await?;
        self.confirm(bucket, key, &found).await?;
        let known = Revision::from(&found);
        let mut download = self.get_known(bucket, key, &known).await?;
        let mut check = Check::new(download.info());
        let failed = |error| Error::new(ErrorKind::Disk, "cannot write on").at(At::Key, key).because(error);
        while let Some(bytes) = download.try_next().await? {
            check.update(&bytes);
            writer.write_all(&bytes).await.map_err(failed)?;
        }
        writer.flush().await.map_err(failed)?;
        let conclusion = check.conclude().at(At::Bucket, bucket).at(At::Key, key)?;
        let checked = self.settled(bucket, key, download.info(), conclusion).await?;
        Ok((download.info().clone(), checked))
    }
}

/// An object that comes in ranges.
struct Object {
    client: Client,
    bucket: BucketName,
    key: ObjectKey,
    known: Revision,
}

impl Object {
    async fn in_ranges(self: Arc<Self>, first_byte: u64, turn: OwnedSemaphorePermit) -> Result<Download> {
        let begin = self.range(first_byte);
        let (info, received) = self.client.streamed(&begin).await?;
        let first = self.collect(&begin, &info, received);
        let count = (self.known.size_bytes - first_byte).div_ceil(RANGE_BYTES);
        let object = self.clone();
        let rest = (1..count).map(move |index| {
            object.clone().fetch(first_byte.saturating_add(index.saturating_mul(RANGE_BYTES))).boxed()
        });
        let ranges = stream::iter(std::iter::once(first).chain(rest)).buffered(RANGES_AT_ONCE).boxed();
        Ok(Download::new(info, Coming::InRanges { ranges, pieces: Vec::new().into_iter(), _turn: turn }))
    }

    async fn fetch(self: Arc<Self>, first_byte: u64) -> Result<Vec<Bytes>> {
        let operation = self.range(first_byte);
        let (info, received) = self.client.streamed(&operation).await?;
        // Something in between may not know `If-Match`.
        if Revision::from(&info) != self.known {
            let text = format!("its ETag was {} and is {}", self.known.etag, info.etag);
            let error = Error::new(ErrorKind::Changed, "the object is not what it was").because(text);
            return Err(error.at(At::Bucket, &self.bucket).at(At::Key, &self.key));
        }
        self.collect(&operation, &info, received).await
    }

    fn collect(
        &self,
        operation: &GetObject<'_>,
        info: &ObjectInfo,
        received: Received,
    ) -> BoxFuture<'static, Result<Vec<Bytes>>> {
        RangeStream::new(&self.client, operation, info, received).try_collect().boxed()
    }

    fn range(&self, first_byte: u64) -> GetObject<'_> {
        let end = self.known.size_bytes.min(first_byte.saturating_add(RANGE_BYTES));
        range_of(&self.bucket, &self.key, &self.known.etag, first_byte..end)
    }
}

/// The request for some bytes of an object, if it is still the same.
fn range_of<'a>(
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    etag: &'a str,
    bytes: Range<u64>,
) -> GetObject<'a> {
    let range = ByteRange { first: bytes.start, last: bytes.end.checked_sub(1) };
    let conditions = Conditions { if_match: Some(etag), ..Conditions::default() };
    GetObject { range: Some(range), conditions, ..GetObject::new(bucket, key) }
}
