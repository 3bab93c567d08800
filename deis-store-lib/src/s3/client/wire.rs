//! One attempt at a request, as it is told of: what is waited for, what moves, and how it ended.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt as _, stream};
use http::{Method, StatusCode};
use tokio::time::Instant;

use super::Client;
use crate::error::{Error, printable};
use crate::http::silence::{Moved, Slowness};
use crate::http::{Body, Endpoint, Frames, Received, SendError, Source};
use crate::s3::S3Error;
use crate::s3::op::Request;

/// After such a silence a cluster that is full is thought of.
const PERHAPS_FULL: Duration = Duration::from_secs(30);

/// Where the rate is limited, a silence shorter than this may be our own.
const LIMITED: Duration = Duration::from_mins(1);

/// The most of a request's path that is told.
const MOST_CHARACTERS: usize = 200;

/// The end of an attempt that has failed.
pub(super) enum Failure {
    Send(SendError),
    /// An answer of the gateway, with its date.
    Answer(S3Error, Option<SystemTime>),
}

pub(super) struct Wire<'a> {
    client: &'a Client,
    pub(super) request: &'a Request,
    endpoint: &'a Endpoint,
    attempt: u32,
    began: Instant,
    moved: Moved,
    /// The status of the answer; 0 before it.
    status: AtomicU16,
}

impl<'a> Wire<'a> {
    pub(super) fn new(
        client: &'a Client,
        request: &'a Request,
        endpoint: &'a Endpoint,
        attempt: u32,
    ) -> Self {
        let (began, moved) = (Instant::now(), Moved::now());
        Self { client, request, endpoint, attempt, began, moved, status: AtomicU16::new(0) }
    }

    /// Waits for the answer, and tells of a silence.
    pub(super) async fn watch<T>(&self, work: impl Future<Output = T>) -> T {
        let text = |silent: Duration| {
            let hint = hint(&self.request.method, silent);
            let (endpoint, attempts) = (self.endpoint, self.client.0.options.backoff.attempts);
            let (seconds, attempt, request) = (silent.as_secs(), self.attempt, self.named_request());
            format!(
                "no answer from {endpoint} for {seconds} s ({request}, attempt {attempt} of {attempts}){hint}"
            )
        };
        self.client.0.teller.watch_from(told_from(self.client), &self.moved, text, work).await
    }

    /// The body to send, each piece of which is told of.
    pub(super) fn watch_sent(&self, body: Body) -> Body {
        if body.length_bytes() == 0 {
            return body;
        }
        Body::Source(Arc::new(Watched { body, client: self.client.clone(), moved: self.moved.clone() }))
    }

    /// The body of the answer: its pieces are told of, and its pauses; and if it comes too slowly, it breaks off.
    pub(super) fn watch_received(&self, received: Received, patience: Duration) -> Received {
        let (client, moved) = (self.client.clone(), self.moved.clone());
        let about: Arc<str> = format!("{} ({})", self.endpoint, self.named_request()).into();
        // What we hold back ourselves says nothing of the gateway.
        let slowness = Slowness::new(if is_limited(&client) { Duration::MAX } else { patience });
        received.map_frames(|frames| {
            Box::pin(stream::unfold(Some((frames, slowness)), move |state| {
                let (client, moved, about) = (client.clone(), moved.clone(), about.clone());
                async move {
                    let (mut frames, mut slowness) = state?;
                    let began = Instant::now();
                    moved.again();
                    let text = |silent: Duration| {
                        format!("nothing more of the answer has come from {about} for {} s", silent.as_secs())
                    };
                    let first = told_from(&client);
                    let piece = client.0.teller.watch_from(first, &moved, text, frames.next()).await?;
                    let piece = piece.and_then(|bytes| {
                        client.0.teller.moved(0, bytes.len() as u64);
                        slowness.piece(began.elapsed(), &bytes).map(|()| bytes)
                    });
                    let state = piece.is_ok().then_some((frames, slowness));
                    Some((piece, state))
                }
            }))
        })
    }

    pub(super) fn answered(&self, status: StatusCode) {
        self.status.store(status.as_u16(), Relaxed);
    }

    /// Tells those who follow each request how it ended. The body of an object may still be coming.
    pub(super) fn tell_end(&self, failure: Option<&Failure>) {
        self.client.0.teller.request(|| {
            let what = match (self.status.load(Relaxed), failure) {
                (0, Some(Failure::Send(error))) => format!("no answer: {}", printable(&error.to_string())),
                (status, _) => status.to_string(),
            };
            let (request, took) = (self.named_target(), self.began.elapsed());
            format!("{request} at {}: {what}, {} ms", self.endpoint, took.as_millis())
        });
    }

    /// Tells that the request is sent again.
    pub(super) fn retry(&self, error: &Error) -> String {
        let (next, attempts) = (self.attempt + 1, self.client.0.options.backoff.attempts);
        let (what, request) = (printable(&error.what()), self.named_request());
        format!("{} failed ({request}): {what}; attempt {next} of {attempts} follows", self.endpoint)
    }

    /// The error with the request that it befell.
    pub(super) fn named(&self, error: Error) -> Error {
        error.about(&self.named_request())
    }

    fn named_request(&self) -> String {
        shortened(&format!("{} {}", self.request.method, self.request.path))
    }

    fn named_target(&self) -> String {
        shortened(&format!("{} {}", self.request.method, self.request.target()))
    }
}

/// Whether requests or bytes wait for their turn here.
fn is_limited(client: &Client) -> bool {
    let options = &client.0.options;
    options.bytes_per_second.is_some() || options.requests_per_second.is_some()
}

/// From which silence on it is told of.
fn told_from(client: &Client) -> Duration {
    if is_limited(client) { LIMITED } else { Duration::ZERO }
}

fn hint(method: &Method, silent: Duration) -> &'static str {
    if silent >= PERHAPS_FULL || !method.is_safe() { ": is the cluster full, or an OSD down?" } else { "" }
}

/// A path is percent-encoded, so that it is printable.
fn shortened(text: &str) -> String {
    if text.len() <= MOST_CHARACTERS {
        return text.to_owned();
    }
    format!("{}…", text.chars().take(MOST_CHARACTERS).collect::<String>())
}

/// A body whose pieces are told of.
struct Watched {
    body: Body,
    client: Client,
    moved: Moved,
}

impl Source for Watched {
    fn length_bytes(&self) -> u64 {
        self.body.length_bytes()
    }

    fn open(&self) -> Frames {
        let (client, moved) = (self.client.clone(), self.moved.clone());
        Box::pin(self.body.frames().inspect(move |piece| {
            moved.again();
            if let Ok(bytes) = piece {
                client.0.teller.moved(bytes.len() as u64, 0);
            }
        }))
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").field("body", &self.body).finish_non_exhaustive()
    }
}
