//! The databases of a snapshot in a rehearsal: each is brought back below its prefix, and compared with the snapshot's dump.

use std::collections::BTreeMap;

use futures_util::TryStreamExt as _;

use super::database::{self, NotProved, Tools};
use super::pieces::each_piece;
use super::place::Source;
use super::rehearsal::Rehearsal;
use super::site::Site;
use super::tables::{Tables, TablesCompared};
use crate::archive::gzip;
use crate::contents::{Contents, wal_e};
use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, in_one_line};
use crate::s3::{BucketName, Client, ObjectKey};

/// A sentinel is small; anything longer is none.
const MOST_SENTINEL_BYTES: u64 = 1 << 20;

/// Brings back the database below each prefix that has a base backup.
pub(super) async fn databases(
    rehearsal: &mut Rehearsal<'_>,
    part: &Part,
    new: &Site,
    bucket: &BucketName,
) -> Result<()> {
    let (mut sentinels, mut last) = (Vec::new(), BTreeMap::<String, u64>::new());
    let mut listing = Box::pin(new.client.list(bucket, ""));
    while let Some(object) = listing.try_next().await? {
        if Contents::WalE.is_reference(&object.key) {
            sentinels.push((object.key.to_string(), object.modified));
        } else if let Some((prefix, segment)) = Contents::WalE.segment(&object.key) {
            let last = last.entry(prefix.to_owned()).or_default();
            *last = segment.number.max(*last);
        }
    }
    let latest = Contents::WalE.latest(sentinels);
    if latest.is_empty() {
        rehearsal.report.not_given(format!("database of {}", part.name()), "there is no base backup");
    }
    for (prefix, sentinel) in latest {
        let last = last.get(&prefix).copied().unwrap_or_default();
        Box::pin(database(rehearsal, (part, prefix, &sentinel), (new, bucket), last)).await?;
    }
    Ok(())
}

/// Brings back one, which is to replay the log up to the segment of this number.
async fn database(
    rehearsal: &mut Rehearsal<'_>,
    (part, prefix, sentinel): (&Part, String, &str),
    (new, bucket): (&Site, &BucketName),
    last: u64,
) -> Result<()> {
    let what = format!("database of {}", [part.name(), prefix.trim_end_matches('/')].join(" ").trim_end());
    if has_tablespaces(&new.client, bucket, sentinel).await? {
        let why = "it has tablespaces, which WAL-E would put where they were, on this machine";
        rehearsal.report.not_given(what, why);
        return Ok(());
    }
    let source = Source {
        gateway: new.gateway.address().to_string(),
        credentials: &new.credentials,
        bucket: bucket.to_string(),
        prefix,
        base_backup: wal_e::name_of_base_backup(sentinel).unwrap_or_default().to_owned(),
    };
    let options = rehearsal.options;
    let tools = Tools {
        postgres: options.postgres.as_deref(),
        wal_e: options.wal_e.as_deref(),
        scratch: &options.scratch,
    };
    let (mut proof, brought_back) = Box::pin(database::prove(&source, &tools, rehearsal.run)).await;
    rehearsal.step("database", 0, 0);
    rehearsal.report.restore_milliseconds += proof.milliseconds;
    let (tables, why, damage) = match brought_back {
        Ok(tables) => {
            // A server takes what it cannot fetch for the end of the log.
            let reached = proof.replayed_to.as_deref().and_then(last_segment);
            let ends_early = reached.is_none_or(|reached| reached < last);
            let why = ends_early.then(|| {
                let end = proof.replayed_to.as_deref().unwrap_or("nowhere");
                format!("the replay ended at {end}, and there is more of the log in the bucket")
            });
            (Some(tables), why.clone(), why)
        }
        Err(NotProved::Lacks(why)) => (None, Some(why), None),
        Err(NotProved::Failed(error)) if is_no_verdict(&error) => return Err(error),
        Err(NotProved::Failed(error)) => {
            let why = in_one_line(&error);
            let damage = format!("the database does not come back: {why}");
            (None, Some(why), Some(damage))
        }
    };
    if let Some(damage) = damage {
        rehearsal.report.findings.push(Finding::new(Some(part), sentinel, FindingKind::Failed, damage));
    }
    match &why {
        None => rehearsal.report.given(what),
        Some(why) => rehearsal.report.not_given(what, why),
    }
    if let Some(tables) = tables {
        proof.tables = compare_tables(rehearsal, part, &tables).await?;
    }
    proof.given = why.is_none();
    proof.why = why;
    rehearsal.report.databases.push(proof);
    Ok(())
}

