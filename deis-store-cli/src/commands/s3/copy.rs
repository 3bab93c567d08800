//! `cp`: copies within the cluster.

use std::pin::pin;

use deis_store::Result;
use deis_store::error::printable;
use deis_store::s3::client::{Copied, CopyOptions};
use deis_store::s3::op::CopySource;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::sync::below;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use super::super::Done;
use super::of_one;
use super::place::{directory, last_part, object, split, usage};
use super::tally::Tally;
use crate::args::Below;
use crate::output::Output;

/// The gateway does the work.
const AT_ONCE: usize = 8;

pub(super) async fn copy(
    client: &Client,
    source: &str,
    target: &str,
    options: &Below,
    output: &Output,
) -> Done {
    let mut tally = Tally::new("copied", options.dry_run, output);
    if options.recursive {
        all(client, source, target, options, &mut tally).await?;
    } else {
        let (from, key) = object(source)?;
        let (to, mut name) = split(target)?;
        if name.is_empty() || name.ends_with('/') {
            name.push_str(last_part(key.as_str()));
        }
        let name = ObjectKey::new(name)?;
        let copied = one(client, (&from, &key), (&to, &name), options.dry_run).await?;
        tell((&from, &key), (&to, &name), copied.as_ref(), &mut tally);
    }
    Ok(tally.finish(json!({})))
}

async fn all(
    client: &Client,
    source: &str,
    target: &str,
    options: &Below,
    tally: &mut Tally<'_>,
) -> Result<()> {
    let ((from, prefix), (to, base)) = (split(source)?, directory(target)?);
    if from == to && base.starts_with(&prefix) {
        return Err(usage("the copies would be copied again: they are below the source", target));
    }
    let globs = options.globs();
    let listing = client.list(&from, &prefix);
    let listing = listing
        .try_filter(|object| std::future::ready(!globs.leave_out(below(&prefix, &object.key))))
        .map_ok(|object| {
            let (from, to, prefix, base) = (&from, &to, &prefix, &base);
            async move {
                let names = async || -> Result<_> {
                    let name = ObjectKey::new(format!("{base}{}", below(prefix, &object.key)))?;
                    let key = ObjectKey::new(&object.key)?;
                    let copied = one(client, (from, &key), (to, &name), options.dry_run).await?;
                    Ok((key, name, copied))
                };
                Ok((object.key.clone(), of_one(names().await)?))
            }
        });
    let mut results = pin!(listing.try_buffered(AT_ONCE).fuse());
    while let Some((key, result)) = results.try_next().await? {
        match result {
            Ok((key, name, copied)) => tell((&from, &key), (&to, &name), copied.as_ref(), tally),
            Err(why) => tally.failed(&format!("s3://{from}/{key}"), "not copied", &why),
        }
    }
    Ok(())
}

/// Copies one object; in a dry run there is no copy.
async fn one(
    client: &Client,
    (from, key): (&BucketName, &ObjectKey),
    (to, name): (&BucketName, &ObjectKey),
    dry_run: bool,
) -> Result<Option<Copied>> {
    if dry_run {
        return Ok(None);
    }
    let source = CopySource { bucket: from, key, version_id: None };
    client.copy_whole(source, to, name, &CopyOptions::default()).await.map(Some)
}

fn tell(
    (from, key): (&BucketName, &ObjectKey),
    (to, name): (&BucketName, &ObjectKey),
    copied: Option<&Copied>,
    tally: &mut Tally<'_>,
) {
    let (source, target) = (format!("s3://{from}/{key}"), format!("s3://{to}/{name}"));
    let other =
        if copied.is_some_and(|copied| !copied.keeps_etag) { "  (its ETag is another one)" } else { "" };
    let line = format!("remote copy: '{}' -> '{}'{other}", printable(&source), printable(&target));
    let bytes = copied.map_or(0, |copied| copied.size_bytes);
    tally.done(&line, bytes, || {
        json!({
            "source": source, "target": target, "size": copied.map(|copied| copied.size_bytes),
            "etag": copied.map(|copied| &copied.etag), "keeps_etag": copied.map(|copied| copied.keeps_etag),
        })
    });
}
