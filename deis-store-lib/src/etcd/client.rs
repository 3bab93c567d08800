//! The v2 keys API of one etcd endpoint.
//!
//! The client does not know what the keys mean. It repeats a request a few times, with waits, if that is safe. No
//! value and no request body ever gets into an error.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use zeroize::Zeroizing;

use super::{Node, error, key};
use crate::error::{At, Context, Error, ErrorKind, Result};

use crate::http::{Backoff, Body, Endpoint, HttpSend, Received, SendError, Stage};

/// The size of the largest answer that is accepted. The whole tree of a large platform has less than a tenth of it.
const MOST_ANSWER_BYTES: usize = 16 << 20;
/// How long a whole answer may take.
const ANSWER: Duration = Duration::from_secs(90);
/// Attempts in all: with the default waits about 2 s, longer than an election of a leader.
const ATTEMPTS: u32 = 5;
/// How long an answer may take in all: above the silence after which a connection is given up.
const LONGEST_ANSWER: Duration = Duration::from_mins(2);
/// Redirects in a row.
const MOST_REDIRECTS: u32 = 3;

/// One etcd endpoint.
#[derive(Clone, Debug)]
pub struct Etcd {
    http: Arc<dyn HttpSend>,
}

impl Etcd {
    /// The etcd behind a transport: TCP, https or the unix socket of a forward.
    #[must_use]
    pub fn new(http: Arc<dyn HttpSend>) -> Self {
        Self { http }
    }

