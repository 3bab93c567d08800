//! The objects of a bucket in two snapshots: their lists side by side, of which neither is held.

use std::pin::pin;

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use super::change::{Change, KeyDiff, change};
use super::report::{ObjectsDiff, PartDiff, PartSide};
use super::side::Side;
use super::wal::Reach;
use crate::error::Result;
use crate::outcome::Each;
use crate::report::FindingKind;
use crate::run::Running;
use crate::snapshot::{ListLine, Listed};
use crate::tree::{Pair, merge};

/// How many keys pass between two looks at whether to stop.
const BETWEEN_LOOKS: u64 = 1024;

pub(super) async fn compare(
    (before, after): (&Side, &Side),
    each: &Each<'_, KeyDiff>,
    task: &Running<'_>,
) -> Result<PartDiff> {
    let mut tally = Tally::default();
    let both = before.has() && after.has();
    let mut keys = 0_u64;
    let mut pairs = pin!(merge(lines(before), lines(after)));
    while let Some(pair) = pairs.try_next().await? {
        let (left, right) = match pair {
            Pair::Left(line) => (Some(line), None),
            Pair::Right(line) => (None, Some(line)),
            Pair::Both(left, right) => (Some(left), Some(right)),
        };
        tally.see(0, before, left.as_ref());
        tally.see(1, after, right.as_ref());
        if let Some(diff) = tally.compare((before, left), (after, right)).filter(|_| both) {
            each.call(diff)?;
        }
        keys += 1;
        if keys.is_multiple_of(BETWEEN_LOOKS) {
            task.run().stop.check()?;
            task.advance(BETWEEN_LOOKS, 0);
        }
    }
    task.advance(keys % BETWEEN_LOOKS, 0);
    let [left, right] = tally.listed;
    let mut diff = PartDiff::new(in_numbers(before, &left)?, in_numbers(after, &right)?);
    diff.wal = tally.reach.told();
    if both {
        diff.compared(tally.objects.is_empty());
        diff.objects = Some(tally.objects);
    }
    Ok(diff)
}

/// What was seen of both.
#[derive(Default)]
struct Tally {
    listed: [Listed; 2],
    objects: ObjectsDiff,
    reach: Reach,
}

impl Tally {
    fn see(&mut self, nth: usize, side: &Side, line: Option<&ListLine>) {
        let Some(line) = line else { return };
        if let Some(listed) = self.listed.get_mut(nth) {
            listed.add(line);
        }
        if line.outcome.is_on_disk() {
            self.reach.see(side.part.contents().unwrap_or_default(), &line.key, nth);
        }
    }

    /// Adds how a key differs, and tells it.
    fn compare(
        &mut self,
        (before, left): (&Side, Option<ListLine>),
        (after, right): (&Side, Option<ListLine>),
    ) -> Option<KeyDiff> {
        let change = change(left.as_ref(), right.as_ref())?;
        let bytes = |line: &Option<ListLine>| {
            let there = line.as_ref().filter(|line| line.outcome.is_on_disk());
            there.map_or(0, |line| line.size_bytes)
        };
        let (bytes_before, bytes_after) = (bytes(&left), bytes(&right));
        let key = left.or(right)?.key;
        self.objects.of(change).add(&key, bytes_before, bytes_after);
        let is_reference =
            |side: &Side| side.part.contents().is_some_and(|contents| contents.is_reference(&key));
        let objects = &mut self.objects;
        match change {
            Change::Added | Change::NotInBefore if is_reference(after) => objects.references_added.add(&key),
            Change::Removed | Change::NotInAfter if is_reference(before) => {
                objects.references_removed.add(&key);
            }
            Change::Changed if is_reference(after) => objects.references_changed.add(&key),
            _ => {}
        }
        Some(KeyDiff { part: before.part.clone(), key, change, bytes_before, bytes_after })
    }
}

/// The lines of a part; none if the snapshot has it not.
fn lines(side: &Side) -> impl Stream<Item = Result<ListLine>> {
    if side.has() {
        side.snapshot.lines_ahead(&side.part).map_err(|error| side.own(error)).left_stream()
    } else {
        stream::empty().right_stream()
    }
}

/// The part in numbers, by its lists; that they contradict the manifest is damage.
fn in_numbers(side: &Side, listed: &Listed) -> Result<PartSide> {
    if !side.has() {
        return Ok(PartSide::of(&side.entry, 0, 0));
    }
    let mut findings = listed.findings(&side.part, &side.entry);
    if let Some(contradiction) = findings.find(|finding| finding.kind == FindingKind::Contradiction) {
        return Err(side.damaged(contradiction.what));
    }
    let counts = side.entry.counts;
    Ok(PartSide::of(&side.entry, counts.listed.saturating_sub(counts.lost()), side.entry.bytes))
}
