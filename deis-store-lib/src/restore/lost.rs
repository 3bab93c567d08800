//! What of a part's objects is lost: those that its backup has lost, and files that are not there or have another size. And
//! what else the lists say that a restore must not pass over. Blocking.

use crate::error::{At, Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::restorable::Judge;
use crate::run::Stop;
use crate::snapshot::{ListLine, Listed, MergedListReader, PartEntry, PartObjects};

/// What of a part's objects is lost.
pub(super) struct Lost {
    /// The references of the part, with what is lost.
    pub(super) judge: Judge,
    /// How many objects the backup could not take.
    pub(super) by_backup: u64,
    /// Each of them by name, and each file that is not what it was.
    pub(super) findings: Findings,
}

/// Finds out what is lost by the lists, and with `files` by a look at each file as well. `entry` is the manifest's of the part.
pub(super) fn look(
    objects: &PartObjects,
    (part, entry): (&Part, &PartEntry),
    files: bool,
    stop: &Stop,
) -> Result<Lost> {
    let judge = Judge::of(part.contents().unwrap_or_default());
    let mut lost = Lost { judge, by_backup: 0, findings: Findings::default() };
    let mut listed = Listed::default();
    for line in lines(objects)? {
        stop.check()?;
        let line = line?;
        listed.add(&line);
        let finding = match &line.outcome {
            outcome if !outcome.is_on_disk() => {
                let not_taken = Finding::not_taken(part, &line.key, outcome);
                lost.by_backup += u64::from(not_taken.is_some());
                not_taken
            }
            _ if line.sha256.is_none() => {
                let what = "the object list has no digest of it";
                Some(Finding::new(Some(part), &line.key, FindingKind::Contradiction, what))
            }
            outcome => {
                if outcome.is_doubtful() {
                    lost.findings.push(Finding::doubtful(part, &line.key, outcome));
                }
                let damage = if files { damage(objects, &line)? } else { None };
                damage.map(|(kind, what)| Finding::new(Some(part), &line.key, kind, what))
            }
        };
        if line.outcome.is_on_disk() && finding.is_none() {
            continue;
        }
        lost.judge.lose(&line.key);
        if let Some(finding) = finding {
            lost.findings.push(finding);
        }
    }
    if listed.too_many_vanished() {
        lost.by_backup = lost.by_backup.saturating_add(entry.counts.vanished);
    }
    listed.findings(part, entry).for_each(|finding| lost.findings.push(finding));
    Ok(lost)
}

/// The lines of a part. Lists that are not there are damage.
fn lines(objects: &PartObjects) -> Result<MergedListReader> {
    objects.lines().map_err(|error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::Occupied => {
            let list = error.place().get(At::List).unwrap_or_default().to_owned();
            let damaged = Error::new(ErrorKind::Damaged, "an object list of the snapshot is not there");
            damaged.at(At::List, list).because(error).todo("use another snapshot, or leave this part out")
        }
        _ => error,
    })
}

/// What is wrong with the file of an object, as far as that is seen without reading it.
fn damage(objects: &PartObjects, line: &ListLine) -> Result<Option<(FindingKind, String)>> {
    let Err(error) = objects.look_for(line) else { return Ok(None) };
    match error.kind() {
        ErrorKind::NotFound => Ok(Some((FindingKind::Missing, error.what()))),
        ErrorKind::Occupied => Ok(Some((FindingKind::NotAFile, error.what()))),
        ErrorKind::Damaged => Ok(Some((FindingKind::Changed, error.what()))),
        _ => Err(error),
    }
}
