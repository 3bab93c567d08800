//! What the lists of a part add up to, against what the manifest says of it. Pure.

use super::list_line::ListLine;
use super::part_entry::PartEntry;
use crate::outcome::{Counts, Outcome};
use crate::part::Part;
use crate::report::{Finding, FindingKind};

/// So many of the keys that have vanished are named, if they are too many.
const MOST_NAMED: usize = 1000;

/// The sum of the lines of a part.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    counts: Counts,
    bytes: u64,
    vanished: Vec<String>,
}

impl Listed {
    /// Adds a line.
    pub(crate) fn add(&mut self, line: &ListLine) {
        self.counts.add(&line.outcome);
        if line.outcome.is_on_disk() {
            self.bytes = self.bytes.saturating_add(line.size_bytes);
        } else if line.outcome == Outcome::Vanished && self.vanished.len() < MOST_NAMED {
            self.vanished.push(line.key.clone());
        }
    }

    /// Whether so many keys have vanished that it was a fault.
    pub(crate) fn too_many_vanished(&self) -> bool {
        self.counts.too_many_vanished().is_some()
    }

    /// What contradicts the manifest, and the keys that have vanished, if they are too many.
    pub(crate) fn findings<'a>(
        &'a self,
        part: &'a Part,
        entry: &PartEntry,
    ) -> impl Iterator<Item = Finding> + use<'a> {
        let contradiction = ((self.counts, self.bytes) != (entry.counts, entry.bytes)).then(|| {
            let what = format!(
                "the lists have {}, and the manifest says {}",
                said(&self.counts, self.bytes),
                said(&entry.counts, entry.bytes)
            );
            Finding::new(Some(part), part.name(), FindingKind::Contradiction, what)
        });
        let why = self.counts.too_many_vanished();
        let names: &[String] = if why.is_some() { &self.vanished } else { &[] };
        let vanished = |key: &'a String| {
            let what = "it was gone before the backup could copy it";
            Finding::new(Some(part), key, FindingKind::Vanished, what)
        };
        let why = why.map(|why| Finding::new(Some(part), part.name(), FindingKind::Failed, why));
        contradiction.into_iter().chain(why).chain(names.iter().map(vanished))
    }
}

fn said(counts: &Counts, bytes: u64) -> String {
    let lost = counts.lost();
    format!("{} keys, {lost} of them not copied, with {bytes} bytes in all", counts.listed)
}
