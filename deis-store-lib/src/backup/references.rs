//! To which point a copied bucket can be brought back, and the references that need what is not in the copy. A reference that is
//! gone from its bucket by now is dropped, since WAL-E deletes a base backup with its sentinel at the end; any other one is named:
//! the snapshot is incomplete if the backup has lost what it needs, and the bucket is damaged if that is not in it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::TryStreamExt as _;

use super::taken::Taking;
use super::wholes::{self, Copied, Wholes};
use crate::blocking::blocking;
use crate::contents::Contents;
use crate::error::{Result, Scope};
use crate::outcome::Outcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::restorable::{Harm, HeldBack, Judge, Judged, Restorability};
use crate::s3::{BucketName, Client};
use crate::snapshot::{PartEntry, PartObjects};

/// How often the bucket is looked at while nothing moves, and at most.
const ATTEMPTS: u32 = 3;
const MOST_LOOKS: u32 = 120;

/// So many holes of a log are looked at once more.
const MOST_HOLES: usize = 20;
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// The end of a backup of a bucket: what its names and small objects say.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// Whether the snapshot lacks what a reference needs, or what came while it was made.
    pub(super) incomplete: bool,
    /// Whether the bucket itself is damaged.
    pub(super) damaged: bool,
    /// To which point it can be brought back.
    pub(super) restorability: Restorability,
}

/// Drops or names the references that need what is not in the snapshot, and names what else is wrong.
pub(super) async fn settle(
    taking: &Taking<'_>,
    (client, bucket): (&Client, &BucketName),
    (part, before): (&Part, &Wholes),
    entry: &mut PartEntry,
    findings: &mut Findings,
) -> Result<Settled> {
    let mut judged =
        judged((client, bucket), taking.writer.part_objects(part, &entry.lists)?, before).await?;
    let there = still_listed(client, bucket, part.contents().unwrap_or_default(), &judged.held_back).await?;
    let gone = {
        let mut gone = judged.held_back.clone();
        gone.retain(|reference| !there.contains(reference));
        gone
    };
    for (reference, lack) in gone.iter() {
        let lost = &lack.key;
        let what =
            format!("it was deleted while it was copied, as was `{lost}`, which it needs: it is left out");
        findings.push(Finding::new(Some(part), reference, FindingKind::Vanished, what));
    }
    if !gone.is_empty() {
        leave_out(taking, part, entry, &gone)?;
        judged =
            self::judged((client, bucket), taking.writer.part_objects(part, &entry.lists)?, before).await?;
    }
    let mut settled = Settled { restorability: judged.restorability, ..Settled::default() };
    for (reference, lack) in judged.held_back.iter() {
        findings.push(lack.finding(part, reference));
        settled.damaged |= lack.in_source;
        settled.incomplete |= !lack.in_source;
    }
    let uploaded = uploaded_meanwhile(client, bucket, &judged.harm).await?;
    for harm in judged.harm {
        if uploaded.contains(&harm.name) {
            settled.incomplete = true;
            let what = "it came while the log was listed: it is not in the snapshot, whose log ends before it. Back up once more";
            findings.push(Finding::new(Some(part), harm.name, FindingKind::Failed, what));
            continue;
        }
        let finding = harm.finding(part);
        settled.damaged |= finding.kind.verdict() == Verdict::Damaged;
        findings.push(finding);
    }
    Ok(settled)
}

/// The holes of the log that are filled by now: several segments may be uploaded at once, and a later one be there first.
async fn uploaded_meanwhile(client: &Client, bucket: &BucketName, harm: &[Harm]) -> Result<BTreeSet<String>> {
    let holes = harm.iter().filter(|harm| harm.kind == FindingKind::Gap).take(MOST_HOLES);
    let mut open: Vec<&str> = holes.map(|harm| harm.name.as_str()).collect();
    let mut filled = BTreeSet::new();
    for attempt in 1..=ATTEMPTS {
        for hole in std::mem::take(&mut open) {
            match is_filled(client, bucket, hole).await {
                Ok(true) => drop(filled.insert(hole.to_owned())),
                Ok(false) => open.push(hole),
                Err(error) if error.scope() == Scope::Run => return Err(error),
                // It stays a hole as long as it is not seen to be filled.
                Err(_) => {}
            }
        }
        if open.is_empty() || attempt == ATTEMPTS {
            break;
        }
        client.sleep(BETWEEN_ATTEMPTS).await?;
    }
    Ok(filled)
}

/// Whether a segment or history of this name is listed. A label of a base backup begins with the name of a segment, and is none.
async fn is_filled(client: &Client, bucket: &BucketName, hole: &str) -> Result<bool> {
    let mut listing = client.list(bucket, hole);
    while let Some(object) = listing.try_next().await? {
        if object.key == hole || Contents::WalE.segment(&object.key).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The verdict on what was copied of a part. A base backup that has changed while it was copied is not whole.
async fn judged(
    (client, bucket): (&Client, &BucketName),
    objects: PartObjects,
    before: &Wholes,
) -> Result<Judged> {
    let contents = objects.contents();
    if Judge::of(contents).is_idle() {
        return Ok(Judged::default());
    }
    let look = move || {
        let Copied { judge, references, wholes } = Copied::of(&objects)?;
        Ok((objects.judged(judge)?, references, wholes))
    };
    let (mut judged, references, copied) = blocking(look).await?;
    let held = &mut judged.held_back;
    for reference in references {
        let Some(below) = contents.whole_below(&reference).filter(|_| held.lost(&reference).is_none()) else {
            continue;
        };
        let copied = copied.of(&reference);
        if copied != before.of(&reference) || copied != wholes::listed(client, bucket, &below).await? {
            held.add(reference, format!("{below}…"));
        }
    }
    Ok(judged)
}

/// Which references are still listed. A deletion comes to a base backup's sentinel at the end: as long as the objects of one become
/// fewer, it is under way.
async fn still_listed(
    client: &Client,
    bucket: &BucketName,
    contents: Contents,
    held: &HeldBack,
) -> Result<BTreeSet<String>> {
    let mut there: BTreeSet<String> = held.iter().map(|(reference, _)| reference.to_owned()).collect();
    let (mut wholes, mut still) = (BTreeMap::new(), 0);
    for look in 1..=MOST_LOOKS {
        let (mut listed, mut now) = (BTreeSet::new(), BTreeMap::new());
        for reference in there {
            if !is_listed(client, bucket, &reference).await? {
                continue;
            }
            if let Some(below) = contents.whole_below(&reference) {
                now.insert(reference.clone(), wholes::listed(client, bucket, &below).await?);
            }
            listed.insert(reference);
        }
        let moves = now.iter().any(|(reference, objects)| wholes.get(reference) != Some(objects));
        still = if moves { 1 } else { still + 1 };
        (there, wholes) = (listed, now);
        if there.is_empty() || still >= ATTEMPTS || look == MOST_LOOKS {
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
