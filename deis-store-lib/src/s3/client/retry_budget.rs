//! How many retries a client may afford: pure.
//!
//! Retries help when a few requests fail. When nearly all fail, they only multiply the load of a cluster that is down
//! already; each request then gets its one attempt and fails.

/// Retries that are saved up: enough to see 128 requests in flight through a gateway's restart.
const MOST: f64 = 1000.0;

/// A success adds so much: in the long run, one retry to five requests that went well.
const EARNED: f64 = 0.2;

/// The retries that are left.
#[derive(Debug)]
pub(super) struct RetryBudget(f64);

impl Default for RetryBudget {
    fn default() -> Self {
        Self(MOST)
    }
}

impl RetryBudget {
    /// A request went well.
    pub(super) fn earn(&mut self) {
        self.0 = (self.0 + EARNED).min(MOST);
    }

    /// Takes one retry, if there is one.
    pub(super) fn spend(&mut self) -> bool {
        let affords = self.0 >= 1.0;
        if affords {
            self.0 -= 1.0;
        }
        affords
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_all_fails_retries_end_and_where_most_goes_well_they_do_not() {
        let mut budget = RetryBudget::default();
        assert_eq!((0..5000).filter(|_| budget.spend()).count(), 1000);
        (0..4).for_each(|_| budget.earn());
        assert!(!budget.spend());
        (0..100_000).for_each(|_| (0..6).for_each(|_| budget.earn()));
        assert!((0..100_000).all(|_| {
            (0..6).for_each(|_| budget.earn());
            budget.spend()
        }));
    }
}
