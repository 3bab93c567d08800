//! What a restore would do, found out without changing anything; and the guards.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;

use serde::{Serialize, Serializer};

use super::diff::{Compared, compare};
use super::{ORDER, checked_file};
use crate::blocking::blocking;
use crate::cluster::{self, Cluster, Configuration, volume};
use crate::disk::read_chunks;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::part::Part;
use crate::run::{Run, TaskKind, TaskResult};
use crate::s3::etag::ETag;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Check};
use crate::snapshot::{ListLine, PartEntry, PartOutcome, Snapshot};

/// A configuration is small; anything longer is not one.
const MOST_CONFIGURATION_BYTES: u64 = 64 << 20;

/// What to restore.
#[derive(Clone, Debug)]
pub struct RestoreOptions {
    /// The parts.
    pub parts: BTreeSet<Part>,
    /// Whether they were named one by one: an incomplete part is restored only so.
    pub named: bool,
    /// Whether to write sentinels and tags also where objects they stand for are lost.
    pub despite_damage: bool,
}

impl Default for RestoreOptions {
    fn default() -> Self {
        Self { parts: Part::ALL.into(), named: false, despite_damage: false }
    }
}

/// What a restore would do.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RestorePlan {
    /// What would be done for each part.
    pub parts: BTreeMap<Part, PartPlan>,
    /// The parts that would not be restored, and why.
    pub left_out: BTreeMap<Part, String>,
    /// Whether sentinels and tags would be written also where objects they stand for are lost.
    pub despite_damage: bool,
}

/// What would be done for a part.
#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum PartPlan {
    /// Upload objects.
    Bucket {
        /// The bucket; it is created if it is not there.
        #[serde(serialize_with = "as_text")]
        bucket: BucketName,
        /// How many objects.
        objects: u64,
        /// Their bytes.
        bytes: u64,
        /// How many keys are there already, of the same size.
        already: u64,
    },
    /// Unpack the archive.
    Volume {
        /// The host.
        host: String,
        /// The directory.
        directory: String,
        /// The size of the archive, compressed.
        bytes: u64,
    },
    /// Set keys in etcd.
    Config {
        /// The keys that are set.
        set: Vec<String>,
        /// How many have their value already.
        unchanged: usize,
        /// The keys whose value on the new cluster stays as it is.
        kept: Vec<String>,
        /// The keys with their values.
        #[serde(skip)]
        plan: cluster::Plan,
    },
}

/// Finds out what a restore would do. It is an [`ErrorKind::Occupied`] error if it would touch what is not the
/// snapshot's.
pub async fn plan(
    cluster: &Cluster,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    run: &Run,
) -> Result<RestorePlan> {
    run.stop.cancels(find_out(cluster, snapshot, options, run)).await
}

async fn find_out(
    cluster: &Cluster,
    snapshot: &Snapshot,
    options: &RestoreOptions,
    run: &Run,
) -> Result<RestorePlan> {
    let task = run.begin(None, TaskKind::Check, "plan");
    let mut plan = RestorePlan {
        parts: BTreeMap::new(),
        left_out: BTreeMap::new(),
        despite_damage: options.despite_damage,
    };
    if options.named || options.parts.contains(&Part::Sql) {
        let why = "a dump is loaded by hand, with psql into an empty database; db_wal holds the same data";
        plan.left_out.insert(Part::Sql, why.to_owned());
    }
    for part in ORDER.into_iter().filter(|part| options.parts.contains(part)) {
        let entry = snapshot.manifest().parts.get(&part);
        if let Some(why) = not_restorable(part, entry, options)? {
            plan.left_out.insert(part, why);
        } else if let Some((_, why)) = cluster.absent(part) {
            if options.named {
                return Err(Error::new(ErrorKind::Usage, why).at(At::Part, part));
            }
            plan.left_out.insert(part, why);
        } else {
            let planned = plan_part(cluster, snapshot, part, &plan).await?;
            plan.parts.insert(part, planned);
        }
    }
    if plan.parts.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "there is nothing to restore").todo("name other parts"));
    }
    task.done(TaskResult::Good);
    Ok(plan)
}

