//! Whether it is single objects that fail, or the gateways.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::error::{Error, ErrorKind, Result, Scope};
use crate::outcome::Outcome;

/// After more failures in a row it is the gateways that fail and not the objects.
const FAILURES_IN_A_ROW: u32 = 32;

/// How many objects in a row the gateways have failed to give or take.
#[derive(Debug, Default)]
pub(crate) struct CircuitBreaker(AtomicU32);

impl CircuitBreaker {
    /// One went well.
    pub(crate) fn succeeded(&self) {
        self.0.store(0, Relaxed);
    }

    /// The outcome of this object alone; or the error, if it befalls all.
    pub(crate) fn outcome(&self, error: Error) -> Result<Outcome> {
        match error.scope() {
            _ if befalls_all(&error) => Err(error),
            Scope::Object => Ok(outcome_of(&error)),
            Scope::Run => Err(error),
            Scope::Server if self.0.fetch_add(1, Relaxed) < FAILURES_IN_A_ROW => Ok(outcome_of(&error)),
            Scope::Server => {
                Err(error.todo("the gateway fails object after object: check it, then run it again"))
            }
        }
    }
}

/// Whether an error is about the bucket, the keys or the clock, so that the next object would meet it as well.
pub(super) fn befalls_all(error: &Error) -> bool {
    const CODES: [&str; 5] =
        ["NoSuchBucket", "InvalidAccessKeyId", "RequestTimeTooSkewed", "UserSuspended", "QuotaExceeded"];
    error.code().is_some_and(|code| CODES.contains(&code))
}

/// An object that this run could never copy is refused; any other has failed.
fn outcome_of(error: &Error) -> Outcome {
    match error.kind() {
        ErrorKind::Denied | ErrorKind::Usage | ErrorKind::Unsupported | ErrorKind::Occupied => {
            Outcome::Refused(error.what())
        }
        _ => Outcome::Failed(error.what()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_fails_object_after_object_ends_the_run_and_one_success_begins_the_count_anew() {
        let breaker = CircuitBreaker::default();
        let error = || Error::new(ErrorKind::Timeout, "no answer");
        for _ in 0..2 {
            (0..FAILURES_IN_A_ROW).for_each(|_| drop(breaker.outcome(error()).unwrap()));
            breaker.succeeded();
        }
        (0..FAILURES_IN_A_ROW).for_each(|_| drop(breaker.outcome(error()).unwrap()));
        assert_eq!(breaker.outcome(error()).unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[test]
    fn an_error_of_the_run_ends_it_at_once_and_one_of_an_object_never() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.outcome(Error::new(ErrorKind::Interrupted, "")).is_err());
        assert!(breaker.outcome(Error::new(ErrorKind::Denied, "").of_run()).is_err());
        for _ in 0..99 {
            let outcome = breaker.outcome(Error::new(ErrorKind::Denied, "no")).unwrap();
            assert_eq!(outcome, Outcome::Refused("no".to_owned()));
        }
    }
}
