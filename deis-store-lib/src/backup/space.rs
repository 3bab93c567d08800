//! Whether there is room for a snapshot, by what the gateway says is in the buckets: seen before anything is copied.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::options::BackupOptions;
use crate::blocking::blocking;
use crate::cluster::Cluster;
use crate::disk::Room;
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::run::{Level, Running};
use crate::s3::op::BucketTotals;
use crate::snapshot::Repository;
use crate::units::size;

/// The room on the repository's file system, and what is in the buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Space {
    /// Free bytes before the run.
    pub free_bytes: u64,
    /// How many more files there could be, if the file system counts them.
    pub free_files: Option<u64>,
    /// The bytes in the buckets by the gateway's own count, less those that the newest snapshot has; nothing if the gateway
    /// does not say it. The dump and the volume are not counted: nobody knows before how long they are.
    pub needed_bytes: Option<u64>,
    /// The same of the objects.
    pub needed_files: Option<u64>,
}

/// Looks, and refuses the first backup of parts for which there is no room. Of later ones only what is new takes room: too little
/// for that is only told, since the gateway's count lags behind. What it says of each bucket is given, too.
pub(super) async fn look(
    cluster: &Cluster,
    repository: &Repository,
    (parts, options): (&BTreeSet<Part>, &BackupOptions),
    run_file: &Value,
    verb: &Running<'_>,
) -> Result<(Space, BTreeMap<Part, BucketTotals>)> {
    let mut told = BTreeMap::new();
    let (mut needed, mut first, mut is_known) = ((0_u64, 0_u64), (0_u64, 0_u64), true);
    for part in parts.iter().filter(|part| cluster.absent(part).is_none()) {
        let Some(bucket) = cluster.bucket(part) else { continue };
        let totals = cluster.s3()?.bucket_totals(bucket).await.ok();
        told.extend(totals.map(|totals| (part.clone(), totals)));
        let Some((objects, bytes)) = totals.and_then(|totals| totals.objects.zip(totals.bytes)) else {
            is_known = false;
            continue;
        };
        let (of, part) = (repository.clone(), part.clone());
        let newest = blocking(move || of.newest_entry(&part)).await?;
        if newest.is_none() {
            first = (first.0.saturating_add(objects), first.1.saturating_add(bytes));
        }
        let (had_files, had_bytes) = newest.map_or((0, 0), |entry| (entry.counts.listed, entry.bytes));
        needed.0 = needed.0.saturating_add(objects.saturating_sub(had_files));
        needed.1 = needed.1.saturating_add(bytes.saturating_sub(had_bytes));
    }
    let (of, run_file) = (repository.clone(), run_file.clone());
    let (room, goes_on) = blocking(move || Ok((of.room()?, of.left_by_such(&run_file)?.is_some()))).await?;
    let fits = room.has_room_for(needed.0, needed.1);
    let said = said(room, is_known.then_some(needed));
    verb.note(if fits { Level::Info } else { Level::Warning }, "space", &said);
    if !room.has_room_for(first.0, first.1) && !goes_on && !options.is_despite_space() {
        return Err(Error::new(ErrorKind::Guard, said)
            .at(At::Path, repository.path().display())
            .todo("make room, choose another directory, or leave parts out"));
    }
    let space = Space {
        free_bytes: room.bytes,
        free_files: room.files,
        needed_bytes: is_known.then_some(needed.1),
        needed_files: is_known.then_some(needed.0),
    };
    Ok((space, told))
}

fn said(room: Room, needed: Option<(u64, u64)>) -> String {
    let free = format!("there is room for {}", room.said());
    match needed {
        Some((files, bytes)) => {
            format!("{free}; the buckets have {files} objects with {} that are not there yet", size(bytes))
        }
        None => format!("{free}; the gateway does not say how much is in the buckets"),
    }
}