    /// The address of this etcd, and the way to it.
    #[must_use]
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.http.endpoint()
    }

    /// A key with its value, or a directory with its direct members.
    pub(crate) async fn get(&self, key: &str) -> Result<Node> {
        self.call(Method::GET, key, "?sorted=true", None, Repeat::Always).await
    }

    /// A key with everything below it.
    pub async fn tree(&self, key: &str) -> Result<Node> {
        self.call(Method::GET, key, "?recursive=true&sorted=true", None, Repeat::Always).await
    }

    /// Sets a key, whether it exists or not. With `ttl` (whole seconds, at least 1) etcd removes it after that time.
    pub(crate) async fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Node> {
        let form = key::form(value, ttl);
        self.call(Method::PUT, key, "", Some(form), Repeat::Always).await
    }

    /// Deletes a key, not a directory.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        // If the first delete was done, its repetition would answer "no such key".
        self.call(Method::DELETE, key, "", None, Repeat::IfUnseen).await.map(drop)
    }

    async fn call(
        &self,
        method: Method,
        key: &str,
        query: &str,
        form: Option<Zeroizing<String>>,
        repeat: Repeat,
    ) -> Result<Node> {
        let target = key::path(key)? + query;
        let form = form.map(Bytes::from_owner);
        let backoff = Backoff { attempts: ATTEMPTS, ..Backoff::default() };
        let mut failed_attempts = 0;
        loop {
            let failure = match self.follow(&method, &target, form.as_ref()).await {
                Ok(node) => return Ok(node),
                Err(failure) => failure,
            };
            failed_attempts += 1;
            let again = failure.unseen || (failure.passing && repeat == Repeat::Always);
            // No jitter: one client alone makes no crowd.
            match backoff.wait(failed_attempts, 1.0).filter(|_| again) {
                Some(wait) => tokio::time::sleep(wait).await,
                None => return Err(failure.error).at(At::Key, key).at(At::Endpoint, self.endpoint()),
            }
        }
    }

    async fn follow(&self, method: &Method, target: &str, form: Option<&Bytes>) -> Result<Node, Failure> {
        let mut target = target.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            let attempt = tokio::time::timeout(LONGEST_ANSWER, self.attempt(method, &target, form)).await;
            let Ok(answer) = attempt else { return Err(self.too_long()) };
            match answer? {
                Answer::Node(node) => return Ok(node),
                Answer::Elsewhere(path_and_query) => target = path_and_query,
            }
        }
        Err(Error::new(ErrorKind::Protocol, "etcd redirects in a circle").into())
    }

    fn too_long(&self) -> Failure {
        let what = format!("etcd's answer did not end within {} s", LONGEST_ANSWER.as_secs());
        let error = Error::new(ErrorKind::Timeout, what).at(At::Endpoint, self.endpoint());
        error.todo("look at etcd and at what stands between: etcdctl cluster-health").into()
    }

    async fn attempt(&self, method: &Method, target: &str, form: Option<&Bytes>) -> Result<Answer, Failure> {
        let mut request = Request::builder().method(method).uri(target);
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request
            .body(Body::Bytes(form.cloned().unwrap_or_default()))
            .map_err(|error| Error::new(ErrorKind::Usage, "not a key").because(error))?;
        let send_failure = |error: SendError| Failure {
            unseen: error.stage == Stage::NotSent,
            passing: matches!(error.stage, Stage::Unknown | Stage::Body),
            error: error.into_error().at(At::Endpoint, self.endpoint()),
        };
        let mut response = self.http.send(request).await.map_err(send_failure)?;
        let status = response.status();
        if status == StatusCode::TEMPORARY_REDIRECT {
            let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
            return self.redirect(location).map(Answer::Elsewhere).map_err(Failure::from);
        }
        let collecting = self.collect(response.body_mut(), send_failure);
        // Each piece may come in time, and the last one never.
        let Ok(body) = tokio::time::timeout(ANSWER, collecting).await else {
            let what = format!("etcd has not sent its whole answer within {} s", ANSWER.as_secs());
            let error = Error::new(ErrorKind::Timeout, what).at(At::Endpoint, self.endpoint());
            return Err(error.todo("look at etcd's log, and at the network between").into());
        };
        let body = body?;
        if status.is_success() {
            return Ok(Answer::Node(Node::parse(&body)?));
        }
        let error = error::error(status.as_u16(), &body);
        Err(Failure { unseen: false, passing: status >= StatusCode::INTERNAL_SERVER_ERROR, error })
    }

    /// A whole answer. It holds secrets, so that nothing of it stays in memory.
    async fn collect(
        &self,
        received: &mut Received,
        failure: impl Fn(SendError) -> Failure,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut body = Zeroizing::new(Vec::new());
        while let Some(piece) = received.next().await {
            let piece = piece.map_err(&failure)?;
            if body.len() + piece.len() > MOST_ANSWER_BYTES {
                let error = Error::new(ErrorKind::Protocol, "the answer has more than 16 MiB");
                return Err(error.todo("check that the address is etcd's client address").into());
            }
            if body.len() + piece.len() > body.capacity() {
                // A vector that grows by itself leaves its old bytes behind.
                let mut larger = Zeroizing::new(Vec::with_capacity(2 * (body.len() + piece.len())));
                larger.extend_from_slice(&body);
                body = larger;
            }
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    /// The target of a redirect, if it stays on this endpoint. A redirect to another member is refused: that member may
    /// not be reachable from here (behind a tunnel it is not), and nothing says that it can be trusted.
    fn redirect(&self, location: Option<&str>) -> Result<String> {
        let uri: Option<Uri> = location.and_then(|location| location.parse().ok());
        let ours = self.endpoint().authority();
        match uri {
            Some(uri) if uri.authority().is_none_or(|authority| authority.as_str() == ours) => {
                Ok(uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string))
            }
            Some(uri) => {
                let leader = uri.authority().map_or("", |authority| authority.as_str());
                let error = Error::new(ErrorKind::NotReady, "this member of etcd redirects to another one");
                Err(error
                    .at(At::Leader, leader)
                    .todo("use the address of that member, or another host's tunnel"))
            }
            None => Err(Error::new(ErrorKind::Protocol, "a redirect without a target")),
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Repeat {
    Always,
    IfUnseen,
}

enum Answer {
    Node(Node),
    Elsewhere(String),
}

struct Failure {
    /// Whether etcd has seen nothing of the request.
    unseen: bool,
    /// Whether the failure may go away by itself.
    passing: bool,
    error: Error,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { unseen: false, passing: false, error }
    }
}
