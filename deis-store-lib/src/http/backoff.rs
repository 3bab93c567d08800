//! How long to wait before the next attempt: pure.

use std::time::Duration;

/// Exponential backoff with full jitter, and a limit on attempts.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Backoff {
    /// The longest wait before the second attempt. 100 ms: a lost connection is back by then.
    pub first: Duration,
    /// The longest wait before any attempt. 10 s: an overloaded gateway needs no more to shed its queue.
    pub longest: Duration,
    /// Attempts in all. 8: with the waits above 6 to 13 s, longer than a restart of radosgw alone.
    pub attempts: u32,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(10), attempts: 8 }
    }
}

impl Backoff {
    /// The wait after `attempts` failed attempts, or `None` if there shall be no other. `random` is in `0.0..1.0`.
    #[must_use]
    pub(crate) fn wait(&self, attempts: u32, random: f64) -> Option<Duration> {
        if attempts == 0 || attempts >= self.attempts {
            return None;
        }
        let longest = self.first.saturating_mul(1 << (attempts - 1).min(20)).min(self.longest);
        // Half of it is certain, so that a crowd thins out and a single client still backs off.
        Some(longest.mul_f64(0.5 + random / 2.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_end() {
        let backoff = Backoff::default();
        let waits: Vec<_> =
            (1..9).map(|attempt| backoff.wait(attempt, 1.0).map(|wait| wait.as_millis())).collect();
        let expected = [100, 200, 400, 800, 1600, 3200, 6400].map(Some);
        assert_eq!(waits[..7], expected);
        assert_eq!(waits[7], None);
    }

    #[test]
    fn jitter_takes_at_most_half() {
        assert_eq!(Backoff::default().wait(2, 0.0), Some(Duration::from_millis(100)));
    }
}
