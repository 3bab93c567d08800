//! The base backup that WAL-E will take for `LATEST`, as WAL-E finds it: from a listing of the bucket.

use std::collections::BTreeMap;

use futures_util::{TryStreamExt as _, future};
use jiff::Timestamp;

use super::stage::Stage;
use crate::contents::Contents;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::part::Part;
use crate::restorable::Judge;
use crate::run::Stop;
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, PartObjects};

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

/// The latest base backup that is meant: the one that the restore has left, or where nobody has kept that, the snapshot's latest
/// of those that a restore writes.
pub(super) fn meant(stage: &Stage<'_>) -> Result<String> {
    if let Some(latest) = stage.record.latest() {
        return Ok(latest.to_owned());
    }
    let whole = whole(&stage.snapshot.objects(&Part::db_wal())?, &stage.run.stop)?;
    // Where none is whole, a restore has written all of them despite the damage, or none.
    let written = if whole.is_empty() { references(stage)? } else { whole };
    Ok(named(Contents::WalE.latest(written).values()))
}

/// Whether a restore has left this one despite the damage, for all that is known: it is then the latest of all.
fn may_be_despite_damage(stage: &Stage<'_>, latest: &str) -> Result<bool> {
    let is_known = stage.record.latest().is_some();
    Ok(!is_known && latest == named(Contents::WalE.latest(references(stage)?).values()))
}

/// The sentinels that a restore does not hold back, as far as that is seen without reading all: nothing that they need is lost.
fn whole(objects: &PartObjects, stop: &Stop) -> Result<Vec<(String, Timestamp)>> {
    let mut judge = Judge::of(Contents::WalE);
    let mut sentinels = Vec::new();
    for line in objects.lines()? {
        stop.check()?;
        let line = line?;
        if !is_there(objects, &line)? {
            judge.lose(&line.key);
        } else if Contents::WalE.is_reference(&line.key) {
            sentinels.push((line.key, line.modified));
        }
    }
    let held_back = objects.held_back(judge)?;
    sentinels.retain(|(key, _)| held_back.lost(key).is_none());
    Ok(sentinels)
}

/// Whether an object was taken, and has a file of its size.
fn is_there(objects: &PartObjects, line: &ListLine) -> Result<bool> {
    if !line.outcome.is_on_disk() || line.sha256.is_none() {
        return Ok(false);
    }
    let Err(error) = objects.look_for(line) else { return Ok(true) };
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::Occupied | ErrorKind::Damaged => Ok(false),
        _ => Err(error),
    }
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
    if now == meant || may_be_despite_damage(stage, &now)? {
        return Ok(format!("LATEST is {now}"));
    }
    Err(Error::new(
        ErrorKind::Changed,
        format!("WAL-E would take {now} for LATEST, and the snapshot means {meant}"),
    )
    .todo("find out who writes to the bucket; empty it and restore it again before the database is started"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use super::*;
    use crate::run::Run;
    use crate::snapshot::sample;

    #[test]
    fn a_base_backup_that_a_restore_holds_back_is_not_meant() {
        let base = |segment: &str| format!("basebackups_005/base_00000001000000000000000{segment}_00000040");
        let partition = |segment: &str| format!("{}/tar_partitions/part_00000000.tar.lz4", base(segment));
        let version = |segment: &str| format!("{}/extended_version.txt", base(segment));
        let sentinel = |segment: &str| format!("{}_backup_stop_sentinel.json", base(segment));
        let log = |segment: &str| format!("wal_005/00000001000000000000000{segment}.lz4");
        let mut objects = Vec::new();
        for segment in ["A", "C"] {
            let stop = format!(r#"{{"wal_segment_backup_stop":"00000001000000000000000{segment}"}}"#);
            objects.push((sentinel(segment), stop));
            for key in [partition(segment), version(segment), log(segment)] {
                objects.push((key, "x".to_owned()));
            }
        }
        objects.push((log("B"), "x".to_owned()));
        objects.sort();
        let objects: Vec<(&str, &[u8])> =
            objects.iter().map(|(key, bytes)| (key.as_str(), bytes.as_bytes())).collect();
        let directory = tempfile::tempdir().unwrap();
        let unfinished = sample::begin(directory.path());
        let part = Part::db_wal();
        let parts = BTreeMap::from([(part.clone(), sample::objects(&unfinished, &part, &objects))]);
        let manifest = sample::manifest(&unfinished, parts);
        let snapshot = unfinished.commit(manifest).unwrap();
        let whole = || {
            let whole = whole(&snapshot.objects(&part).unwrap(), &Run::silent().stop).unwrap();
            whole.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(whole(), [sentinel("A"), sentinel("C")]);
        fs::remove_file(snapshot.path().join("db_wal").join(partition("C"))).unwrap();
        assert_eq!(whole(), [sentinel("A")]);
        fs::remove_file(snapshot.path().join("db_wal").join(sentinel("A"))).unwrap();
        assert!(whole().is_empty());
    }
}
