//! The state that every operation works with.

use std::sync::Arc;

use jiff::Timestamp;

use crate::gateway::parsed_request::ParsedRequest;
use crate::gateway::store::Store;

/// The state that an operation works with.
pub(in crate::gateway) struct Call<'a> {
    pub(in crate::gateway) store: &'a Arc<Store>,
    pub(in crate::gateway) request: &'a ParsedRequest,
    pub(in crate::gateway) now: Timestamp,
}

impl Call<'_> {
    /// The bucket and the key that are asked for, for a change of them.
    pub(super) fn place(&self) -> (String, String) {
        (self.request.bucket.clone(), self.request.key.clone())
    }
}

/// A time as listings have it.
pub(super) fn iso(time: Timestamp) -> String {
    format!("{time:.3}")
}
