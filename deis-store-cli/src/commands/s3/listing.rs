//! `ls`, `la` and `du`: what is in buckets. Memory does not grow with the bucket; as one JSON object it must.

use std::pin::pin;

use deis_store::error::printable;
use deis_store::s3::op::ListedObject;
use deis_store::s3::{BucketName, Client, CommonPrefixes, Folded};
use deis_store::{ErrorKind, Result};
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};

use super::super::Done;
use super::{minute, place};
use crate::exit::Exit;
use crate::output::Output;

/// Lines are printed when so much has come.
const PIECE_BYTES: usize = 32 << 10;

pub(super) async fn list(client: &Client, place: &str, recursive: bool, output: &Output) -> Done {
    let (bucket, prefix) = place::split(place)?;
    match one(client, &bucket, &prefix, recursive, output).await? {
        Some((objects, prefixes)) => {
            Ok(output.answer("", &json!({ "objects": objects, "prefixes": prefixes })))
        }
        None => Ok(Exit::Failed),
    }
}

pub(super) async fn list_all(client: &Client, recursive: bool, output: &Output) -> Done {
    let mut report = Vec::new();
    for bucket in client.buckets().await? {
        let name = BucketName::new(&bucket.name)?;
        let (objects, prefixes) = match one(client, &name, "", recursive, output).await {
            Ok(Some(listed)) => listed,
            Ok(None) => return Ok(Exit::Failed),
            // It was removed since the buckets were listed.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        // As s3cmd: an empty line after each bucket.
        if !output.is_json() && !Output::lines("\n") {
            return Ok(Exit::Failed);
        }
        report.push(json!({ "name": bucket.name, "objects": objects, "prefixes": prefixes }));
    }
    Ok(output.answer("", &json!({ "buckets": report })))
}

/// Prints the listing of one bucket, or gives it for the report; nothing if printing was in vain.
async fn one(
    client: &Client,
    bucket: &BucketName,
    prefix: &str,
    recursive: bool,
    output: &Output,
) -> Result<Option<(Vec<Value>, Vec<Value>)>> {
    let mut fold = CommonPrefixes::new(prefix);
    let (mut objects, mut prefixes, mut text) = (Vec::new(), Vec::new(), String::new());
    let mut listing = pin!(client.list(bucket, prefix));
    while let Some(object) = listing.try_next().await? {
        let folded = if recursive { Folded::Object } else { fold.next(&object.key) };
        match (folded, output.is_json()) {
            (Folded::Again, _) => {}
            (Folded::Prefix(prefix), true) => prefixes.push(json!(prefix)),
            (Folded::Object, true) => objects.push(as_json(&object)),
            (Folded::Prefix(prefix), false) => {
                text.push_str(&format!("{:>29}  s3://{bucket}/{}\n", "DIR", printable(prefix)));
            }
            (Folded::Object, false) => {
                let (modified, key) = (minute(object.modified.as_str()), printable(&object.key));
                text.push_str(&format!("{modified} {:>12}  s3://{bucket}/{key}\n", object.size_bytes));
            }
        }
        if text.len() >= PIECE_BYTES && !Output::lines(&std::mem::take(&mut text)) {
            return Ok(None);
        }
    }
    Ok(Output::lines(&text).then_some((objects, prefixes)))
}

fn as_json(object: &ListedObject) -> Value {
    json!({ "key": object.key, "size": object.size_bytes, "etag": object.etag, "modified": object.modified.as_str() })
}

pub(super) async fn usage(client: &Client, place: Option<&str>, output: &Output) -> Done {
    let places = if let Some(place) = place {
        vec![place::split(place)?]
    } else {
        let names = client.buckets().await?.into_iter().map(|bucket| BucketName::new(&bucket.name));
        names.map(|name| Ok((name?, String::new()))).collect::<Result<_>>()?
    };
    let (mut text, mut report, mut total_bytes) = (String::new(), Vec::new(), 0);
    for (bucket, prefix) in &places {
        let (objects, bytes) = match sum(client, bucket, prefix).await {
            Ok(sum) => sum,
            // It was removed since the buckets were listed.
            Err(error) if error.kind() == ErrorKind::NotFound && place.is_none() => continue,
            Err(error) => return Err(error),
        };
        let name = format!("s3://{bucket}/{prefix}");
        text.push_str(&format!("{bytes:>12} {objects:>7} objects {}\n", printable(&name)));
        report.push(json!({ "name": name, "objects": objects, "bytes": bytes }));
        total_bytes = bytes.saturating_add(total_bytes);
    }
    if place.is_none() {
        text.push_str(&format!("------------\n{total_bytes:<12} Total\n"));
    }
    Ok(output.answer(&text, &json!({ "places": report, "bytes": total_bytes })))
}

/// How many objects there are, and their bytes.
async fn sum(client: &Client, bucket: &BucketName, prefix: &str) -> Result<(u64, u64)> {
    let listing = client.list(bucket, prefix);
    let add = async |(objects, bytes), object: ListedObject| {
        Ok((objects + 1, object.size_bytes.saturating_add(bytes)))
    };
    listing.try_fold((0, 0), add).await
}
