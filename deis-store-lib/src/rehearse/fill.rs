//! The made cluster's objects into a gateway, in the order in which they were written: WAL-E's `LATEST` hangs on it.

use bytes::Bytes;
use md5::{Digest as _, Md5};

use super::internal::internal;
use super::made::{SampleBucket, SampleObject};
use crate::error::Result;
use crate::http::Body;
use crate::run::{Run, TaskKind, TaskResult};
use crate::s3::op::{CompleteUpload, InitiateUpload, PutObject, UploadPart};
use crate::s3::{BucketName, Client, ObjectKey};

/// How many objects and bytes were stored.
pub(super) async fn fill(client: &Client, buckets: &[SampleBucket], run: &Run) -> Result<(u64, u64)> {
    let task = run.begin(None, TaskKind::Step, "made cluster");
    let (mut objects, mut size_bytes) = (0, 0);
    for bucket in buckets {
        let name = BucketName::new(&bucket.name)?;
        client.create_bucket(&name).await?;
        for object in &bucket.objects {
            run.stop.check()?;
            let bytes = Bytes::from(object.bytes());
            objects += 1;
            size_bytes += bytes.len() as u64;
            match object.part_size_bytes {
                Some(part_size_bytes) => {
                    store_in_parts(client, &name, object, &bytes, part_size_bytes).await?;
                }
                None => store(client, &name, object, bytes).await?,
            }
        }
    }
    task.done(TaskResult::Good);
    Ok((objects, size_bytes))
}

async fn store(client: &Client, bucket: &BucketName, object: &SampleObject, bytes: Bytes) -> Result<()> {
    let key = ObjectKey::new(&object.key)?;
    let operation = PutObject::new(bucket, &key, bytes.len() as u64, Md5::digest(&bytes).into())?.with(
        object.content_type.as_deref(),
        &object.headers,
        &object.meta,
    )?;
    client.put(&operation, &Body::Bytes(bytes)).await
}

async fn store_in_parts(
    client: &Client,
    bucket: &BucketName,
    object: &SampleObject,
    bytes: &Bytes,
    part_size_bytes: u64,
) -> Result<()> {
    let key = ObjectKey::new(&object.key)?;
    let part_size = usize::try_from(part_size_bytes).map_err(|_| internal("a part is too large"))?;
    let content_type = object.content_type.as_deref();
    let initiate = InitiateUpload::new(bucket, &key, content_type, &object.headers, &object.meta)?;
    let upload_id = client.execute(&initiate).await?;
    let mut parts = Vec::new();
    for (number, start) in (1..).zip((0..bytes.len().max(1)).step_by(part_size)) {
        let part = bytes.slice(start..bytes.len().min(start + part_size));
        let md5 = Md5::digest(&part).into();
        parts.push(md5);
        let operation = UploadPart::new(bucket, &key, &upload_id, number, md5)?;
        client.upload_part(&operation, &Body::Bytes(part)).await?;
    }
    client.execute(&CompleteUpload { bucket, key: &key, upload_id: &upload_id, parts: &parts }).await
}
