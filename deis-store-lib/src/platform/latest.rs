//! The base backup that WAL-E will take for `LATEST`, as WAL-E finds it: from a listing of the bucket.

use std::collections::BTreeMap;

use futures_util::{TryStreamExt as _, future};
use jiff::Timestamp;

use super::stage::Stage;
use crate::contents::Contents;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::part::Part;
use crate::s3::{BucketName, Client};

/// How no key is named in a sentence.
const NOTHING: &str = "nothing";

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
    if keys.is_empty() { NOTHING.to_owned() } else { keys.join(", ") }
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
    Ok(named(Contents::WalE.latest(references(stage)?).values()))
}

/// Whether it is one of the base backups that the snapshot has, or none.
pub(super) fn is_of_snapshot(stage: &Stage<'_>, latest: &str) -> Result<bool> {
    Ok(latest == NOTHING || references(stage)?.iter().any(|(key, _)| key == latest))
}

/// The sentinels of the snapshot, with the times when they were written.
fn references(stage: &Stage<'_>) -> Result<Vec<(String, Timestamp)>> {
    let mut references = Vec::new();
    for line in stage.snapshot.lines(&Part::db_wal())? {
        let line = line?;
        if line.outcome.is_on_disk() && Contents::WalE.is_reference(&line.key) {
            references.push((line.key, line.modified));
        }
    }
    Ok(references)
}

/// The check that the database will come back from the base backup that is meant. A listing that fails is an error here, since
/// early releases of the database take it for an empty bucket, and begin anew.
pub(super) async fn check(stage: &mut Stage<'_>) -> Result<String> {
    let checked = look(stage).await;
    if checked.as_ref().is_err_and(|error| error.kind() == ErrorKind::Changed) {
        // The remedy is a restore of it from the beginning.
        stage.record.forget_database().await?;
    }
    checked
}

async fn look(stage: &Stage<'_>) -> Result<String> {
    let meant = meant(stage)?;
    let now = now(stage).await.map_err(|error| {
        const NOT_STARTED: &str = "until it lists its base backups the database is not started, since it might take none and begin anew";
        let advice = error.advice().map_or_else(|| NOT_STARTED.to_owned(), |advice| format!("{advice}; {NOT_STARTED}"));
        error.todo_instead(&advice)
    })?;
    if meant == NOTHING {
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
