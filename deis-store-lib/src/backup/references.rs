//! References that need what a backup has not copied. One that is gone from its bucket by now is dropped, since WAL-E deletes a
//! base backup with its sentinel at the end; any other one is named, and the snapshot is incomplete.

use std::collections::BTreeSet;
use std::time::Duration;

use super::taken::Taking;
use super::wholes::{self, Copied, Wholes};
use crate::blocking::blocking;
use crate::contents::{HeldBack, Needs};
use crate::error::{Result, Scope};
use crate::outcome::Outcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::s3::{BucketName, Client};
use crate::snapshot::{PartEntry, PartObjects};

/// How often the bucket is asked for a reference. A deletion that is under way has come to it by then.
const ATTEMPTS: u32 = 3;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// Drops or names the references that need what is not in the snapshot. Whether any of them stays.
pub(super) async fn settle(
    taking: &Taking<'_>,
    (client, bucket): (&Client, &BucketName),
    (part, before): (&Part, &Wholes),
    entry: &mut PartEntry,
    findings: &mut Findings,
) -> Result<bool> {
    let objects = taking.writer.part_objects(part, &entry.lists)?;
    let held = held_back((client, bucket), objects, before).await?;
    let there = still_listed(client, bucket, &held).await?;
    for (reference, lost) in held.iter() {
        findings.push(if there.contains(reference) {
            Finding::held_back(part, reference, lost)
        } else {
            let what = format!(
                "it was deleted while it was copied, as was `{lost}`, which it needs: it is left out"
            );
            Finding::new(Some(part), reference, FindingKind::Vanished, what)
        });
    }
    let mut gone = held;
    gone.retain(|reference| !there.contains(reference));
    if !gone.is_empty() {
        leave_out(taking, part, entry, &gone)?;
    }
    Ok(!there.is_empty())
}

/// The references of a part that need what is not in the snapshot, each with the key of that.
async fn held_back(
    (client, bucket): (&Client, &BucketName),
    objects: PartObjects,
    before: &Wholes,
) -> Result<HeldBack> {
    let contents = objects.contents();
    if Needs::of(contents).is_idle() {
        return Ok(HeldBack::default());
    }
    let look = move || {
        let Copied { needs, references, wholes } = Copied::of(&objects)?;
        Ok((objects.held_back(needs)?, references, wholes))
    };
    let (mut held, references, copied) = blocking(look).await?;
    for reference in references {
        let Some(below) = contents.whole_below(&reference).filter(|_| held.lost(&reference).is_none()) else {
            continue;
        };
        let copied = copied.of(&reference);
        if copied != before.of(&reference) || copied != wholes::listed(client, bucket, &below).await? {
            held.add(reference, format!("{below}…"));
        }
    }
    Ok(held)
}

/// Which references are still listed.
async fn still_listed(client: &Client, bucket: &BucketName, held: &HeldBack) -> Result<BTreeSet<String>> {
    let mut there: BTreeSet<String> = held.iter().map(|(reference, _)| reference.to_owned()).collect();
    for attempt in 1..=ATTEMPTS {
        let mut listed = BTreeSet::new();
        for reference in there {
            if is_listed(client, bucket, &reference).await? {
                listed.insert(reference);
            }
        }
        there = listed;
        if there.is_empty() || attempt == ATTEMPTS {
            break;
        }
        client.sleep(BETWEEN_ATTEMPTS).await?;
    }
    Ok(there)
}

/// Whether a reference is listed; for a tag that is a directory, whether anything in it is. What cannot be found out is
/// taken to be there.
async fn is_listed(client: &Client, bucket: &BucketName, reference: &str) -> Result<bool> {
    match client.first(bucket, reference).await {
        Ok(first) => Ok(first.is_some_and(|first| first.key == reference || reference.ends_with('/'))),
        Err(error) if error.scope() == Scope::Run => Err(error),
        Err(_) => Ok(true),
    }
}

/// Takes references out of the snapshot: their lines say that they have vanished, and their files are removed. All references
/// are in the first list.
fn leave_out(taking: &Taking<'_>, part: &Part, entry: &mut PartEntry, gone: &HeldBack) -> Result<()> {
    let mut paths = Vec::new();
    let of = entry.lists.len();
    let (counts, bytes) = (&mut entry.counts, &mut entry.bytes);
    taking.writer.rewrite_list(part, (1, of), |line| {
        if !line.outcome.is_on_disk() || gone.lost(&line.key).is_none() {
            return;
        }
        paths.push(line.path());
        counts.change(&line.outcome, &Outcome::Vanished);
        *bytes = bytes.saturating_sub(line.size_bytes);
        line.left_out();
    })?;
    let root = taking.writer.objects(part)?;
    paths.into_iter().try_for_each(|path| root.remove_at(&path?))
}
