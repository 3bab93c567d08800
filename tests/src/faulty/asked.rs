//! A request as it came, and how much of an answer it got.

use std::ops::Deref;

use deis_store::gateway::RequestSeen;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub(super) seen: RequestSeen,
    /// How many bytes of a body were sent in answer.
    pub answered_bytes: usize,
}

impl Asked {
    /// The first byte that is asked for: 0 without `Range`.
    #[must_use]
    pub fn from_byte(&self) -> usize {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes="));
        range.and_then(|range| range.split('-').next()?.parse().ok()).unwrap_or(0)
    }
}

impl Deref for Asked {
    type Target = RequestSeen;

    fn deref(&self) -> &RequestSeen {
        &self.seen
    }
}
