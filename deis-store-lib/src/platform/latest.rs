//! The base backup that WAL-E will take for `LATEST`, as WAL-E finds it: from a listing of the bucket.

use std::collections::BTreeMap;

use futures_util::{TryStreamExt as _, future};

use super::stage::Stage;
use crate::contents::Contents;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::part::Part;
use crate::s3::{BucketName, Client};

/// The latest of each prefix in a bucket.
pub(crate) async fn listed(
    client: &Client,
    bucket: &BucketName,
    contents: Contents,
) -> Result<BTreeMap<String, String>> {
    let listed = client.list(bucket, "");
    let there: Vec<_> = listed
        .try_filter(|object| future::ready(contents.is_reference(&object.key)))
        .map_ok(|object| (String::from(object.key), object.modified))
        .try_collect()
        .await?;
    Ok(contents.latest(there))
}

/// How keys are named in a sentence.
pub(crate) fn named<'a>(keys: impl Iterator<Item = &'a String>) -> String {
    let keys: Vec<&str> = keys.map(String::as_str).collect();
    if keys.is_empty() { "nothing".to_owned() } else { keys.join(", ") }
}

/// The latest base backup now, as the gateway says that the platform's own components use.
pub(super) async fn now(stage: &Stage<'_>) -> Result<String> {
    let part = Part::db_wal();
    let cluster = stage.cluster.again(stage.run).await?;
    let bucket = cluster
        .bucket(&part)
        .cloned()
        .ok_or_else(|| Error::new(ErrorKind::Internal, "db_wal is no bucket"))?;
    let leader = cluster.leader(stage.run).await?;
    let latest = listed(&leader, &bucket, Contents::WalE).await.at(At::Bucket, &bucket)?;
    Ok(named(latest.values()))
}

/// The latest base backup that is meant: the one that the restore has left, or the snapshot's.
pub(super) fn meant(stage: &Stage<'_>) -> Result<String> {
    if let Some(latest) = stage.record.latest() {
        return Ok(latest.to_owned());
    }
    let part = Part::db_wal();
    let mut references = Vec::new();
    for line in stage.snapshot.lines(&part)? {
        let line = line?;
        if line.outcome.is_on_disk() && Contents::WalE.is_reference(&line.key) {
            references.push((line.key, line.modified));
        }
    }
    Ok(named(Contents::WalE.latest(references).values()))
}

/// The check that the database will come back from the base backup that is meant. A listing that fails is an error here, since
/// early releases of the database take it for an empty bucket, and begin anew.
pub(super) async fn check(stage: &Stage<'_>) -> Result<String> {
    let (meant, now) = (meant(stage)?, now(stage).await.map_err(|error| {
        error.todo("the database is not started, since it may take a listing that fails for an empty bucket: mend the gateway, then run this again")
    })?);
    if meant == "nothing" {
        return Err(Error::new(
            ErrorKind::Guard,
            "the snapshot has no base backup: the database would begin anew",
        )
        .todo("use another snapshot, or restore its parts alone and load the dump"));
    }
    if now == meant {
        return Ok(format!("LATEST is {now}"));
    }
    Err(Error::new(
        ErrorKind::Changed,
        format!("WAL-E would take {now} for LATEST, and the snapshot means {meant}"),
    )
    .todo("find out who writes to the bucket; empty it and restore it again before the database is started"))
}
