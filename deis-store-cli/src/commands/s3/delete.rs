//! `del`: objects by name, or all that begin so.

use deis_store::Result;
use deis_store::error::printable;
use deis_store::outcome::{Each, Fate, KeyOutcome, TargetOnly};
use deis_store::run::Run;
use deis_store::s3::{BucketName, Client};
use deis_store::sync::{DeleteTree, DeleteTreeOptions};
use deis_store::transfer::Selection;
use serde_json::json;

use super::super::Done;
use super::place::{object, split, usage};
use super::tally::Tally;
use crate::args::Below;
use crate::output::Output;

pub(super) async fn delete(
    client: &Client,
    places: &[String],
    force: bool,
    options: &Below,
    output: &Output,
    run: &Run,
) -> Done {
    let mut tally = Tally::new("deleted", options.dry_run, output);
    if options.recursive {
        let places: Vec<_> = places.iter().map(|place| split(place)).collect::<Result<_>>()?;
        if let Some((bucket, _)) = places.iter().find(|(_, prefix)| prefix.is_empty() && !force) {
            let error = usage("that is all of a bucket", &format!("s3://{bucket}"));
            return Err(error.todo("add --force to delete all of it"));
        }
        let globs = options.patterns.globs()?;
        for (bucket, prefix) in &places {
            let selection = globs.select_to_delete(bucket, prefix);
            all(client, selection, options.dry_run, &mut tally, run).await?;
        }
    } else {
        let places: Vec<_> = places.iter().map(|place| object(place)).collect::<Result<_>>()?;
        for (bucket, key) in &places {
            if !options.dry_run {
                client.delete(bucket, key).await?;
            }
            deleted(bucket, key.as_str(), 0, &mut tally);
        }
    }
    Ok(tally.finish(json!({})))
}

/// Deletes all objects of a bucket; whether nothing was left.
pub(super) async fn empty(
    client: &Client,
    bucket: &BucketName,
    tally: &mut Tally<'_>,
    run: &Run,
) -> Result<bool> {
    all(client, Selection::new(bucket, ""), false, tally, run).await?;
    client.is_empty(bucket).await
}

async fn all(
    client: &Client,
    selection: Selection,
    dry_run: bool,
    tally: &mut Tally<'_>,
    run: &Run,
) -> Result<()> {
    let bucket = selection.bucket().clone();
    let each = Each::new(|KeyOutcome { key, fate, size_bytes, .. }: KeyOutcome| {
        match fate {
            Fate::Target(TargetOnly::NotDeleted(why)) => {
                tally.failed(&format!("s3://{bucket}/{key}"), "not deleted", &why);
            }
            _ => deleted(&bucket, &key, size_bytes, tally),
        }
        Ok(())
    });
    let delete = DeleteTree { client: client.clone(), selection };
    delete.run(&DeleteTreeOptions { dry_run, each }, run).await
}

fn deleted(bucket: &BucketName, key: &str, size_bytes: u64, tally: &mut Tally<'_>) {
    let name = format!("s3://{bucket}/{key}");
    tally.done(&format!("delete: '{}'", printable(&name)), size_bytes, || json!(name));
}
