//! The check before the restore of a bucket: what of the snapshot's objects is lost, and the guard that no two histories meet
//! in it.

use super::diff::{Compared, compare};
use super::lost;
use super::planned::PartPlan;
use crate::blocking::blocking;
use crate::cluster::{Cluster, Plan};
use crate::contents::Contents;
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

/// The bucket of the cluster that a part goes to: the one that the platform reads when the configuration is set, if it is. Where
/// that does not set its name, since the snapshot has none or the same, the cluster's own name holds.
pub(super) fn target(cluster: &Cluster, part: &Part, configuration: Option<&Plan>) -> Result<BucketName> {
    let set = configuration.zip(name_key(part)).and_then(|(plan, named)| {
        plan.set.iter().find(|(key, _)| key == named).map(|(_, value)| value.expose())
    });
    match (set, cluster.bucket(part)) {
        // The platform takes an empty name for none.
        (Some(""), _) | (None, None) => BucketName::new(part.name()),
        (Some(name), _) => BucketName::new(name).map_err(|error| {
            Error::new(ErrorKind::Damaged, "the configuration names a bucket that cannot be one")
                .because(error)
        }),
        (None, Some(own)) => Ok(own.clone()),
    }
}

/// The key that names the bucket of a part, if it is one of the platform's own.
fn name_key(part: &Part) -> Option<&'static str> {
    let bucket = part.as_bucket().filter(|bucket| bucket.added().is_none())?;
    Some(match bucket.contents() {
        Contents::WalE => "/deis/database/bucketName",
        Contents::Plain | Contents::Registry => "/deis/registry/bucketName",
    })
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::Arc;

    use super::*;
    use crate::cluster::{Configuration, Discovery, plan_for};
    use crate::etcd::{Etcd, Memory, Node};
    use crate::http::{Timeouts, connect};
    use crate::remote::Local;
    use crate::run::Run;
    use crate::s3::Client;
    use crate::s3::client::ClientOptions;
    use crate::secret::Credentials;

    #[tokio::test]
    async fn a_part_goes_to_the_bucket_that_the_platform_reads_when_the_configuration_is_set() {
        let own = [("/deis/database/bucketName", "own-wal"), ("/deis/registry/bucketName", "own-images")];
        let etcd = Etcd::new(Memory::with(&own));
        let discovery = Discovery::from_tree(&Node::of_keys("/deis", &own));
        let http = connect("http://127.0.0.1:1", Timeouts::default()).unwrap();
        let credentials = Credentials::new("KEY", "secret");
        let client = Client::new(vec![http], credentials, ClientOptions::default(), &Run::silent()).unwrap();
        let cluster =
            Cluster::new(client, Some((etcd.clone(), discovery)), Arc::new(Local::default())).unwrap();
        let json = br#"{"format":1,"keys":{"/deis/database/bucketName":"old-wal"}}"#;
        let configuration = Configuration::parse(json).unwrap();
        let plan = plan_for(&configuration, &etcd, &BTreeSet::new()).await.unwrap();
        let target = |part: Part, plan: Option<&Plan>| target(&cluster, &part, plan).unwrap().to_string();
        assert_eq!(target(Part::db_wal(), Some(&plan)), "old-wal");
        assert_eq!(target(Part::registry(), Some(&plan)), "own-images", "the snapshot does not name it");
        assert_eq!(target(Part::db_wal(), None), "own-wal");
        let added = Part::Bucket("uploads:wal-e".parse().unwrap());
        assert_eq!(target(added, Some(&plan)), "uploads");
    }
}
