//! A bucket into a snapshot: in several passes, so that what refers is copied before what it refers to.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::{Taken, finding};
use crate::cluster::Cluster;
use crate::contents::registry::REPOSITORIES;
use crate::contents::wal_e::{BASE_BACKUPS, is_sentinel};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Run, Running};
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, PartEntry, PartOutcome, SnapshotWriter, timestamp};
use crate::transfer::{Pulled, Selection, pull};

/// One listing of a bucket.
struct Pass {
    prefix: &'static str,
    leave_out: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

pub(super) async fn take(
    cluster: &Cluster,
    unfinished: &SnapshotWriter,
    part: Part,
    run: &Run,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<Taken> {
    let bucket =
        cluster.bucket(part).ok_or_else(|| Error::new(ErrorKind::Internal, "the part is no bucket"))?;
    let root = unfinished.objects(part)?;
    let passes = passes(&cluster.s3, bucket, part).await?;
    let mut entry = PartEntry { bucket: Some(bucket.to_string()), ..PartEntry::new(PartOutcome::Stored) };
    let mut damaged = false;
    for (index, pass) in passes.iter().enumerate() {
        let mut list = unfinished.list(part, index + 1, passes.len())?;
        let selection = Selection { bucket, prefix: pass.prefix, leave_out: &*pass.leave_out };
        pull(&cluster.s3, &selection, &root, run, task, |pulled| {
            entry.counts.add(&pulled.outcome);
            damaged |= pulled.damaged;
            if let Some(finding) = finding_of(part, &pulled) {
                findings.push(finding);
            }
            list.add(&line(pulled)?)
        })
        .await?;
        let sealed = list.finish()?;
        entry.bytes += sealed.bytes;
        entry.lists.push(sealed.name);
    }
    Ok(Taken { entry, damaged })
}

/// The passes over a bucket.
///
/// `db_wal`: base backups whose sentinel was there before the first of them is copied, then all else, so that the
/// log reaches at least to the end of each base backup. `registry`: tags, then all else, so that every image that a
/// copied tag names is copied.
async fn passes(client: &Client, bucket: &BucketName, part: Part) -> Result<Vec<Pass>> {
    let first = match part {
        Part::DbWal => {
            let before = sentinels(client, bucket).await?;
            let leave_out = Box::new(move |key: &str| is_sentinel(key) && !before.contains(key));
            Pass { prefix: BASE_BACKUPS, leave_out }
        }
        _ => Pass { prefix: REPOSITORIES, leave_out: Box::new(|_| false) },
    };
    let prefix = first.prefix;
    let rest = Pass { prefix: "", leave_out: Box::new(move |key| key.starts_with(prefix)) };
    Ok(vec![first, rest])
}

async fn sentinels(client: &Client, bucket: &BucketName) -> Result<BTreeSet<String>> {
    client
        .list(bucket, BASE_BACKUPS)
        .map_ok(|object| object.key.into())
        .try_filter(|key: &String| std::future::ready(is_sentinel(key)))
        .boxed()
        .try_collect()
        .await
}

fn finding_of(part: Part, pulled: &Pulled) -> Option<Finding> {
    let kind = match &pulled.outcome {
        Outcome::Stored | Outcome::Unchanged => return None,
        Outcome::Unverifiable(_) => FindingKind::Unverifiable,
        Outcome::Vanished => FindingKind::Vanished,
        Outcome::Refused(_) => FindingKind::Refused,
        Outcome::Failed(_) if pulled.damaged => FindingKind::Changed,
        Outcome::Failed(_) => FindingKind::Failed,
    };
    let what = pulled.outcome.why().unwrap_or("it was gone before it could be copied");
    Some(finding(part, &pulled.listed.key, kind, what))
}

fn line(pulled: Pulled) -> Result<ListLine> {
    let Pulled { listed, outcome, stored, .. } = pulled;
    let modified = listed.modified.time().and_then(timestamp).at(At::Key, &listed.key)?;
    let mut line = ListLine::new(listed.key, listed.size_bytes, listed.etag, modified);
    line.outcome = outcome;
    if let Some(stored) = stored {
        line.size_bytes = stored.size_bytes;
        line.checked = Some(stored.checked);
        line.sha256 = stored.sha256;
        line.content_type = Some(stored.info.content_type);
        line.headers = stored.info.headers;
        line.meta = stored.info.meta;
        line = line.stored_at(&stored.path);
    }
    Ok(line)
}