/// Why a part of the snapshot is left out; an error if it was asked for and cannot be, or only by name.
fn not_restorable(part: Part, entry: Option<&PartEntry>, options: &RestoreOptions) -> Result<Option<String>> {
    let outcome = entry.map_or(PartOutcome::Skipped, |entry| entry.outcome);
    let lost = entry.map_or(0, |entry| entry.counts.failed + entry.counts.refused);
    match outcome {
        PartOutcome::Stored if lost == 0 || options.named => Ok(None),
        PartOutcome::Stored => Err(Error::new(
            ErrorKind::Guard,
            format!("{lost} objects of this part could not be backed up, so it is incomplete"),
        )
        .at(At::Part, part)
        .todo("use another snapshot, or name the parts to restore what there is")),
        _ if options.named => Err(Error::new(ErrorKind::NotFound, "the snapshot does not hold this part")
            .at(At::Part, part)
            .todo("use another snapshot")),
        PartOutcome::Failed => Err(Error::new(ErrorKind::Guard, "this part could not be backed up")
            .at(At::Part, part)
            .todo("use another snapshot, or leave the part out")),
        PartOutcome::Skipped | PartOutcome::Absent => Ok(Some("the snapshot does not hold it".to_owned())),
    }
}

async fn plan_part(
    cluster: &Cluster,
    snapshot: &Snapshot,
    part: Part,
    plan: &RestorePlan,
) -> Result<PartPlan> {
    match part {
        Part::Config => plan_configuration(cluster, snapshot).await,
        Part::Volume => plan_volume(cluster, snapshot).await,
        _ => {
            let source = snapshot.manifest().parts.get(&part).and_then(|entry| entry.bucket.clone());
            // With the configuration goes the bucket's name; without it the cluster's own name holds.
            let bucket = match (source, cluster.bucket(part)) {
                (Some(source), _) if plan.parts.contains_key(&Part::Config) => BucketName::new(source)?,
                (_, Some(target)) => target.clone(),
                (Some(source), None) => BucketName::new(source)?,
                (None, None) => BucketName::new(part.name())?,
            };
            plan_bucket(cluster, snapshot, part, bucket).await
        }
    }
}

async fn plan_bucket(
    cluster: &Cluster,
    snapshot: &Snapshot,
    part: Part,
    bucket: BucketName,
) -> Result<PartPlan> {
    let exists = cluster.s3.buckets().await?.iter().any(|known| known.name == bucket.as_str());
    let (mut objects, mut bytes, mut already) = (0, 0, 0);
    let mut foreign: Option<String> = None;
    let mut unsure = Vec::new();
    compare(&cluster.s3, exists.then_some(&bucket), snapshot, part, |compared| {
        match compared {
            Compared::Left(line) => {
                objects += 1;
                bytes += line.size_bytes;
            }
            Compared::Both(line, there) => {
                objects += 1;
                bytes += line.size_bytes;
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
        let file = snapshot.open_object(part, &line)?;
        if !blocking(move || has_etag(file, &there)).await? {
            foreign = Some(line.key);
            break;
        }
    }
    match foreign {
        None => Ok(PartPlan::Bucket { bucket, objects, bytes, already }),
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
        _ if line.etag == there.etag => Likeness::Same,
        ETag::Md5(_) => Likeness::Other,
        ETag::Parts { .. } | ETag::Opaque => Likeness::Unknown,
    }
}

/// Whether a file has the bytes of an object that is listed.
fn has_etag(mut file: File, there: &ListedObject) -> Result<bool> {
    let failed = |error: std::io::Error| Error::new(ErrorKind::Disk, "cannot read the file").because(error);
    let mut check = Check::listed(there);
    read_chunks(&mut file, |piece| check.update(piece)).map_err(failed)?;
    Ok(check.agrees())
}

async fn plan_volume(cluster: &Cluster, snapshot: &Snapshot) -> Result<PartPlan> {
    let directory = cluster.volume.clone();
    if !volume::is_empty(&*cluster.host, &directory).await? {
        return Err(Error::new(ErrorKind::Occupied, "the volume is not empty")
            .at(At::Path, &directory)
            .at(At::Host, cluster.host.host())
            .todo("restore before deis-logger starts, into an empty volume; or leave the volume out"));
    }
    let bytes = snapshot.manifest().file(super::volume_file()).map_or(0, |file| file.size_bytes);
    Ok(PartPlan::Volume { host: cluster.host.host().to_owned(), directory, bytes })
}

async fn plan_configuration(cluster: &Cluster, snapshot: &Snapshot) -> Result<PartPlan> {
    let file = checked_file(snapshot, Part::Config.file_name().unwrap_or_default()).await?;
    let mut json = Vec::new();
    file.take(MOST_CONFIGURATION_BYTES)
        .read_to_end(&mut json)
        .map_err(|error| Error::new(ErrorKind::Disk, "cannot read config.json").because(error))?;
    let plan = cluster::plan_for(&Configuration::parse(&json)?, cluster.etcd()?).await?;
    let set = plan.set.iter().map(|(key, _)| key.clone()).collect();
    Ok(PartPlan::Config { set, unchanged: plan.unchanged.len(), kept: plan.kept.clone(), plan })
}

fn as_text<S: Serializer>(bucket: &BucketName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(bucket)
}
