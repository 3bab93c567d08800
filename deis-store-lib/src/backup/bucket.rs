//! A bucket into a snapshot: in the passes of its contents, so that what refers is copied before what it refers to.

use std::collections::BTreeSet;
use std::time::SystemTime;

use futures_util::TryStreamExt as _;

use super::references;
use super::taken::{Taken, Taking};
use super::wholes::Wholes;
use crate::contents::Pass;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::{BucketPart, Part};
use crate::report::{Finding, FindingKind, Findings};
use crate::run::Running;
use crate::s3::{BucketName, Client};
use crate::snapshot::{ListLine, PartEntry, timestamp};
use crate::transfer::{Downloaded, Selection, download_all, tell_totals};

pub(super) async fn take(
    taking: &Taking<'_>,
    bucket_part: &BucketPart,
    task: &Running<'_>,
    findings: &mut Findings,
) -> Result<Taken> {
    let (client, part) = (taking.cluster.s3()?, &Part::Bucket(bucket_part.clone()));
    let bucket = taking
        .cluster
        .bucket(part)
        .ok_or_else(|| Error::new(ErrorKind::Internal, "the part is no bucket"))?;
    let root = taking.writer.objects(part)?;
    tell_totals(client, bucket, task).await;
    let mut entry = PartEntry { bucket: Some(bucket.to_string()), ..PartEntry::new(PartOutcome::Stored) };
    let (mut damaged, mut doubtful) = (false, false);
    let passes = bucket_part.contents().passes();
    let mut wholes = Wholes::default();
    for (index, pass) in passes.iter().enumerate() {
        let wanted = wanted(client, bucket, bucket_part, *pass, &mut wholes).await?;
        let mut list = taking.writer.list(part, index + 1, passes.len())?;
        let selection = Selection::new(bucket, "").filter(wanted);
        download_all(client, &selection, &root, task, |downloaded| {
            entry.counts.add(&downloaded.outcome);
            damaged |= downloaded.damaged;
            doubtful |= downloaded.outcome.is_doubtful();
            not_kept(part, &downloaded)
                .chain(finding_of(part, &downloaded))
                .for_each(|finding| findings.push(finding));
            list.add(&line(downloaded)?)
        })
        .await?;
        let sealed = list.finish()?;
        entry.bytes = entry.bytes.saturating_add(sealed.bytes);
        entry.lists.push(sealed.name);
    }
    if let Some(why) = entry.counts.too_many_vanished() {
        findings.push(Finding::new(Some(part), part.name(), FindingKind::Failed, why));
    }
    let incomplete =
        references::settle(taking, (client, bucket), (part, &wholes), &mut entry, findings).await?;
    Ok(Taken { damaged, incomplete, doubtful, ..entry.into() })
}

/// Which keys a pass takes: its own, without references that were not there before it begins. What these say is whole is
/// added to `wholes`.
async fn wanted(
    client: &Client,
    bucket: &BucketName,
    part: &BucketPart,
    pass: Pass,
    wholes: &mut Wholes,
) -> Result<impl Fn(&str) -> bool + Send + Sync + use<>> {
    let contents = part.contents();
    let mut before = BTreeSet::new();
    if pass.settled {
        let mut listing = client.list(bucket, "");
        while let Some(object) = listing.try_next().await? {
            wholes.add(contents, &object.key, object.size_bytes, &object.etag);
            if contents.is_reference(&object.key) {
                before.insert(String::from(object.key));
            }
        }
    }
    Ok(move |key: &str| {
        let came_later = pass.settled && contents.is_reference(key) && !before.contains(key);
        pass.takes(key) && !came_later
    })
}

fn finding_of(part: &Part, downloaded: &Downloaded) -> Option<Finding> {
    let kind = match &downloaded.outcome {
        Outcome::Stored | Outcome::Unchanged => return None,
        Outcome::Unverifiable(_) => FindingKind::Unverifiable,
        Outcome::Vanished => FindingKind::Vanished,
        Outcome::Refused(_) => FindingKind::Refused,
        Outcome::Failed(_) if downloaded.damaged => FindingKind::Changed,
        Outcome::Failed(_) => FindingKind::Failed,
    };
    let what = downloaded.outcome.why().unwrap_or("it was gone before it could be copied");
    Some(Finding::new(Some(part), &downloaded.listed.key, kind, what))
}

/// What of a copied object is not kept as it was.
fn not_kept<'a>(part: &'a Part, downloaded: &'a Downloaded) -> impl Iterator<Item = Finding> + 'a {
    let finding = |what: String| Finding::new(Some(part), &downloaded.listed.key, FindingKind::NotKept, what);
    let recoded = downloaded.stored.iter().flat_map(|stored| &stored.info.recoded).map(move |name| {
        finding(format!("its header {name} is not UTF-8: it is kept as text, as if it were ISO 8859-1"))
    });
    let no_time = time_of(downloaded).is_none().then(|| {
        finding("the gateway gives no readable time of it: it is kept as if it were of 1970".to_owned())
    });
    let renamed = downloaded.stored.iter().flat_map(|stored| stored.info.renamed()).map(move |name| {
        finding(format!(
            "its metadata {name} is kept, and a restore gives it the name {}",
            name.replace('_', "-")
        ))
    });
    recoded.chain(renamed).chain(no_time)
}

/// When an object was written: as it is listed, or else as its own header says.
fn time_of(downloaded: &Downloaded) -> Option<SystemTime> {
    let of_header = || downloaded.stored.as_ref().and_then(|stored| stored.modified);
    downloaded.listed.modified.known().or_else(of_header)
}

fn line(downloaded: Downloaded) -> Result<ListLine> {
    let modified = timestamp(time_of(&downloaded).unwrap_or(SystemTime::UNIX_EPOCH));
    let Downloaded { listed, outcome, stored, .. } = downloaded;
    let modified = modified.at(At::Key, &listed.key)?;
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
