//! By which clock a snapshot is named and dated: ours, unless the gateways' is more than a day off. Pure.
//!
//! A machine whose clock is years off, as after a flat battery, would name a snapshot 1970: then it would be the oldest
//! one for whatever sorts or keeps them by name. The clocks of a Ceph cluster are kept together, since its monitors
//! refuse to work otherwise, so the gateways' is believed. A run at night goes on by it, and says so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Error, ErrorKind, Result};
use crate::run::{Clock, shifted};

/// Farther apart than time zones, which computers mistake for clocks, can put two of them.
const DAY: Duration = Duration::from_hours(24);

/// 2014-01-01: no Deis v1 is older, so no clock is right that says so.
const FIRST_SECONDS: u64 = 1_388_534_400;

/// What is added to our time; nothing if ours is right. An error if there is no right one.
pub(super) fn offset(ours: SystemTime, gateways_ahead_ms: Option<i64>) -> Result<Option<i64>> {
    let may_be = |time: SystemTime| time >= UNIX_EPOCH + Duration::from_secs(FIRST_SECONDS);
    let far = gateways_ahead_ms.filter(|ms| Duration::from_millis(ms.unsigned_abs()) > DAY);
    match far {
        Some(ms) if shifted(ours, ms).is_some_and(may_be) => Ok(Some(ms)),
        _ if may_be(ours) => Ok(None),
        _ => Err(Error::new(
            ErrorKind::Guard,
            "the clock of this machine is years off: the snapshot would be named after it",
        )
        .todo("set the clock, then run it again")),
    }
}

/// A sentence for people about clocks that are this far apart.
pub(super) fn said(gateways_ahead_ms: i64) -> String {
    let days = Duration::from_millis(gateways_ahead_ms.unsigned_abs()).as_secs() / 86_400;
    let where_to = if gateways_ahead_ms > 0 { "behind" } else { "ahead of" };
    format!(
        "warning: the clock of this machine is {days} days {where_to} the gateways': the snapshot is named by theirs; \
         set the clock"
    )
}

/// A clock, and what is added to it.
pub(super) struct Shifted<C> {
    pub(super) clock: C,
    pub(super) ahead_ms: i64,
}

impl<C: std::ops::Deref<Target = dyn Clock> + Send + Sync + 'static> Clock for Shifted<C> {
    fn now(&self) -> SystemTime {
        let now = self.clock.now();
        shifted(now, self.ahead_ms).unwrap_or(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YEAR_MS: i64 = 365 * 24 * 3600 * 1000;

    #[test]
    fn the_gateways_clock_counts_where_ours_is_more_than_a_day_off() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_659_519);
        assert_eq!(offset(now, None).unwrap(), None);
        assert_eq!(offset(now, Some(3_600_000)).unwrap(), None);
        assert_eq!(offset(UNIX_EPOCH, Some(56 * YEAR_MS)).unwrap(), Some(56 * YEAR_MS));
        assert_eq!(offset(now, Some(-3 * YEAR_MS)).unwrap(), Some(-3 * YEAR_MS));
    }

    #[test]
    fn no_snapshot_is_named_1970_whichever_clock_says_so() {
        let now = UNIX_EPOCH + Duration::from_secs(1_795_659_519);
        assert_eq!(offset(now, Some(-56 * YEAR_MS)).unwrap(), None, "the gateways' is the wrong one");
        for ahead in [None, Some(0), Some(YEAR_MS), Some(i64::MIN)] {
            assert_eq!(offset(UNIX_EPOCH, ahead).unwrap_err().kind(), ErrorKind::Guard, "{ahead:?}");
        }
    }
}
