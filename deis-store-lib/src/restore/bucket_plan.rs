//! The check before the restore of a bucket: what of the snapshot's objects is lost, and the guard that no two histories meet
//! in it.

use super::diff::{Compared, compare};
use super::lost;
use super::planned::PartPlan;
use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::restorable::{Judged, Lack};
use crate::run::Stop;
use crate::s3::BucketName;
use crate::s3::etag::{self, ETag};
use crate::s3::op::ListedObject;
use crate::snapshot::{ListLine, SnapshotReader};
use crate::transfer::has_bytes_of;

/// The bucket of the cluster that a part goes to.
pub(super) fn target(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    part: &Part,
    with_configuration: bool,
) -> Result<BucketName> {
    if let Some(added) = part.as_bucket().and_then(|bucket| bucket.added()) {
        return Ok(added.clone());
    }
    let source = snapshot.manifest().parts.get(part).and_then(|entry| entry.bucket.clone());
    // With the configuration goes the bucket's name; without it the cluster's own name holds.
    let named = |source: String| {
        BucketName::new(source).map_err(|error| {
            Error::new(ErrorKind::Damaged, "the manifest names a bucket that cannot be one").because(error)
        })
    };
    match (source, cluster.bucket(part)) {
        (Some(source), _) if with_configuration => named(source),
        (_, Some(target)) => Ok(target.clone()),
        (Some(source), None) => named(source),
        (None, None) => BucketName::new(part.name()),
    }
}

/// What a restore of a part would not bring back.
pub(super) struct NotBrought {
    /// How many objects the backup could not take.
    pub(super) by_backup: u64,
    /// How many references are held back.
    pub(super) held_back: u64,
    /// Why it would silently give less than there is: one sentence for each reason.
    pub(super) falls_short: Vec<String>,
    /// What is lost and what is held back, each by name.
    pub(super) findings: Findings,
}

/// What is lost of a part, and what of it is held back.
pub(super) async fn lost(
    snapshot: &SnapshotReader,
    part: &Part,
    despite_damage: bool,
    stop: &Stop,
) -> Result<NotBrought> {
    let (objects, part, stop) = (snapshot.objects(part)?, part.clone(), stop.clone());
    let entry = snapshot.entry(&part);
    blocking(move || {
        let mut lost = lost::look(&objects, (&part, &entry), true, &stop)?;
        let Judged { held_back, restorability, harm: _ } = objects.judged(lost.judge)?;
        for (reference, Lack { key: needed, .. }) in held_back.iter() {
            let then = if despite_damage { "written despite the damage" } else { "held back" };
            let what = format!("it needs `{needed}`, which is lost: it is {then}");
            lost.findings.push(Finding::new(Some(&part), reference, FindingKind::HeldBack, what));
        }
        Ok(NotBrought {
            by_backup: lost.by_backup,
            held_back: held_back.count(),
            falls_short: restorability.falls_short,
            findings: lost.findings,
        })
    })
    .await
}

/// The check before: that nothing is in it but what is the snapshot's.
pub(super) async fn look(
    cluster: &Cluster,
    snapshot: &SnapshotReader,
    part: &Part,
    bucket: BucketName,
    held_back: u64,
) -> Result<PartPlan> {
    let client = cluster.s3()?;
    // The bucket itself is asked: the list of buckets may lag behind, or be of another user.
    let exists = match client.is_empty(&bucket).await {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(error),
    };
    let (mut objects, mut bytes, mut already) = (0, 0_u64, 0);
    let mut foreign: Option<String> = None;
    let mut unsure = Vec::new();
    compare(client, exists.then_some(&bucket), snapshot, part, |compared| {
        match compared {
            Compared::Left(line) => {
                objects += 1;
                bytes = bytes.saturating_add(line.size_bytes);
            }
            Compared::Both(line, there) => {
                objects += 1;
                bytes = bytes.saturating_add(line.size_bytes);
                already += 1;
                match likeness(&line, &there) {
                    Likeness::Same => {}
                    Likeness::Other => drop(foreign.get_or_insert(there.key.into())),
                    Likeness::Unknown => unsure.push((line, there)),
                }
            }
            Compared::Right(there) => drop(foreign.get_or_insert(there.key.into())),
        }
        Ok(())
    })
    .await?;
    for (line, there) in unsure {
        if foreign.is_some() {
            break;
        }
        // One that is not there was found already.
        let Ok(mut file) = snapshot.open_object(part, &line) else { continue };
        let failed =
            |error: std::io::Error| Error::new(ErrorKind::Disk, "cannot read the file").because(error);
        if !blocking(move || has_bytes_of(&mut file, &there).map_err(failed)).await? {
            foreign = Some(line.key);
            break;
        }
    }
    match foreign {
        None => Ok(PartPlan::Bucket { bucket, objects, bytes, already, held_back }),
        Some(key) => Err(Error::new(
            ErrorKind::Occupied,
            format!("the bucket holds objects that are not the snapshot's, such as `{}`", printable(&key)),
        )
        .at(At::Bucket, &bucket)
        .todo("restore onto a new cluster; two histories in one bucket would ruin both")),
    }
}

/// Whether an object of the bucket is the snapshot's.
enum Likeness {
    Same,
    Other,
    /// It is if the file has its `ETag`: an object of parts of unknown size comes back with another one.
    Unknown,
}

fn likeness(line: &ListLine, there: &ListedObject) -> Likeness {
    if line.size_bytes != there.size_bytes {
        return Likeness::Other;
    }
    match ETag::parse(&line.etag) {
        _ if etag::is_same(&line.etag, &there.etag) => Likeness::Same,
        ETag::Md5(_) => Likeness::Other,
        ETag::Parts { .. } | ETag::Opaque => Likeness::Unknown,
    }
}
