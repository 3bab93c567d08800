//! `del`: objects by name, or all that begin so.

use std::pin::pin;

use deis_store::Result;
use deis_store::error::printable;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::sync::{Globs, below};
use futures_util::TryStreamExt as _;
use serde_json::json;

use super::super::Done;
use super::place::{object, split, usage};
use super::tally::Tally;
use crate::args::Below;
use crate::output::Output;

/// As many as one request deletes.
const AT_ONCE: usize = 1000;

pub(super) async fn delete(
    client: &Client,
    places: &[String],
    force: bool,
    options: &Below,
    output: &Output,
) -> Done {
    let mut tally = Tally::new("deleted", options.dry_run, output);
    if options.recursive {
        let places: Vec<_> = places.iter().map(|place| split(place)).collect::<Result<_>>()?;
        if let Some((bucket, _)) = places.iter().find(|(_, prefix)| prefix.is_empty() && !force) {
            let error = usage("that is all of a bucket", &format!("s3://{bucket}"));
            return Err(error.todo("add --force to delete all of it"));
        }
        for (bucket, prefix) in &places {
            all(client, bucket, prefix, &options.globs(), options.dry_run, &mut tally).await?;
        }
    } else {
        let places: Vec<_> = places.iter().map(|place| object(place)).collect::<Result<_>>()?;
        for (bucket, key) in &places {
            if !options.dry_run {
                client.delete(bucket, key).await?;
            }
            deleted(bucket, key, 0, &mut tally);
        }
    }
    Ok(tally.finish(json!({})))
}

/// Deletes all objects of a bucket; whether nothing was left.
pub(super) async fn empty(client: &Client, bucket: &BucketName, tally: &mut Tally<'_>) -> Result<bool> {
    all(client, bucket, "", &Globs::default(), false, tally).await?;
    client.is_empty(bucket).await
}

async fn all(
    client: &Client,
    bucket: &BucketName,
    prefix: &str,
    globs: &Globs,
    dry_run: bool,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let mut batch = Vec::with_capacity(AT_ONCE);
    let mut listing = pin!(client.list(bucket, prefix));
    loop {
        let object = listing.try_next().await?;
        let ended = object.is_none();
        if let Some(object) = object.filter(|object| !globs.leave_out(below(prefix, &object.key))) {
            batch.push((ObjectKey::new(&object.key)?, object.size_bytes));
        }
        if batch.len() == AT_ONCE || ended {
            together(client, bucket, std::mem::take(&mut batch), dry_run, tally).await?;
        }
        if ended {
            return Ok(());
        }
    }
}

async fn together(
    client: &Client,
    bucket: &BucketName,
    batch: Vec<(ObjectKey, u64)>,
    dry_run: bool,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let (keys, sizes): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
    let not_deleted =
        if dry_run || keys.is_empty() { Vec::new() } else { client.delete_all(bucket, &keys).await? };
    for (key, size) in keys.iter().zip(sizes) {
        match not_deleted.iter().find(|not_deleted| not_deleted.key == key.as_str()) {
            Some(not_deleted) => {
                tally.failed(&format!("s3://{bucket}/{key}"), "not deleted", &not_deleted.code);
            }
            None => deleted(bucket, key, size, tally),
        }
    }
    Ok(())
}

fn deleted(bucket: &BucketName, key: &ObjectKey, size_bytes: u64, tally: &mut Tally<'_>) {
    let name = format!("s3://{bucket}/{key}");
    tally.done(&format!("delete: '{}'", printable(&name)), size_bytes, || json!(name));
}
