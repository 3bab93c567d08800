//! Whether it is single objects that fail, or the gateways.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::error::{Error, ErrorKind, Result, Scope};
use crate::outcome::Outcome;

/// After more failures in a row it is the gateways that fail and not the objects.
const FAILURES_IN_A_ROW: u32 = 32;

/// How many objects in a row the gateways have failed to give.
#[derive(Default)]
pub(crate) struct CircuitBreaker(AtomicU32);

impl CircuitBreaker {
    /// One was given.
    pub(crate) fn end(&self) {
        self.0.store(0, Relaxed);
    }

    /// What an error means for this object alone; or the error, if it concerns all.
    pub(crate) fn outcome(&self, error: Error) -> Result<Outcome> {
        match error.kind() {
            ErrorKind::Denied | ErrorKind::Usage | ErrorKind::Unsupported => {
                return Ok(Outcome::Refused(error.what()));
            }
            _ if error.scope() == Scope::Object => return Ok(Outcome::Failed(error.what())),
            ErrorKind::Disk | ErrorKind::Interrupted | ErrorKind::Internal => return Err(error),
            // The gateway failed, perhaps at this object alone.
            _ => {}
        }
        let failures = self.0.fetch_add(1, Relaxed) + 1;
        if failures > FAILURES_IN_A_ROW {
            return Err(error.todo("the gateway fails object after object: check it, then run it again"));
        }
        Ok(Outcome::Failed(error.what()))
    }
}
