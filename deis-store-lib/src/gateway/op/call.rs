//! The state that every operation works with.

use jiff::Timestamp;

use crate::gateway::parsed_request::ParsedRequest;
use crate::gateway::store::Store;

/// The state that an operation works with.
pub(in crate::gateway) struct Call<'a> {
    pub(in crate::gateway) store: &'a Store,
    pub(in crate::gateway) request: &'a ParsedRequest,
    pub(in crate::gateway) now: Timestamp,
    /// The request's number, from which ids are made.
    pub(in crate::gateway) number: u64,
}

/// A time as listings have it.
pub(super) fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}
