//! The hook that is shown each request and decides on faults.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, Method};

use super::fault::Fault;
use crate::gateway::operation::Operation;
use crate::gateway::parsed_request::ParsedRequest;

/// Decides on the fault that each request meets. A closure from a request to `Option<Fault>` is one.
///
/// It is called when the head of the request has come, from the gateway's tasks: it must be quick.
pub trait Faults: Send + Sync {
    /// The fault that this request meets; `None` for an honest answer.
    fn fault(&self, request: &RequestSeen) -> Option<Fault>;

    /// So many more bytes of the body of the answer to a request were given to its connection, or of a header that
    /// never ends.
    fn sent(&self, request_number: u64, bytes: u64) {
        let _ = (request_number, bytes);
    }
}

impl<F: Fn(&RequestSeen) -> Option<Fault> + Send + Sync> Faults for F {
    fn fault(&self, request: &RequestSeen) -> Option<Fault> {
        self(request)
    }
}

impl<T: Faults + ?Sized> Faults for Arc<T> {
    fn fault(&self, request: &RequestSeen) -> Option<Fault> {
        (**self).fault(request)
    }

    fn sent(&self, request_number: u64, bytes: u64) {
        (**self).sent(request_number, bytes);
    }
}

/// The head of a request as it came. Its signature was not looked at yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RequestSeen {
    /// The requests of a gateway are counted from 1.
    pub number: u64,
    /// The operation that it asks for.
    pub operation: Operation,
    /// The method.
    pub method: Method,
    /// Path and query, as they stand on the wire.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The bucket, decoded; empty if there is none, or if the path cannot be read.
    pub bucket: String,
    /// The key, decoded; empty if there is none, or if the path cannot be read.
    pub key: String,
}

impl RequestSeen {
    pub(super) fn of(number: u64, head: &Parts, parsed: Option<&ParsedRequest>) -> Self {
        Self {
            number,
            operation: parsed.map_or(Operation::Other, Operation::of),
            method: head.method.clone(),
            target: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            headers: head.headers.clone(),
            bucket: parsed.map_or_else(String::new, |parsed| parsed.bucket.clone()),
            key: parsed.map_or_else(String::new, |parsed| parsed.key.clone()),
        }
    }

    /// A header as text; `None` also if it is not UTF-8.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
    }
}
