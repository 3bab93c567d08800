//! A bucket into a snapshot: in the passes of its contents, so that what refers is copied before what it refers to.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::TryStreamExt as _;

use super::copy::{Arrived, Copying};
use super::known::Known;
use super::lines::{finding_of, line, not_kept};
use super::taken::{Taken, Taking};
use super::wholes::Wholes;
use super::{references, shrunk};
use crate::blocking::blocking;
use crate::contents::{Contents, Pass};
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::{BucketPart, Part};
use crate::report::{Finding, FindingKind, Findings};
use crate::run::{Level, Running};
use crate::s3::{BucketName, Client};
use crate::snapshot::{JournalWriter, ListLine, PartEntry};
use crate::transfer::{Selection, tell_totals};

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
    let previous = taking.previous(part).await?;
    for name in previous.unusable() {
        let text =
            format!("{part}: nothing is shared with {name}, whose object lists are damaged: verify it");
        task.note(Level::Warning, "not-shared", &text);
    }
    if let Some(totals) = taking.totals.get(part) {
        tell_totals(totals, task);
    }
    let entry = PartEntry { bucket: Some(bucket.to_string()), ..PartEntry::new(PartOutcome::Stored) };
    let mut taken = Taken { previous: previous.name().map(str::to_owned), ..entry.into() };
    let goes_on = taking.writer.goes_on();
    let copying = Copying { client, bucket, part, root: &root, goes_on, previous: &previous };
    let contents = bucket_part.contents();
    let passes = contents.passes();
    let mut wholes = Wholes::default();
    for (index, pass) in passes.iter().enumerate() {
        let wanted = wanted(client, bucket, bucket_part, *pass, &mut wholes).await?;
        let number = (index + 1, passes.len());
        let (lines, mut journal) = taking.writer.journal(part, number)?;
        let known = {
            let (root, part, previous) = (root.clone(), part.clone(), Arc::clone(&previous));
            blocking(move || Known::new((&root, &part), goes_on, lines, previous)).await?
        };
        let mut list = taking.writer.list(part, number.0, number.1)?;
        let selection = Selection::new(bucket, "").filter(wanted);
        let mut arrivals = Box::pin(copying.copy(selection, known, task.run().stop.clone()));
        while let Some(arrived) = arrivals.try_next().await? {
            let line = taken.arrived(part, arrived, findings, &mut journal).await?;
            task.advance(1, if line.outcome.is_on_disk() { line.size_bytes } else { 0 });
            list.add(&line)?;
        }
        drop(arrivals);
        journal.finish().await?;
        let sealed = list.finish()?;
        taken.entry.bytes = taken.entry.bytes.saturating_add(sealed.bytes);
        taken.entry.lists.push(sealed.name);
    }
    if let Some(why) = taken.entry.counts.too_many_vanished() {
        findings.push(Finding::new(Some(part), part.name(), FindingKind::Failed, why));
    }
    let settled =
        references::settle(taking, (client, bucket), (part, &wholes), &mut taken.entry, findings).await?;
    taken.incomplete = settled.incomplete;
    taken.damaged |= settled.damaged;
    if contents != Contents::Plain {
        taken.restorability = Some(settled.restorability);
    }
    // What an interrupted run has left of objects that are no longer listed, and what is half of one that failed.
    if goes_on || taken.entry.counts.lost() > 0 {
        taking.writer.sweep(part, &taken.entry.lists).await?;
    }
    taken.entry.shrunk = shrunk::look(
        part,
        (&taken.entry, taken.not_copied_bytes),
        previous.before(),
        taking.max_loss_percent,
        findings,
    );
    Ok(taken)
}

impl Taken {
    /// Counts a listed object, and remembers one that has come.
    async fn arrived(
        &mut self,
        part: &Part,
        arrived: Arrived,
        findings: &mut Findings,
        journal: &mut JournalWriter,
    ) -> Result<ListLine> {
        let (line, damaged, comes) = match arrived {
            Arrived::Kept(line) => (*line, false, false),
            Arrived::Asked(asked) => {
                not_kept(part, &asked.0, Some(&asked.1)).for_each(|finding| findings.push(finding));
                (asked.0, false, false)
            }
            Arrived::Fetched(downloaded) => {
                let info = downloaded.stored.as_ref().map(|stored| stored.info.clone());
                let damaged = downloaded.damaged;
                let line = line(*downloaded)?;
                not_kept(part, &line, info.as_ref()).for_each(|finding| findings.push(finding));
                (line, damaged, true)
            }
        };
        self.entry.counts.add(&line.outcome);
        self.damaged |= damaged;
        self.doubtful |= line.outcome.is_doubtful();
        if matches!(line.outcome, Outcome::Refused(_) | Outcome::Failed(_)) {
            self.not_copied_bytes = self.not_copied_bytes.saturating_add(line.size_bytes);
        }
        if let Some(finding) = finding_of(part, &line, damaged) {
            findings.push(finding);
        }
        if comes && line.outcome.is_on_disk() {
            self.fetched_bytes = self.fetched_bytes.saturating_add(line.size_bytes);
            journal.add(&line).await?;
        }
        Ok(line)
    }
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
