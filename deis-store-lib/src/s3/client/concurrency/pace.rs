//! How many requests should be in flight: found by trying more while that pays, and fewer at once when a gateway is
//! overloaded. Pure.
//!
//! A gateway next door is busy with few; at the far end of an ssh forward, where each answer takes 40 ms longer, many
//! pay. Neither is known beforehand. Growth is additive, and each overload halves (AIMD, as TCP does it).

/// Where it begins: next door this is nearly all there is to gain.
const FIRST: usize = 8;

/// A higher limit must bring this share of what it would if everything grew with it. A smaller one would take noise for
/// gain, a larger one would stop where answers merely get a little slower.
const GAIN_SHARE: f64 = 0.15;

/// Epochs between two trials of a higher limit, once one has not paid.
const HOLD_EPOCHS: u32 = 25;

/// Answers that take so many times longer than when the limit was found say that somebody else needs the gateway, too.
const SLOWER: f64 = 3.0;

/// A measure over some tenths of a second.
#[derive(Clone, Copy, Debug)]
pub(super) struct Epoch {
    /// Requests, and bytes counted as requests, per second.
    pub(super) work_per_s: f64,
    /// Seconds from request to answer, on average.
    pub(super) wait_s: f64,
    /// Whether all that were allowed were in flight nearly all the time; else the epoch says nothing.
    pub(super) saturated: bool,
}

/// The limit and how it came about.
#[derive(Debug)]
pub(super) struct Pace {
    limit: usize,
    most: usize,
    course: Course,
}

#[derive(Debug)]
enum Course {
    /// The limit was raised from one that gave so much.
    Trying { before: usize, work_per_s: f64 },
    /// The first epoch, or one after the limit was found: it says what is usual.
    Found { climb: bool },
    /// Nothing is tried for some epochs.
    Holding { epochs: u32, usual_wait_s: f64 },
    /// After an overload: up again one by one, but not to where it happened.
    Recovering { to: usize },
}

impl Pace {
    /// A pace of at most so many requests in flight.
    pub(super) fn new(most: usize) -> Self {
        let most = most.max(1);
        Self { limit: FIRST.min(most), most, course: Course::Found { climb: true } }
    }

    /// How many may be in flight now: at least one.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// An epoch is over.
    pub(super) fn epoch(&mut self, epoch: &Epoch) {
        if !epoch.saturated {
            return;
        }
        match self.course {
            Course::Found { climb: true } | Course::Holding { epochs: 0, .. } => self.climb(epoch),
            Course::Found { climb: false } => {
                self.course = Course::Holding { epochs: HOLD_EPOCHS, usual_wait_s: epoch.wait_s };
            }
            Course::Trying { before, work_per_s } => {
                let (now, then) = (in_f64(self.limit), in_f64(before));
                let pays = work_per_s * (1.0 + GAIN_SHARE * (now - then) / then);
                if epoch.work_per_s < pays {
                    self.limit = before;
                    self.course = Course::Found { climb: false };
                } else {
                    self.climb(epoch);
                }
            }
            Course::Holding { usual_wait_s, .. } if epoch.wait_s > SLOWER * usual_wait_s => {
                self.limit = (self.limit * 3 / 4).max(1);
                self.course = Course::Found { climb: false };
            }
            Course::Holding { ref mut epochs, .. } => *epochs -= 1,
            Course::Recovering { to } if self.limit < to => self.limit += 1,
            Course::Recovering { .. } => self.course = Course::Found { climb: false },
        }
    }

    /// A gateway said that it has too much to do, or did not answer in time. To be told once for all requests that were
    /// in flight together.
    pub(super) fn overloaded(&mut self) {
        // One request that is refused again and again leads down to 1, where epochs are long: it ends there no longer
        // than the overload lasts.
        let to = (self.limit * 3 / 4).max(FIRST.min(self.most));
        self.limit = (self.limit / 2).max(1);
        self.course = Course::Recovering { to };
    }

    fn climb(&mut self, epoch: &Epoch) {
        if self.limit == self.most {
            self.course = Course::Found { climb: false };
            return;
        }
        self.course = Course::Trying { before: self.limit, work_per_s: epoch.work_per_s };
        self.limit = (self.limit + FIRST).min(self.most);
    }
}

/// Limits are small.
#[expect(clippy::cast_precision_loss)]
fn in_f64(limit: usize) -> f64 {
    limit as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A gateway that works on `width` requests at once, each for 1 ms, at the end of a path that takes so long.
    fn gateway(width: usize, path_ms: f64) -> impl Fn(usize) -> Epoch {
        move |limit| {
            let (limit, width) = (in_f64(limit), in_f64(width));
            let work_per_s = (limit / (1.0 + path_ms)).min(width) * 1000.0;
            Epoch { work_per_s, wait_s: limit / work_per_s, saturated: true }
        }
    }

    fn after(epochs: usize, pace: &mut Pace, gateway: impl Fn(usize) -> Epoch) -> usize {
        for _ in 0..epochs {
            pace.epoch(&gateway(pace.limit()));
        }
        pace.limit()
    }

    #[test]
    fn next_door_few_are_enough() {
        let mut pace = Pace::new(128);
        assert_eq!(after(3, &mut pace, gateway(2, 0.7)), 8);
        // Now and then more are tried, and found to be of no use.
        let highest = (0..1000).map(|_| after(1, &mut pace, gateway(2, 0.7))).max();
        assert_eq!(highest, Some(16));
    }

    #[test]
    fn on_a_long_path_more_are_found_quickly() {
        let mut pace = Pace::new(128);
        assert!(after(8, &mut pace, gateway(2, 40.0)) >= 72);
        assert!(after(100, &mut pace, gateway(2, 40.0)) <= 104);
        assert_eq!(after(100, &mut Pace::new(64), gateway(1000, 40.0)), 64);
    }

    #[test]
    fn an_overload_halves_and_the_way_back_is_slow_and_not_to_the_top() {
        let mut pace = Pace::new(64);
        after(20, &mut pace, gateway(1000, 40.0));
        assert_eq!(pace.limit(), 64);
        pace.overloaded();
        assert_eq!(pace.limit(), 32);
        assert_eq!(after(1, &mut pace, gateway(1000, 40.0)), 33);
        assert_eq!(after(16, &mut pace, gateway(1000, 40.0)), 48);
        (0..10).for_each(|_| pace.overloaded());
        assert_eq!(pace.limit(), 1);
        assert_eq!(
            after(7, &mut pace, gateway(1000, 40.0)),
            8,
            "from there it does not take a trial to get up"
        );
        assert_eq!(Pace::new(0).limit(), 1);
    }

    #[test]
    fn answers_that_become_slow_lower_the_limit_and_what_stays_slow_is_usual_then() {
        let mut pace = Pace::new(64);
        after(5, &mut pace, gateway(2, 0.7));
        let limits: Vec<_> = (0..20).map(|_| after(1, &mut pace, gateway(2, 15.0))).collect();
        assert_eq!(limits.iter().min(), Some(&6));
        assert!(after(40, &mut pace, gateway(2, 15.0)) > 8, "and is found anew after a while");
    }

    #[test]
    fn an_epoch_that_was_not_saturated_changes_nothing() {
        let mut pace = Pace::new(64);
        for _ in 0..100 {
            pace.epoch(&Epoch { work_per_s: 1e6, wait_s: 1e-3, saturated: false });
        }
        assert_eq!(pace.limit(), 8);
    }
}
