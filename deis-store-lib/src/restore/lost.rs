//! What of a part's objects is lost: those that its backup has lost, and files that are not there or have another size.
//! Blocking.

use crate::contents::Needs;
use crate::error::{ErrorKind, Result, disk_error};
use crate::outcome::Outcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::run::Stop;
use crate::snapshot::{ListLine, PartObjects};

/// What of a part's objects is lost.
pub(super) struct Lost {
    /// The references of the part, with what is lost.
    pub(super) needs: Needs,
    /// How many objects the backup could not take.
    pub(super) by_backup: u64,
    /// Each of them by name, and each file that is not what it was.
    pub(super) findings: Findings,
}

/// Finds out what is lost by the lists, and with `files` by a look at each file as well.
pub(super) fn look(objects: &PartObjects, part: &Part, files: bool, stop: &Stop) -> Result<Lost> {
    let needs = Needs::of(part.contents().unwrap_or_default());
    let mut lost = Lost { needs, by_backup: 0, findings: Findings::default() };
    for line in objects.lines()? {
        stop.check()?;
        let line = line?;
        let finding = match &line.outcome {
            Outcome::Refused(why) => {
                Some((FindingKind::Refused, format!("the backup could not take it: {why}")))
            }
            Outcome::Failed(why) => {
                Some((FindingKind::Failed, format!("the backup could not take it: {why}")))
            }
            // It is missed only by what needs it.
            Outcome::Vanished => None,
            _ if files => damage(objects, &line)?,
            _ => continue,
        };
        if line.outcome.is_on_disk() && finding.is_none() {
            continue;
        }
        lost.needs.lose(&line.key);
        lost.by_backup += u64::from(matches!(line.outcome, Outcome::Refused(_) | Outcome::Failed(_)));
        if let Some((kind, what)) = finding {
            lost.findings.push(Finding::new(Some(part), &line.key, kind, what));
        }
    }
    Ok(lost)
}

/// What is wrong with the file of an object, as far as that is seen without reading it.
fn damage(objects: &PartObjects, line: &ListLine) -> Result<Option<(FindingKind, String)>> {
    let file = match objects.open(line) {
        Ok(file) => file,
        Err(error) => {
            return match error.kind() {
                ErrorKind::NotFound => Ok(Some((FindingKind::Missing, error.what()))),
                ErrorKind::Occupied => Ok(Some((FindingKind::NotAFile, error.what()))),
                ErrorKind::Damaged => Ok(Some((FindingKind::Changed, error.what()))),
                _ => Err(error),
            };
        }
    };
    let size_bytes = file.metadata().map_err(|error| disk_error("look at", &line.key, error))?.len();
    let what = || format!("its file has {size_bytes} bytes, and had {}", line.size_bytes);
    Ok((size_bytes != line.size_bytes).then(|| (FindingKind::Changed, what())))
}
