//! A bucket into a snapshot: in the passes of its contents, so that what refers is copied before what it refers to.

use std::collections::BTreeSet;

use futures_util::{StreamExt as _, TryStreamExt as _};

use super::taken::{Taken, Taking};
use crate::contents::Pass;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::{BucketPart, Part};
use crate::report::{Finding, FindingKind, Findings};
use crate::run::Running;
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, PartEntry, timestamp};
use crate::transfer::{Pulled, Selection, pull};

pub(super) async fn take(
    taking: &Taking<'_>,
    bucket_part: &BucketPart,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<Taken> {
    let (client, part) = (&taking.cluster.s3, &Part::Bucket(bucket_part.clone()));
    let bucket = taking
        .cluster
        .bucket(part)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the part is no bucket"))?;
    let root = taking.writer.objects(part)?;
    announce(client, bucket, task).await;
    let mut entry = PartEntry { bucket: Some(bucket.to_string()), ..PartEntry::new(PartOutcome::Stored) };
    let mut damaged = false;
    let passes = bucket_part.contents().passes();
    for (index, pass) in passes.iter().enumerate() {
        let leave_out = left_out(client, bucket, bucket_part, *pass).await?;
        let mut list = taking.writer.list(part, index + 1, passes.len())?;
        let selection = Selection { bucket, prefix: "", leave_out: &leave_out };
        pull(client, &selection, &root, taking.run, task, |pulled| {
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

/// Tells how much there is, by the gateway's own count. It is for people: where there is none, nobody is told.
async fn announce(client: &Client, bucket: &BucketName, task: &Running<'_>) {
    if let Ok(totals) = client.bucket_totals(bucket).await
        && (totals.objects.is_some() || totals.bytes.is_some())
    {
        task.total(totals.objects, totals.bytes);
    }
}

/// Which keys a pass leaves out: what other passes take, and references that were not there before it begins.
async fn left_out(
    client: &Client,
    bucket: &BucketName,
    part: &BucketPart,
    pass: Pass,
) -> Result<impl Fn(&str) -> bool + Send + Sync + use<>> {
    let contents = part.contents();
    let mut before = BTreeSet::new();
    if pass.settled {
        let keys = client.list(bucket, "").map_ok(|object| String::from(object.key));
        let references = keys.try_filter(|key| std::future::ready(contents.is_reference(key)));
        before = references.boxed().try_collect().await?;
    }
    Ok(move |key: &str| {
        let came_later = pass.settled && contents.is_reference(key) && !before.contains(key);
        !pass.takes(key) || came_later
    })
}

fn finding_of(part: &Part, pulled: &Pulled) -> Option<Finding> {
    let kind = match &pulled.outcome {
        Outcome::Stored | Outcome::Unchanged => return None,
        Outcome::Unverifiable(_) => FindingKind::Unverifiable,
        Outcome::Vanished => FindingKind::Vanished,
        Outcome::Refused(_) => FindingKind::Refused,
        Outcome::Failed(_) if pulled.damaged => FindingKind::Changed,
        Outcome::Failed(_) => FindingKind::Failed,
    };
    let what = pulled.outcome.why().unwrap_or("it was gone before it could be copied");
    Some(Finding::new(Some(part), &pulled.listed.key, kind, what))
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
