//! How a request leaves: one attempt at one endpoint.
//!
//! Nothing here retries, signs, follows redirects, decompresses or knows of ssh. [`Direct`] sends plain http over
//! TCP or a unix socket, [`Portable`] sends https.

pub mod backoff;
mod body;
mod direct;
#[cfg(feature = "https")]
mod portable;
mod socket;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};

pub use body::{Body, Frames, Received, Source};
pub use direct::{Dial, Direct};
#[cfg(feature = "https")]
pub use portable::Portable;

use crate::error::{Error, ErrorKind, Result};

/// A future in a box: one a request is nothing against the request.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One attempt at one endpoint. Dropping the future cancels the attempt.
///
/// The request's URI holds path and query alone, and they are sent byte for byte, or the answer is
/// [`Stage::Unfaithful`]: a signature covers them as they are. `Content-Length` is always sent, 0 too, since
/// radosgw answers 411 without.
pub trait HttpSend: fmt::Debug + Send + Sync + 'static {
    /// Sends the request and returns when the response's header is there.
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>>;

    /// The endpoint as people know it, for messages.
    fn endpoint(&self) -> &str;
}

/// Why an attempt failed, and how far it had come.
#[derive(Debug)]
pub struct SendError {
    /// How far it had come.
    pub stage: Stage,
    /// Whether time had run out.
    pub timed_out: bool,
    /// The cause.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

impl SendError {
    /// An attempt that failed at this stage.
    pub fn new(stage: Stage, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        let source = source.into();
        Self { stage, timed_out: is_timeout(&*source), source }
    }

    /// As the library's error.
    #[must_use]
    pub fn into_error(self, endpoint: &str) -> Error {
        let (kind, what, todo) = match self.stage {
            Stage::Unfaithful => (
                ErrorKind::Unsupported,
                "this request cannot be sent as it was signed",
                "use a plain http:// endpoint for this key",
            ),
            _ if self.timed_out => (ErrorKind::Timeout, "no answer in time", SEE_IF_IT_RUNS),
            Stage::NotSent => (ErrorKind::Unreachable, "cannot connect", SEE_IF_IT_RUNS),
            Stage::Unknown | Stage::Body => (
                ErrorKind::Unreachable,
                "the connection broke",
                "check that the server runs there; if it does, look at its log, and run it again",
            ),
        };
        Error::new(kind, what).at("endpoint", endpoint).todo(todo).because(self.source)
    }
}

const SEE_IF_IT_RUNS: &str =
    "check that the address is right and that the server runs and can be reached from here";

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

/// The transport for an endpoint's URL: `http://HOST[:PORT]` or, with feature `https`, `https://…`.
pub fn connect(url: &str, timeouts: Timeouts) -> Result<Arc<dyn HttpSend>> {
    let usage = |what: &str| {
        Error::new(ErrorKind::Usage, what).at("endpoint", url).todo("give it as http://HOST:PORT")
    };
    let uri: ::http::Uri = url.parse().map_err(|_| usage("not a URL"))?;
    let authority = uri.authority().ok_or_else(|| usage("a URL without scheme or host"))?;
    if authority.as_str().contains('@') {
        return Err(Error::new(ErrorKind::Usage, "a URL must not hold a user or password"));
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err(usage("an endpoint has no path"));
    }
    match uri.scheme_str() {
        Some("http") => {
            let dial = Dial::Tcp(authority.host().to_owned(), authority.port_u16().unwrap_or(80));
            Ok(Arc::new(Direct::new(dial, authority.as_str(), timeouts)))
        }
        #[cfg(feature = "https")]
        Some("https") => Ok(Arc::new(Portable::new(authority.as_str(), timeouts)?)),
        _ => Err(usage("this scheme is not known here")),
    }
}

fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::TimedOut
        {
            return true;
        }
        cause = error.source();
    }
    false
}
