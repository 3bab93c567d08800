//! `mb`, `rb`, and `ls` without a place.

use deis_store::error::{At, printable};
use deis_store::run::Run;
use deis_store::s3::op::{ListedVersion, Versioning};
use deis_store::s3::{BucketName, Client};
use deis_store::sync::DeleteVersions;
use deis_store::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use super::super::Done;
use super::delete::empty;
use super::tally::Tally;
use super::{minute, place};
use crate::output::Output;

pub(super) async fn make(client: &Client, places: &[String], output: &Output) -> Done {
    let mut text = String::new();
    for place in places {
        client.create_bucket(&place::bucket(place)?).await?;
        text.push_str(&format!("Bucket '{}/' created\n", printable(place.trim_end_matches('/'))));
    }
    Ok(output.answer(&text, &json!({ "created": places })))
}

pub(super) async fn remove(
    client: &Client,
    places: &[String],
    recursive: bool,
    force: bool,
    output: &Output,
    run: &Run,
) -> Done {
    let buckets: Vec<_> = places.iter().map(|place| place::bucket(place)).collect::<Result<_, _>>()?;
    let mut tally = Tally::new("removed", false, output);
    for bucket in &buckets {
        let name = format!("s3://{bucket}/");
        let empty = match client.is_empty(bucket).await {
            Err(error) if error.kind() == ErrorKind::NotFound && force => {
                tally.skipped(&name, "no such bucket");
                continue;
            }
            empty => empty?,
        };
        if !empty && !recursive {
            let error = Error::new(ErrorKind::Occupied, "the bucket is not empty").at(At::Bucket, bucket);
            return Err(error.todo("add --recursive --force to delete all that is in it"));
        }
        if !empty && !self::empty(client, bucket, &mut tally, run).await? {
            tally.failed(&name, "failed", "it still holds objects");
            continue;
        }
        match client.delete_bucket(bucket).await {
            Err(error) if error.kind() == ErrorKind::Occupied && keeps_versions(client, bucket).await? => {
                if !recursive {
                    let error = Error::new(ErrorKind::Occupied, "the bucket holds old versions of objects");
                    let error = error.at(At::Bucket, bucket);
                    return Err(error.todo("add --recursive --force to delete them too"));
                }
                versions(client, bucket, &mut tally, run).await?;
                client.delete_bucket(bucket).await?;
            }
            removed => removed?,
        }
        tally.done(&format!("Bucket '{name}' removed"), 0, || json!(name));
    }
    Ok(tally.finish(json!({})))
}

async fn keeps_versions(client: &Client, bucket: &BucketName) -> Result<bool> {
    Ok(client.versioning(bucket).await? != Versioning::Unversioned)
}

async fn versions(client: &Client, bucket: &BucketName, tally: &mut Tally<'_>, run: &Run) -> Result<()> {
    let delete = DeleteVersions { client: client.clone(), bucket: bucket.clone() };
    let each = |version: &ListedVersion| {
        let name = format!("s3://{bucket}/{}", version.key);
        let what = if version.content.is_some() { "version" } else { "delete marker" };
        let line = format!("delete: '{}' ({what} {})", printable(&name), printable(&version.version_id));
        let size_bytes = version.content.as_ref().map_or(0, |content| content.size_bytes);
        tally.done(&line, size_bytes, || json!(name));
    };
    delete.run(each, run).await
}

pub(super) async fn list(client: &Client, output: &Output) -> Done {
    let buckets = client.buckets().await?;
    let lines: String = buckets
        .iter()
        .map(|bucket| format!("{}  s3://{}\n", minute(bucket.created.as_str()), printable(&bucket.name)))
        .collect();
    let report: Vec<Value> = buckets
        .iter()
        .map(|bucket| json!({ "name": bucket.name, "created": bucket.created.as_str() }))
        .collect();
    Ok(output.answer(&lines, &json!({ "buckets": report })))
}