/// Whether an error says nothing of the database: the run was stopped, what was given to bring it back is not there or has no room, or
/// it took too long.
fn is_no_verdict(error: &Error) -> bool {
    use ErrorKind::{Disk, Interrupted, NotFound, Timeout, Usage};
    matches!(error.kind(), Disk | Interrupted | NotFound | Timeout | Usage)
}

/// A base backup that says nothing of them has none.
async fn has_tablespaces(client: &Client, bucket: &BucketName, sentinel: &str) -> Result<bool> {
    let key = ObjectKey::new(sentinel)?;
    let read = client.get_bytes(bucket, &key).at_most(MOST_SENTINEL_BYTES).await;
    let (bytes, _) = read.map_err(|error| match error.kind() {
        ErrorKind::Usage => Error::new(ErrorKind::Damaged, "it is no sentinel").at(At::Key, sentinel),
        _ => error,
    })?;
    let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
    Ok(json["spec"]["tablespaces"].as_array().is_some_and(|names| !names.is_empty()))
}

/// Compares the tables of Deis' database with those of the dump.
async fn compare_tables(
    rehearsal: &mut Rehearsal<'_>,
    part: &Part,
    tables: &Tables,
) -> Result<Option<TablesCompared>> {
    let (name, report) = (Part::Sql.file_name().unwrap_or_default(), &mut rehearsal.report);
    if !Part::of_deis().contains(part) || rehearsal.snapshot.manifest().file(name).is_none() {
        report.not_given("tables", "the snapshot has no dump of this database to compare it with");
        return Ok(None);
    }
    let file = tokio::fs::File::from_std(rehearsal.snapshot.open_file(name)?);
    let (mut dump, mut of_dump) = (Box::pin(gzip::decompress(file)), Tables::default());
    let read = each_piece(&mut dump, |piece| {
        of_dump.push(piece);
        Ok(())
    });
    read.await.map_err(|error| {
        Error::new(ErrorKind::Damaged, "the dump cannot be read").at(At::File, name).because(error)
    })?;
    let compared = of_dump.compared_with(tables);
    for table in compared.named.iter().filter(|table| table.rows_in_database.is_none()) {
        let what = "the database that came back has not this table, which the dump has";
        report.findings.push(Finding::new(Some(part), &table.table, FindingKind::Missing, what));
    }
    match compared.differ + compared.missing {
        0 if compared.equal == 0 => report.not_given("tables", "no rows of a table are in the dump"),
        0 => report.given("tables"),
        count => report.not_given(
            "tables",
            format!("{count} tables are not as in the dump: it and the log are of different moments, or rows are lost"),
        ),
    }
    Ok(Some(compared))
}

/// The number, as in names, of the segment that holds the last byte before a place in the log such as `0/7000000`. Segments have
/// 16 MiB: Deis has no others.
fn last_segment(location: &str) -> Option<u64> {
    let (high, low) = location.split_once('/')?;
    let (high, low) = (u64::from_str_radix(high, 16).ok()?, u64::from_str_radix(low, 16).ok()?);
    let last = (high.checked_mul(1 << 32)? | low).checked_sub(1)?;
    Some(last >> 32 << 32 | (last & 0xffff_ffff) >> 24)
}

#[cfg(test)]
mod tests {
    use super::last_segment;

    #[test]
    fn a_place_at_the_begin_of_a_segment_is_the_end_of_the_one_before() {
        assert_eq!(last_segment("0/7000000"), Some(6));
        assert_eq!(last_segment("0/7000028"), Some(7));
        assert_eq!(last_segment("2/0"), Some(0x1_0000_00FF));
        assert_eq!(last_segment("2/1000060"), Some(0x2_0000_0001));
        assert_eq!([last_segment("0/0"), last_segment(""), last_segment("x/1")], [None; 3]);
    }
}
