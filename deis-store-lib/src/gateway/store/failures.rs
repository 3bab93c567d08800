//! The first thing that the disk has refused: a client is told of it by a code alone, or sees an answer break off.

use std::sync::{Mutex, PoisonError};

use crate::error::Error;

/// The first failure since this was asked.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<Option<Error>>);

impl Failures {
    pub(super) fn remember(&self, error: Error) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }

    pub(super) fn take(&self) -> Option<Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
