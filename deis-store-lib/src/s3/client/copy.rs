//! Copying an object within the cluster, of any size, with what is stored with it.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::multipart::Upload;
use super::{Client, Revision};
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::etag::{self, ETag, parts_etag};
use crate::s3::op::{CopyObject, CopyPart, CopySource, HeadObject, InitiateUpload, ObjectInfo, PutObject};
use crate::s3::{BucketName, ObjectKey, PartLayout};

/// Copied parts cost the gateway and not the line: large ones, to need few requests.
const PART_BYTES: u64 = 512 << 20;

const PARTS_AT_ONCE: usize = 4;

/// How to copy.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct CopyOptions {
    /// Above this size in bytes an object is copied in parts. 5 GiB: radosgw refuses more in one request.
    pub in_one_bytes: u64,
    /// The size of these parts in bytes, at least 5 MiB.
    pub part_size_bytes: u64,
}

impl Default for CopyOptions {
    fn default() -> Self {
        Self { in_one_bytes: PutObject::MOST_BYTES, part_size_bytes: PART_BYTES }
    }
}

/// A copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its `ETag`.
    pub etag: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// Whether the `ETag` is the source's. That of an object in parts is kept by a copy in one request alone.
    pub keeps_etag: bool,
}

#[derive(Clone, Copy)]
struct CopyTarget<'a> {
    bucket: &'a BucketName,
    key: &'a ObjectKey,
}

impl Client {
    /// Copies an object with its type, headers and metadata, in parts if it is large; who may read it is not copied.
    ///
    /// A source that is replaced meanwhile is an error, and no copy of half of each is left.
    pub async fn copy_whole(
        &self,
        source: CopySource<'_>,
        bucket: &BucketName,
        key: &ObjectKey,
        options: &CopyOptions,
    ) -> Result<Copied> {
        if (source.bucket, source.key) == (bucket, key) && source.version_id.is_none() {
            let error = Error::new(ErrorKind::Usage, "an object cannot be copied onto itself");
            return Err(error.at(At::Bucket, bucket).at(At::Key, key));
        }
        let info = self.source_info(source).await?;
        let etag = if info.total_bytes > options.in_one_bytes {
            self.copy_in_parts(source, &info, CopyTarget { bucket, key }, options).await?
        } else {
            self.copy(&CopyObject::new(source, bucket, key).if_match(&info.etag)).await?
        };
        let keeps_etag = etag::is_same(&etag, &info.etag);
        // Not every server heeds the condition.
        if !keeps_etag && !etag::is_same(&self.source_info(source).await?.etag, &info.etag) {
            return Err(replaced(bucket, key));
        }
        if let (false, ETag::Md5(_), ETag::Md5(_)) = (keeps_etag, ETag::parse(&etag), ETag::parse(&info.etag))
        {
            let what =
                format!("the copy has the ETag {etag}, and the object {}: its bytes are others", info.etag);
            let error = Error::new(ErrorKind::Damaged, what).at(At::Bucket, bucket).at(At::Key, key);
            return Err(error.todo("delete the copy, and copy the object again"));
        }
        Ok(Copied { etag, size_bytes: info.total_bytes, keeps_etag })
    }

    async fn source_info(&self, source: CopySource<'_>) -> Result<ObjectInfo> {
        let mut head = HeadObject::new(source.bucket, source.key);
        head.version_id = source.version_id;
        self.headed(&head).await
    }

    async fn copy_in_parts(
        &self,
        source: CopySource<'_>,
        info: &ObjectInfo,
        target: CopyTarget<'_>,
        options: &CopyOptions,
    ) -> Result<String> {
        let CopyTarget { bucket, key } = target;
        self.tell_recoded(source.bucket, source.key, info);
        let cut = PartLayout::new(info.total_bytes, Some(options.part_size_bytes))?;
        let content_type = (!info.content_type.is_empty()).then_some(info.content_type.as_str());
        let begin = InitiateUpload::new(bucket, key, content_type, &info.headers, &info.meta)?;
        let upload = Upload::begun(self, bucket, key, self.execute(&begin).await?);
        let copied = async {
            let parts = (1..=cut.count()).map(|number| {
                let upload_id = upload.id();
                async move {
                    let (offset, bytes) = cut.part(number).unwrap_or_default();
                    let number = u16::try_from(number).unwrap_or(u16::MAX);
                    let part = CopyPart::new(source, bucket, key, upload_id, number)?;
                    self.copy_part(&part.bytes(offset..=offset + bytes.saturating_sub(1))).await
                }
            });
            let parts: Vec<[u8; 16]> = stream::iter(parts).buffered(PARTS_AT_ONCE).try_collect().await?;
            // radosgw has no conditions for parts: the source is asked again.
            if !etag::is_same(&self.source_info(source).await?.etag, &info.etag) {
                return Err(replaced(bucket, key));
            }
            let whole = Revision { size_bytes: info.total_bytes, etag: parts_etag(&parts) };
            upload.complete(&parts, &whole).await?;
            Ok(whole.etag)
        };
        match copied.await {
            Err(error) => Err(upload.end(error).await),
            copied => copied,
        }
    }
}

fn replaced(bucket: &BucketName, key: &ObjectKey) -> Error {
    let error = Error::new(ErrorKind::Changed, "the source was replaced while it was copied");
    error.todo("copy it again").at(At::Bucket, bucket).at(At::Key, key)
}
