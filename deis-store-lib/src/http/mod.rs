//! How a request leaves: one attempt at one endpoint.
//!
//! Nothing here retries, signs, follows redirects, decompresses or knows of ssh. `HyperTransport` sends plain http over
//! TCP or a unix socket, `ReqwestTransport` sends https, and what goes through a proxy. [`connect`] chooses.

mod backoff;
mod body;
mod connect;
mod endpoint;
mod hyper_transport;
mod limited;
mod rate;
#[cfg(feature = "https")]
mod reqwest_transport;
pub(crate) mod silence;
mod socket;
#[cfg(feature = "https")]
mod tls;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ::http::{Request, Response};

pub use backoff::Backoff;
pub use body::{Body, Frames, Received, Source};
pub use connect::{ConnectOptions, ProxyUrl, connect};
pub use endpoint::Endpoint;

#[cfg(feature = "ssh")]
pub(crate) use hyper_transport::Forward;
pub(crate) use hyper_transport::{Dial, HyperTransport};
pub(crate) use limited::{Limited, Limits};
#[cfg(feature = "https")]
pub(crate) use reqwest_transport::ReqwestTransport;

use crate::error::{Error, ErrorKind, RAISE_OPEN_FILES, is_out_of_files};
use body::SourceFailed;

/// A future in a box: one a request is nothing against the request.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One attempt at one endpoint. Dropping the future cancels the attempt.
///
/// The request's URI holds path and query alone, and they are sent byte for byte, or the answer is
/// [`Stage::Unfaithful`]: a signature covers them as they are. `Content-Length` is always sent, 0 too, since
/// radosgw answers 411 without.
pub trait HttpSend: fmt::Debug + Send + Sync + 'static {
    /// Waits until there is a way to the server: where that is a connection which breaks, until it is made anew. Sending
    /// waits for it as well, within the limits of a request.
    fn ready(&self) -> BoxFuture<'_, Result<(), SendError>> {
        Box::pin(async { Ok(()) })
    }

    /// Sends the request and returns when the response's header is there.
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>>;

    /// The server's address, and how it is reached.
    fn endpoint(&self) -> &Endpoint;
}

/// Why an attempt failed, and how far it had come.
#[derive(Debug)]
pub struct SendError {
    /// How far it had come.
    pub stage: Stage,
    /// Whether time had run out.
    pub timed_out: bool,
    /// The advice about it, where the transport knows more than the stage says.
    pub todo: Option<&'static str>,
    /// The cause.
    pub(crate) source: Box<dyn std::error::Error + Send + Sync>,
}

impl SendError {
    /// An attempt that failed at this stage.
    pub fn new(stage: Stage, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = source.into();
        // A transport's words for it say nothing more.
        let failed = causes(&*source).find_map(|cause| cause.downcast_ref::<SourceFailed>());
        if let Some(why) = failed.map(SourceFailed::to_string) {
            return Self { stage: Stage::Source, timed_out: false, todo: None, source: why.into() };
        }
        Self { stage, timed_out: is_timeout(&*source), todo: None, source }
    }

    /// Whether the answer came, and too slowly.
    pub(crate) fn is_too_slow(&self) -> bool {
        causes(&*self.source).any(<dyn std::error::Error>::is::<silence::TooSlow>)
    }

    /// As the library's error.
    #[must_use]
    pub fn into_error(self) -> Error {
        let (kind, what, todo) = match self.stage {
            Stage::Unfaithful => (
                ErrorKind::Unsupported,
                "this request cannot be sent as it was signed",
                "use a plain http:// endpoint, without a proxy, for this key",
            ),
            Stage::Untrusted => (ErrorKind::Protocol, "the server cannot be trusted", SEE_ITS_CERTIFICATE),
            Stage::Source => (
                ErrorKind::SourceChanged,
                "the file changed or became unreadable during the upload",
                "if somebody writes to it, run it again when that has ended; else look at the disk",
            ),
            _ if self.timed_out => (ErrorKind::Timeout, "no answer in time", SEE_IF_IT_RUNS),
            Stage::NotSent => (ErrorKind::Unreachable, "cannot connect", SEE_IF_IT_RUNS),
            Stage::Unknown | Stage::Body => (
                ErrorKind::Unreachable,
                "the connection broke",
                "check that the server runs there; if it does, look at its log, and run it again",
            ),
        };
        let io = causes(&*self.source).filter_map(|cause| cause.downcast_ref::<std::io::Error>());
        let todo =
            if io.into_iter().any(is_out_of_files) { RAISE_OPEN_FILES } else { self.todo.unwrap_or(todo) };
        Error::new(kind, what).todo(todo).because(self.source)
    }
}

const SEE_IF_IT_RUNS: &str =
    "check that the address is right and that the server runs and can be reached from here";
const SEE_ITS_CERTIFICATE: &str =
    "look at the server's certificate, and at what stands between us and it; nothing was sent";

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source)
    }
}

impl std::error::Error for SendError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

/// How far an attempt had come when it failed: what decides whether it may be repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// The server has seen nothing of it: it may always be repeated.
    NotSent,
    /// The server may have acted on it: only what is idempotent may be repeated.
    Unknown,
    /// The response's body broke off.
    Body,
    /// The body could not be read, or is not as long as it was: the server has not got all of it, and another
    /// attempt would end like this one.
    Source,
    /// The server's certificate is not accepted, or it does not speak TLS: it has seen nothing of the request, and
    /// trying again changes nothing.
    Untrusted,
    /// This transport cannot send the request as it was signed: it never may.
    Unfaithful,
}

/// How long to wait.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Timeouts {
    /// For a connection. 10 s: a host that is up answers in far less, a dropped packet is sent again by then.
    pub connect: Duration,
    /// For the next byte in either direction. 90 s: above radosgw's own 65 s.
    pub idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { connect: Duration::from_secs(10), idle: Duration::from_secs(90) }
    }
}

/// An error and what is below it, also where an `io::Error` carries it inside.
fn causes<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    std::iter::successors(Some(error), |error| match error.downcast_ref::<std::io::Error>() {
        Some(io) => io.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static)),
        None => error.source(),
    })
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    causes(error)
        .filter_map(|error| error.downcast_ref::<std::io::Error>())
        .any(|io| io.kind() == std::io::ErrorKind::TimedOut)
}
