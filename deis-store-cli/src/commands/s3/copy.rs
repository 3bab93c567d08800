//! `cp`: copies within the cluster.

use deis_store::Result;
use deis_store::error::printable;
use deis_store::outcome::Each;
use deis_store::run::Run;
use deis_store::s3::client::{Copied, CopyOptions};
use deis_store::s3::op::CopySource;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::sync::{CopiedObject, CopyTree, CopyTreeOptions};
use serde_json::json;

use super::super::Done;
use super::place::{directory, last_part, object, split};
use super::tally::Tally;
use crate::args::Below;
use crate::output::Output;

pub(super) async fn copy(
    client: &Client,
    source: &str,
    target: &str,
    options: &Below,
    output: &Output,
    run: &Run,
) -> Done {
    let mut tally = Tally::new("copied", options.dry_run, output);
    if options.recursive {
        all(client, source, target, options, &mut tally, run).await?;
    } else {
        let (from, key) = object(source)?;
        let (to, mut name) = split(target)?;
        if name.is_empty() || name.ends_with('/') {
            name.push_str(last_part(key.as_str()));
        }
        let name = ObjectKey::new(name)?;
        let copied = one(client, (&from, &key), (&to, &name), options.dry_run).await?;
        tell((&from, key.as_str()), (&to, name.as_str()), copied.as_ref(), &mut tally);
    }
    Ok(tally.finish(json!({})))
}

async fn all(
    client: &Client,
    source: &str,
    target: &str,
    options: &Below,
    tally: &mut Tally<'_>,
    run: &Run,
) -> Result<()> {
    let ((from, prefix), (to, base)) = (split(source)?, directory(target)?);
    let each = Each::new(|copied: CopiedObject| {
        let (from, to) = ((&from, copied.key.as_str()), (&to, copied.target.as_str()));
        match &copied.result {
            Ok(copied) => tell(from, to, copied.as_ref(), tally),
            Err(outcome) => {
                let why = outcome.why().unwrap_or_default();
                tally.failed(&format!("s3://{}/{}", from.0, from.1), "not copied", why);
            }
        }
        Ok(())
    });
    let source = options.patterns.globs()?.select(&from, &prefix);
    let copy = CopyTree { client: client.clone(), source, bucket: to.clone(), prefix: base };
    copy.run(&CopyTreeOptions { dry_run: options.dry_run, each }, run).await
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
    (from, key): (&BucketName, &str),
    (to, name): (&BucketName, &str),
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
