//! The v2 keys API of one etcd endpoint.
//!
//! The client does not know what the keys mean. It repeats a request a few times, with waits, if that is safe. No
//! value and no request body ever gets into an error.

use std::sync::Arc;
use std::time::Duration;

use ::http::{Method, Request, StatusCode, Uri, header};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use zeroize::Zeroizing;

use super::node::{Action, half};
use super::{Node, error, key};
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::http::silence::{Moved, Teller};
use crate::http::{Backoff, Body, Endpoint, HttpSend, Received, SendError, Stage};
use crate::run::Run;

/// The size of the largest answer that is accepted. The whole tree of a large platform has less than a tenth of it.
const MOST_ANSWER_BYTES: usize = 16 << 20;
/// How long a whole answer may take.
const ANSWER: Duration = Duration::from_secs(90);
/// Attempts in all: with the default waits about 2 s, longer than an election of a leader.
const ATTEMPTS: u32 = 5;
/// How long an answer may take in all: above the silence after which a connection is given up.
const LONGEST_ANSWER: Duration = Duration::from_mins(2);
/// How often a whole tree is asked for: a directory may get its first key between two looks.
const WHOLE_TREES: u32 = 3;
/// Directories that are looked at once more at a time.
const LOOKS: usize = 8;
/// Redirects in a row.
const MOST_REDIRECTS: u32 = 3;

/// One etcd endpoint.
#[derive(Clone, Debug)]
pub struct Etcd {
    http: Arc<dyn HttpSend>,
    /// Somebody who is told of long waits.
    teller: Option<Arc<Teller>>,
}

impl Etcd {
    /// The etcd behind a transport: TCP, https or the unix socket of a forward.
    #[must_use]
    pub fn new(http: Arc<dyn HttpSend>) -> Self {
        Self { http, teller: None }
    }

    /// The same, of which a run's monitor is told when it lets us wait.
    #[must_use]
    pub(crate) fn telling(self, run: &Run) -> Self {
        Self { teller: Some(Arc::new(Teller::new(run))), ..self }
    }

    /// The address of this etcd, and the way to it.
    #[must_use]
    pub(crate) fn endpoint(&self) -> &Endpoint {
        self.http.endpoint()
    }

    /// A key with its value, or a directory with its direct members.
    pub(crate) async fn get(&self, key: &str) -> Result<Node> {
        self.call(Action::Get, key, "?sorted=true", None).await
    }

    /// A key with everything below it. Each directory that the answer shows empty is looked at once more by itself: something
    /// between us and etcd may have dropped that we asked for all.
    pub async fn tree(&self, key: &str) -> Result<Node> {
        let mut left_out = None;
        for _ in 0..WHOLE_TREES {
            let tree = self.call(Action::Get, key, "?recursive=true&sorted=true", None).await?;
            left_out = self.not_empty(tree.without_members()).await?;
            if left_out.is_none() {
                return Ok(tree);
            }
        }
        let error = half("etcd's answer leaves out what is in a directory");
        Err(error.at(At::Key, left_out.unwrap_or_default()).at(At::Endpoint, self.endpoint()))
    }

