//! Two gateways compared: every key, byte, `ETag`, type and metadata.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use sha2::{Digest as _, Sha256};

use super::made::SampleBucket;
use crate::error::Result;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::Run;
use crate::s3::etag::ETag;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::s3::{BucketName, Client, ObjectKey};

/// Objects compared at once.
const AT_ONCE: usize = 4;

/// How many objects and bytes are equal, or named in the findings.
pub(super) async fn buckets(
    (old, new): (&Client, &Client),
    buckets: &[SampleBucket],
    run: &Run,
    findings: &mut Findings,
) -> Result<(u64, u64)> {
    let (mut objects, mut bytes) = (0, 0_u64);
    for SampleBucket { part, name, .. } in buckets {
        run.stop.check()?;
        let bucket = BucketName::new(name)?;
        let (before, after) = (keys(old, &bucket).await?, keys(new, &bucket).await?);
        let mut finding = |key: &str, kind, what: &str| {
            findings.push(Finding::new(Some(part), key, kind, what));
        };
        for object in &after {
            if !before.iter().any(|known| known.key == object.key) {
                finding(&object.key, FindingKind::Contradiction, "it was not there before");
            }
        }
        let mut results = stream::iter(before)
            .map(|object| async {
                let result = difference(old, new, &bucket, &object).await;
                (object, result)
            })
            .buffered(AT_ONCE);
        while let Some((object, result)) = results.next().await {
            objects += 1;
            bytes = bytes.saturating_add(object.size_bytes);
            if let Some(what) = result? {
                finding(&object.key, FindingKind::Changed, what);
            }
        }
    }
    Ok((objects, bytes))
}

async fn keys(client: &Client, bucket: &BucketName) -> Result<Vec<ListedObject>> {
    Box::pin(client.list(bucket, "")).try_collect().await
}

async fn difference(
    old: &Client,
    new: &Client,
    bucket: &BucketName,
    object: &ListedObject,
) -> Result<Option<&'static str>> {
    let key = ObjectKey::new(&object.key)?;
    let (before, digest) = read(old, bucket, &key).await?;
    let (after, digest_after) = match read(new, bucket, &key).await {
        Ok(read) => read,
        Err(error) if error.kind() == crate::ErrorKind::NotFound => return Ok(Some("it did not come back")),
        Err(error) => return Err(error),
    };
    let single = matches!(ETag::parse(&before.etag), ETag::Md5(_));
    Ok(if digest != digest_after || before.size_bytes != after.size_bytes {
        Some("its bytes are others")
    } else if single && before.etag != after.etag {
        Some("its ETag is another")
    } else if (before.content_type, before.headers, before.meta)
        != (after.content_type, after.headers, after.meta)
    {
        Some("its type, headers or metadata are others")
    } else {
        None
    })
}

async fn read(client: &Client, bucket: &BucketName, key: &ObjectKey) -> Result<(ObjectInfo, [u8; 32])> {
    let mut download = client.get(bucket, key).await?;
    let mut digest = Sha256::new();
    while let Some(bytes) = download.try_next().await? {
        digest.update(&bytes);
    }
    Ok((download.info().clone(), digest.finalize().into()))
}
