//! Plants objects in buckets, and checks that uploaded objects equal the sent files. None of this is measured.

use std::fs;
use std::path::Path;

use bytes::Bytes;
use deis_store::http::Body;
use deis_store::s3::op::{ListedObject, PutObject};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store_tests::error::{Context as _, Error, Result};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use md5::{Digest as _, Md5};

use crate::files::files;
use crate::gateway::Gateway;

/// Makes a bucket.
pub(crate) fn create(gateway: &Gateway, bucket: &str) -> Result<BucketName> {
    let bucket = BucketName::new(bucket).context("Bucket")?;
    gateway.block_on(gateway.client.create_bucket(&bucket))?;
    Ok(bucket)
}

/// Makes a bucket that holds the files of a directory.
pub(crate) fn plant(gateway: &Gateway, bucket: &str, directory: &Path) -> Result<()> {
    let bucket = create(gateway, bucket)?;
    for (key, path) in files(directory)? {
        let bytes = Bytes::from(fs::read(&path).context(path.display())?);
        gateway.block_on(put(&gateway.client, &bucket, &key, bytes))?;
    }
    Ok(())
}

/// Makes a bucket with this many objects of one byte. Half of the keys are like WAL segments, half like a registry's.
pub(crate) fn plant_many(gateway: &Gateway, bucket: &str, objects: u32) -> Result<()> {
    let bucket = create(gateway, bucket)?;
    let (client, bucket) = (&gateway.client, &bucket);
    let puts = stream::iter(0..objects)
        .map(|number| async move { put(client, bucket, &key(number), Bytes::from_static(b"x")).await });
    gateway.block_on(puts.buffer_unordered(client.in_flight()).try_collect())
}

/// Changes one of a hundred of the objects of such a bucket, each round others; how many these are.
pub(crate) fn change(gateway: &Gateway, bucket: &str, objects: u32, round: u32) -> Result<u32> {
    let bucket = BucketName::new(bucket).context("Bucket")?;
    let bytes = Bytes::from(vec![b'y'; 2 + round as usize]);
    let numbers: Vec<u32> = (0..objects).filter(|number| number % 100 == round % 100).collect();
    for number in &numbers {
        gateway.block_on(put(&gateway.client, &bucket, &key(*number), bytes.clone()))?;
    }
    u32::try_from(numbers.len()).context("Changed")
}

fn key(number: u32) -> String {
    if number.is_multiple_of(2) {
        return format!("wal_005/{number:024X}.lzo");
    }
    let image = (number / 8).wrapping_mul(2_654_435_761);
    let file = ["ancestry", "checksum", "json", "layer"][number as usize / 2 % 4];
    format!("registry/images/{image:08x}{image:056x}/{file}")
}

/// Checks that a bucket holds the files of a directory and nothing else, byte for byte.
pub(crate) fn same(gateway: &Gateway, bucket: &str, directory: &Path) -> Result<()> {
    let bucket = BucketName::new(bucket).context("Bucket")?;
    let listed: Vec<ListedObject> = gateway.block_on(gateway.client.list(&bucket, "").try_collect())?;
    let files = files(directory)?;
    if !files.keys().map(String::as_str).eq(listed.iter().map(|object| object.key.as_str())) {
        return Err(Error::new(format!(
            "{} files became {} objects, or other names",
            files.len(),
            listed.len()
        )));
    }
    for object in &listed {
        let bytes = fs::read(&files[object.key.as_str()]).context(object.key.as_str())?;
        // An object in parts is read back, since its ETag is not the MD5 of the whole.
        let there = if object.etag.contains('-') {
            let there = gateway.block_on(get(&gateway.client, &bucket, &object.key))?;
            there == bytes
        } else {
            object.etag == md5(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        if !there {
            return Err(Error::new(format!("{} is not what was sent", object.key)));
        }
    }
    Ok(())
}

async fn put(
    client: &Client,
    bucket: &BucketName,
    key: &str,
    bytes: Bytes,
) -> std::result::Result<(), deis_store::Error> {
    let key = ObjectKey::new(key)?;
    let operation = PutObject::new(bucket, &key, bytes.len() as u64, md5(&bytes))?;
    client.put(&operation, &Body::Bytes(bytes)).await
}

async fn get(
    client: &Client,
    bucket: &BucketName,
    key: &str,
) -> std::result::Result<Vec<u8>, deis_store::Error> {
    let key = ObjectKey::new(key)?;
    let mut download = client.get(bucket, &key).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = download.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn md5(bytes: &[u8]) -> [u8; 16] {
    Md5::digest(bytes).into()
}