    /// The same as [`Etcd::get`] of a key that may not be there.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<Node>> {
        found(self.get(key).await)
    }

    /// The same as [`Etcd::tree`] of a directory that may not be there.
    pub(crate) async fn find_tree(&self, key: &str) -> Result<Option<Node>> {
        found(self.tree(key).await)
    }

    /// The text of a key, if it is there.
    pub(crate) async fn text(&self, key: &str) -> Result<Option<String>> {
        let value = self.find(key).await?.and_then(|node| node.value);
        Ok(value.map(|value| value.expose().to_owned()))
    }

    async fn look(&self, key: String) -> Result<Node> {
        self.get(&key).await
    }

    /// The first of these directories that is not empty.
    async fn not_empty(&self, directories: Vec<String>) -> Result<Option<String>> {
        let mut looks = stream::iter(directories.into_iter().map(|key| self.look(key))).buffered(LOOKS);
        while let Some(found) = looks.next().await {
            match found {
                Ok(node) if node.directory && node.nodes.is_empty() => {}
                Ok(node) => return Ok(Some(node.key)),
                // It was empty, and is gone since.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Sets a key, whether it exists or not. With `ttl` (whole seconds, at least 1) etcd removes it after that time.
    pub(crate) async fn set(&self, key: &str, value: &str, ttl: Option<Duration>) -> Result<Node> {
        let form = key::form(value, ttl);
        let node = self.call(Action::Set, key, "", Some(form)).await?;
        if node.value.as_ref().is_none_or(|set| set.expose() != value) {
            let error = half("etcd's answer has another value than the one that was to be set");
            return Err(error.at(At::Key, key).at(At::Endpoint, self.endpoint()));
        }
        Ok(node)
    }

    /// Sets a key that is not there, which etcd removes after that time: an [`ErrorKind::Occupied`] error if it is there.
    pub(crate) async fn create(&self, key: &str, value: &str, ttl: Duration) -> Result<()> {
        let form = key::form(value, Some(ttl));
        self.call(Action::Create, key, "?prevExist=false", Some(form)).await.map(drop)
    }

    /// Deletes a key, not a directory.
    pub(crate) async fn delete(&self, key: &str) -> Result<()> {
        self.call(Action::Delete, key, "", None).await.map(drop)
    }

    /// Deletes a directory with all that is below it, if it is there.
    pub(crate) async fn delete_tree(&self, key: &str) -> Result<()> {
        found(self.call(Action::Delete, key, "?recursive=true", None).await).map(drop)
    }

    async fn call(
        &self,
        action: Action,
        key: &str,
        query: &str,
        form: Option<Zeroizing<String>>,
    ) -> Result<Node> {
        let (method, repeat) = match action {
            Action::Get => (Method::GET, Repeat::Always),
            Action::Set => (Method::PUT, Repeat::Always),
            // If the first was done, its repetition would answer that the key is there.
            Action::Create => (Method::PUT, Repeat::IfUnseen),
            // If the first delete was done, its repetition would answer "no such key".
            Action::Delete => (Method::DELETE, Repeat::IfUnseen),
        };
        let target = key::path(key)? + query;
        let form = form.map(Bytes::from_owner);
        let backoff = Backoff { attempts: ATTEMPTS, ..Backoff::default() };
        let mut failed_attempts = 0;
        // An answer that drips moves nothing: the whole one is waited for, in all attempts.
        let moved = Moved::now();
        loop {
            let failure = match self.followed(&moved, &method, &target, form.as_ref()).await {
                Ok(answer) => match Node::parse(&answer, action, key) {
                    Ok(node) => return Ok(node),
                    Err(error) => error.into(),
                },
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

    /// One attempt, of which is told if it lasts.
    async fn followed(
        &self,
        moved: &Moved,
        method: &Method,
        target: &str,
        form: Option<&Bytes>,
    ) -> Result<Whole, Failure> {
        let following = Box::pin(self.follow(method, target, form));
        let Some(teller) = &self.teller else { return following.await };
        let text = |silent: Duration| {
            format!("no answer from etcd at {} for {} s", self.endpoint(), silent.as_secs())
        };
        teller.watch(moved, text, following).await
    }

    async fn follow(&self, method: &Method, target: &str, form: Option<&Bytes>) -> Result<Whole, Failure> {
        let mut target = target.to_owned();
        for _ in 0..=MOST_REDIRECTS {
            self.http.ready().await.map_err(|error| self.failed(error))?;
            let attempt = tokio::time::timeout(LONGEST_ANSWER, self.attempt(method, &target, form)).await;
            let Ok(answer) = attempt else { return Err(self.too_long()) };
            match answer? {
                Answer::Whole(answer) => return Ok(answer),
                Answer::Elsewhere(path_and_query) => target = path_and_query,
            }
        }
        Err(Error::new(ErrorKind::Protocol, "etcd redirects in a circle").into())
    }

    /// The failure of a request that was not sent, or not answered.
    fn failed(&self, error: SendError) -> Failure {
        Failure {
            unseen: error.stage == Stage::NotSent,
            passing: matches!(error.stage, Stage::Unknown | Stage::Body),
            error: error.into_error().at(At::Endpoint, self.endpoint()),
        }
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
        let send_failure = |error| self.failed(error);
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
            return Ok(Answer::Whole(body));
        }
        let error = error::error(status.as_u16(), &body);
        Err(Failure { unseen: false, passing: status >= StatusCode::INTERNAL_SERVER_ERROR, error })
    }

    /// A whole answer. It holds secrets, so that nothing of it stays in memory.
    async fn collect(
        &self,
        received: &mut Received,
        failure: impl Fn(SendError) -> Failure,
    ) -> Result<Whole, Failure> {
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

/// What was asked for, if it is there.
fn found<T>(asked: Result<T>) -> Result<Option<T>> {
    match asked {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        asked => asked.map(Some),
    }
}

/// The bytes of an answer, which hold secrets.
type Whole = Zeroizing<Vec<u8>>;

#[derive(Clone, Copy, PartialEq)]
enum Repeat {
    Always,
    IfUnseen,
}

enum Answer {
    Whole(Whole),
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
