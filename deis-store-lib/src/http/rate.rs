//! A limit on so much a second, as a token bucket: pure, the time is an argument.

use std::num::NonZeroU64;
use std::time::Duration;

/// The most that is saved up: one second's worth.
const BURST: Duration = Duration::from_secs(1);

/// A token bucket, written as the time at which all that was taken will be paid for.
///
/// In no span of time more starts than the limit allows for it, plus the larger of one second's worth and the first
/// piece. The first to ask starts first, and nobody waits for longer than what was taken before and by itself takes.
#[derive(Clone, Debug)]
pub(crate) struct Rate {
    per_second: NonZeroU64,
    paid_at: Duration,
}

impl Rate {
    /// A full bucket; `per_second` is in whatever is counted.
    #[must_use]
    pub(crate) fn new(per_second: NonZeroU64) -> Self {
        Self { per_second, paid_at: Duration::ZERO }
    }

    /// Takes so much, and says how long to wait before it may be used. `now` counts from any fixed moment, the same at
    /// each call.
    pub(crate) fn take(&mut self, now: Duration, amount: u64) -> Duration {
        let nanoseconds = (u128::from(amount) * 1_000_000_000).div_ceil(u128::from(self.per_second.get()));
        let cost = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        self.paid_at = self.paid_at.max(now).saturating_add(cost);
        self.paid_at.saturating_sub(now.saturating_add(BURST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// When each piece is asked for and starts; pieces are `(milliseconds since the one before, amount)`.
    fn starts(per_second: u64, pieces: &[(u64, u64)]) -> Vec<(Duration, Duration, u64)> {
        let mut rate = Rate::new(NonZeroU64::new(per_second).unwrap());
        let mut now = Duration::ZERO;
        let start = |&(gap_ms, amount): &(u64, u64)| {
            now += Duration::from_millis(gap_ms);
            (now, now + rate.take(now, amount), amount)
        };
        pieces.iter().map(start).collect()
    }

    #[test]
    fn a_second_is_had_at_once_and_the_rest_at_the_rate() {
        let waits: Vec<u128> =
            starts(5, &[(0, 1); 8]).iter().map(|(_, start, _)| start.as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 0, 0, 200, 400, 600]);
    }

    #[test]
    fn a_pause_saves_up_no_more_than_a_second() {
        let waits: Vec<u128> =
            starts(2, &[(0, 1), (60_000, 2), (0, 1)]).iter().map(|(_, start, _)| start.as_millis()).collect();
        assert_eq!(waits, [0, 60_000, 60_500]);
    }

    #[test]
    fn a_piece_larger_than_a_second_waits_and_passes() {
        assert_eq!(starts(10, &[(0, 35)])[0].1, Duration::from_millis(2500));
    }

    proptest! {
        #[test]
        fn in_no_span_more_starts_than_the_limit_and_a_burst(
            per_second in 1_u64..1_000_000,
            pieces in prop::collection::vec((0_u64..3000, 0_u64..3_000_000), 1..40),
        ) {
            let starts = starts(per_second, &pieces);
            for first in 0..starts.len() {
                let burst = per_second.max(starts[first].2);
                let mut amount = 0_u128;
                for last in first..starts.len() {
                    amount += u128::from(starts[last].2);
                    let span = starts[last].1.abs_diff(starts[first].1);
                    let allowed = span.as_nanos() * u128::from(per_second) / 1_000_000_000;
                    prop_assert!(amount <= allowed + 1 + u128::from(burst), "{first}..={last}: {amount}");
                }
            }
        }

        #[test]
        fn who_asks_first_starts_first_and_nobody_starves(
            per_second in 1_u64..1_000_000,
            pieces in prop::collection::vec((0_u64..3000, 0_u64..3_000_000), 1..40),
        ) {
            let starts = starts(per_second, &pieces);
            prop_assert!(starts.windows(2).all(|pair| pair[0].1 <= pair[1].1));
            let mut taken = 0_u128;
            for (asked, start, amount) in starts {
                taken += u128::from(amount);
                // At most the time that everything so far takes, with a nanosecond of rounding for each piece.
                let longest = taken * 1_000_000_000 / u128::from(per_second) + 40;
                prop_assert!(start.abs_diff(asked).as_nanos() <= longest);
            }
        }

        #[test]
        fn what_keeps_below_the_limit_never_waits(per_second in 1000_u64..1_000_000, count in 1_usize..50) {
            let pieces = vec![(100, per_second / 10); count];
            prop_assert!(starts(per_second, &pieces).iter().all(|(asked, start, _)| asked == start));
        }
    }
}
