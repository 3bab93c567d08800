//! An error of what is our own in a rehearsal.

use crate::error::{Error, ErrorKind};

/// An error that must never happen, since everything here is our own.
pub(super) fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, what)
}
