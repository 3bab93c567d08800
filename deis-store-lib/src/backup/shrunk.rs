//! The alarm when a part has lost much since the newest good snapshot: an emptied bucket is no quiet good backup. Pure.

use crate::outcome::PartOutcome;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};
use crate::snapshot::{PartEntry, Shrunk};

/// What a part had before, if it has lost more than this share of its objects or bytes since.
///
/// What was listed and could not be copied has not gone: it has `not_copied_bytes`.
pub(super) fn look(
    part: &Part,
    (now, not_copied_bytes): (&PartEntry, u64),
    before: Option<(&str, &PartEntry)>,
    max_loss_percent: u8,
    findings: &mut Findings,
) -> Option<Shrunk> {
    let (since, before) = before?;
    if before.outcome != PartOutcome::Stored {
        return None;
    }
    let objects = |entry: &PartEntry| entry.counts.listed.saturating_sub(entry.counts.vanished);
    let loses = |before: u64, now: u64| {
        u128::from(before.saturating_sub(now)) * 100 > u128::from(before) * u128::from(max_loss_percent)
    };
    let has_bytes = now.bytes.saturating_add(not_copied_bytes);
    let (had, has) = ((objects(before), before.bytes), (objects(now), has_bytes));
    if !loses(had.0, has.0) && !loses(had.1, has.1) {
        return None;
    }
    let what = if part.as_bucket().is_some() {
        format!(
            "it has {} objects with {} bytes, and had {} with {} in {since}: if that is right, allow such a loss once",
            has.0, has.1, had.0, had.1
        )
    } else {
        format!(
            "it has {} bytes, and had {} in {since}: if that is right, allow such a loss once",
            has.1, had.1
        )
    };
    findings.push(Finding::new(Some(part), part.name(), FindingKind::Shrunk, what));
    Some(Shrunk { since: since.to_owned(), objects: had.0, bytes: had.1 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::Counts;
    use crate::report::Verdict;

    fn entry(objects: u64, bytes: u64) -> PartEntry {
        let counts = Counts { listed: objects, stored: objects, ..Counts::default() };
        PartEntry { counts, bytes, ..PartEntry::new(PartOutcome::Stored) }
    }

    fn alarms(before: (u64, u64), now: (u64, u64), max_loss_percent: u8) -> bool {
        let (before, now) = (entry(before.0, before.1), entry(now.0, now.1));
        let mut findings = Findings::default();
        let part = Part::registry();
        let shrunk =
            look(&part, (&now, 0), Some(("2015-10-21T07-28-00Z", &before)), max_loss_percent, &mut findings);
        assert_eq!(shrunk.is_some(), findings.verdict() == Verdict::Incomplete);
        shrunk.is_some()
    }

    #[test]
    fn more_than_the_share_of_objects_or_bytes_gone_is_an_alarm() {
        assert!(!alarms((100, 1000), (90, 900), 10));
        assert!(alarms((100, 1000), (89, 1000), 10));
        assert!(alarms((100, 1000), (100, 899), 10));
        assert!(alarms((100, 1000), (0, 0), 99) && !alarms((100, 1000), (0, 0), 100));
        assert!(alarms((1, 1), (0, 0), 10) && alarms((100, 1000), (99, 1000), 0));
        assert!(!alarms((0, 0), (0, 0), 0) && !alarms((5, 5), (6, 6), 0));
        assert!(alarms((u64::MAX, u64::MAX), (1, 1), 99));
    }

    #[test]
    fn what_is_listed_and_could_not_be_copied_has_not_gone() {
        let (before, now) = (entry(2, 101), entry(2, 1));
        let mut findings = Findings::default();
        let before = Some(("2015-10-21T07-28-00Z", &before));
        assert_eq!(look(&Part::registry(), (&now, 100), before, 10, &mut findings), None);
    }

    #[test]
    fn without_an_earlier_one_nothing_is_lost() {
        let mut findings = Findings::default();
        assert_eq!(look(&Part::registry(), (&entry(0, 0), 0), None, 0, &mut findings), None);
        let failed = PartEntry::new(PartOutcome::Failed);
        assert_eq!(look(&Part::registry(), (&entry(0, 0), 0), Some(("x", &failed)), 0, &mut findings), None);
        assert_eq!(findings.verdict(), Verdict::Good);
    }
}
