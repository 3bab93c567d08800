//! The loop: a permit, a gateway, a fresh date and signature for each attempt, and what to do when it fails.

use std::sync::atomic::Ordering::Relaxed;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use http::{HeaderValue, Method, Request as HttpRequest, StatusCode, header};
use tokio::time::Instant;

use super::Client;
use super::concurrency::Permit;
use super::retry_budget::RetryBudget;
use super::wire::{Failure, Wire};
use crate::error::{At, Error, ErrorKind, Result};
use crate::http::{Body, Endpoint, HttpSend, Received, SendError, Stage};
use crate::run::shifted;
use crate::s3::op::{About, GetObject, Head, ObjectInfo, Operation, Repeat, Request, Target};
use crate::s3::{Advice, S3Error};

/// A wait of this is told of.
const TOLD_AFTER: Duration = Duration::from_secs(5);

/// Attempts at what comes too slowly.
const SLOW_ATTEMPTS: u32 = 3;

/// How long an answer may come slowly: one that is read whole, one to a copy, and an object.
const ANSWER_PATIENCE: Duration = Duration::from_secs(20);
const COPY_PATIENCE: Duration = Duration::from_hours(1);
const STREAM_PATIENCE: Duration = Duration::from_mins(1);

/// Between these times a gateway's clock is believed: from when S3 began, 2006, until 2100.
const EARLIEST_CLOCK: Duration = Duration::from_hours(315_576);
const LATEST_CLOCK: Duration = Duration::from_hours(1_139_568);

/// An answer of more than this is no answer of ours: a page of 1000 keys of 1024 bytes has about 4 MB.
const MOST_ANSWER_BYTES: usize = 16 << 20;

/// Attempts at a cluster of which no gateway has ever answered.
const FIRST_CONTACT_ATTEMPTS: u32 = 2;

/// Attempts at what ends in a 500 `UnknownError`.
const UNKNOWN_ERROR_ATTEMPTS: u32 = 2;

/// Attempts at what ends in a success that is none: what stands between changes every answer so.
const UNEXPECTED_ATTEMPTS: u32 = 4;

/// The circumstances of an operation.
#[derive(Clone, Copy, Default)]
pub(super) struct Call<'a> {
    /// A body, where it is not the operation's own.
    pub(super) body: Option<&'a Body>,
    /// Whether it waits for no permit.
    pub(super) at_once: bool,
    /// Whether it is sent even when the run is to stop: to clean up.
    pub(super) despite_stop: bool,
}

/// What is done with an object that comes without `Content-Length`: in chunks, or to the end of the connection.
#[derive(Clone, Copy)]
pub(super) enum Unmeasured {
    /// It is asked for again, and then it is an error: a short one could not be told from a whole one.
    Refused,
    /// It has this size.
    Known(u64),
    /// It has the size that it is listed with.
    Listed,
}

/// Reads an answer of success: its head and, unless its body is handed out, the whole of that.
type Read<'a> = &'a mut (dyn FnMut(&Head, &[u8]) -> Result<(), S3Error> + Send);

/// The use of an answer's body.
enum Answer<'a> {
    Whole(Read<'a>),
    /// It is handed out as it comes.
    Streamed(Read<'a>),
}

impl Client {
    /// Sends an operation without a separate body, and reads its answer.
    ///
    /// An operation whose answer's body is an object is for [`Client::get_with`]:
    ///
    /// ```compile_fail
    /// # use deis_store::s3::{BucketName, Client, ObjectKey, op::GetObject};
    /// # async fn get(client: Client, bucket: BucketName, key: ObjectKey) {
    /// client.execute(&GetObject::new(&bucket, &key)).await;
    /// # }
    /// ```
    pub async fn execute<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        self.collected(operation, Call::default()).await
    }

    /// Sends an operation and reads its whole answer.
    pub(super) async fn collected<O: Operation>(&self, operation: &O, call: Call<'_>) -> Result<O::Output> {
        self.collected_by(operation, call, |head, body| operation.parse(head, body)).await
    }

    /// The same, read otherwise than by the operation itself.
    pub(super) async fn collected_by<O: Operation>(
        &self,
        operation: &O,
        call: Call<'_>,
        mut parse: impl FnMut(&Head, &[u8]) -> Result<O::Output, S3Error> + Send,
    ) -> Result<O::Output> {
        let mut output = None;
        let mut read = |head: &Head, body: &[u8]| {
            output = Some(parse(head, body)?);
            Ok(())
        };
        self.send(operation, &operation.request(), call, Answer::Whole(&mut read)).await?;
        output.ok_or_else(|| Error::new(ErrorKind::Internal, "an answer that nobody has read"))
    }

    /// Asks for an object and hands out the body of the answer, which holds the permit.
    pub(super) async fn streamed(&self, operation: &GetObject<'_>) -> Result<(ObjectInfo, Received)> {
        let (info, _, received) = self.streamed_unmeasured(operation, Unmeasured::Refused).await?;
        Ok((info, received))
    }

    /// The same, and whether the answer has said how long its body is.
    pub(super) async fn streamed_unmeasured(
        &self,
        operation: &GetObject<'_>,
        unmeasured: Unmeasured,
    ) -> Result<(ObjectInfo, bool, Received)> {
        let mut read_head = None;
        let mut read = |head: &Head, _: &[u8]| {
            read_head = Some(match unmeasured {
                Unmeasured::Refused => (operation.parse_head(head)?, true),
                _ => operation.parse_head_unmeasured(head)?,
            });
            Ok(())
        };
        let answer = Answer::Streamed(&mut read);
        let received = self.send(operation, &operation.request(), Call::default(), answer).await?;
        let ((info, is_measured), received) = read_head
            .zip(received)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "an answer without a body"))?;
        let info = match unmeasured {
            _ if is_measured => info,
            Unmeasured::Known(size_bytes) => ObjectInfo { size_bytes, total_bytes: size_bytes, ..info },
            _ => self.measured(operation.bucket, operation.key, info).await?,
        };
        Ok((info, is_measured, received))
    }

    /// The error of every operation says what it is about.
    async fn send(
        &self,
        about: &dyn About,
        request: &Request,
        call: Call<'_>,
        answer: Answer<'_>,
    ) -> Result<Option<Received>> {
        self.repeat(about, request, call, answer).await.map_err(|error| match about.target() {
            Target::Service => error,
            Target::Bucket(bucket) => error.at(At::Bucket, bucket),
            Target::Object { bucket, key } => error.at(At::Bucket, bucket).at(At::Key, key),
        })
    }

    async fn repeat(
        &self,
        about: &dyn About,
        request: &Request,
        call: Call<'_>,
        mut answer: Answer<'_>,
    ) -> Result<Option<Received>> {
        let (mut attempts, mut slow_attempts) = (0, 0);
        let mut clock_before = None;
        let began = Instant::now();
        loop {
            if !call.despite_stop {
                self.0.stop.check()?;
            }
            let concurrency = &self.0.concurrency;
            let permit = if call.at_once { concurrency.at_once() } else { concurrency.permit().await };
            // Only now: a gateway may have been lost while this waited.
            let gateway = self.0.gateways.pick();
            let endpoint = gateway.http.endpoint();
            let wire = Wire::new(self, request, endpoint, attempts + 1);
            let failure = match self.attempt(&*gateway.http, &wire, call.body, permit, &mut answer).await {
                Ok(body) => {
                    gateway.resume();
                    self.budget().earn();
                    wire.tell_end(None);
                    return Ok(body);
                }
                Err(failure) => failure,
            };
            attempts += 1;
            wire.tell_end(Some(&failure));
            let (again, error) = match failure {
                Failure::Answer(error, date) => {
                    let advice = about.advice(&error, &request.method);
                    match (advice, date, clock_before) {
                        (Advice::LearnClock, Some(date), None) => {
                            clock_before = Some(self.learn_clock(date, endpoint));
                            continue;
                        }
                        // It did not help, so it was not the clock.
                        (Advice::LearnClock, _, Some(before)) => self.0.offset_ms.store(before, Relaxed),
                        _ => {}
                    }
                    // A 503 says that nothing was done; of other failures that is not known.
                    let may =
                        about.repeat() == Repeat::Yes || error.status == StatusCode::SERVICE_UNAVAILABLE;
                    let (unknown, unexpected) = (error.code == "UnknownError", error.finding.is_some());
                    let other = error.status == StatusCode::NOT_FOUND || error.status.is_redirection();
                    let error = self.with_hint(error.into_error(request)).at(At::Endpoint, endpoint);
                    // Something else answers there, and another address may be a gateway.
                    let other = other && error.kind() == ErrorKind::Protocol && attempts < self.gateways();
                    if other {
                        gateway.suspend(self.0.options.suspension);
                    }
                    // Mostly an error number that radosgw has no words for, and will have again.
                    let hopeless = (unknown && attempts >= UNKNOWN_ERROR_ATTEMPTS)
                        || (unexpected && attempts >= UNEXPECTED_ATTEMPTS);
                    ((advice == Advice::Again || other) && may && !hopeless, error)
                }
                Failure::Send(error) => {
                    if error.stage == Stage::NotSent || error.timed_out {
                        gateway.suspend(self.0.options.suspension);
                    }
                    slow_attempts += u32::from(error.is_too_slow());
                    let known = (self.0.reached.load(Relaxed) || attempts < self.first_contact_attempts())
                        && slow_attempts < SLOW_ATTEMPTS;
                    let again = match error.stage {
                        Stage::NotSent => known,
                        Stage::Unknown | Stage::Body => known && about.repeat() == Repeat::Yes,
                        Stage::Source | Stage::Untrusted | Stage::Unfaithful => false,
                    };
                    (again, wire.named(error.into_error()).at(At::Endpoint, endpoint))
                }
            };
            match self.0.options.backoff.wait(attempts, self.random()) {
                // The one page of a listing that is under way multiplies no load, and all others hang on it.
                Some(wait) if again && (call.at_once || self.budget().spend()) => {
                    if began.elapsed() >= TOLD_AFTER {
                        self.0.teller.say("retry", || wire.retry(&error));
                    }
                    self.sleep(wait).await?;
                }
                _ => return Err(error),
            }
        }
    }

    async fn attempt(
        &self,
        gateway: &dyn HttpSend,
        wire: &Wire<'_>,
        body: Option<&Body>,
        mut permit: Permit,
        answer: &mut Answer<'_>,
    ) -> Result<Option<Received>, Failure> {
        // Before the request is dated, and before it is the gateway that lets us wait.
        permit.run(gateway.ready()).await.map_err(Failure::Send)?;
        let request = self.signed(wire.request, body)?.map(|body| wire.watch_sent(body));
        let sent_bytes = request.body().length_bytes();
        let response = permit.run(wire.watch(gateway.send(request))).await.map_err(|error| {
            if error.timed_out {
                permit.overloaded();
            }
            Failure::Send(error)
        })?;
        permit.answered(sent_bytes);
        self.0.reached.store(true, Relaxed);
        let (parts, received) = response.into_parts();
        wire.answered(parts.status);
        let mut received = match answer {
            Answer::Streamed(_) => wire.watch_received(received, STREAM_PATIENCE),
            // A copy takes its time, and tells of it meanwhile.
            Answer::Whole(_) if !wire.request.method.is_safe() => {
                wire.watch_received(received, COPY_PATIENCE)
            }
            Answer::Whole(_) => wire.watch_received(received, ANSWER_PATIENCE),
        };
        let head = Head { status: parts.status, headers: parts.headers };
        let date = httpdate::parse_http_date(&head.text("date")).ok();
        let failed = |error| Failure::Answer(error, date);
        if !head.status.is_success() {
            // The status counts, with any body.
            let body = permit.run(received.collect(MOST_ANSWER_BYTES)).await.unwrap_or_default();
            let mut error = S3Error::read(&head, &body).without(&self.0.credentials);
            error.finding = compressed(&head);
            if error.is_overload() {
                permit.overloaded();
            }
            return Err(failed(error));
        }
        if let Some(date) = date {
            self.0.heard_offset_ms.store(self.ahead_ms(date), Relaxed);
        }
        match answer {
            Answer::Streamed(read) => {
                read(&head, b"").map_err(failed)?;
                Ok(Some(permit.body(received)))
            }
            Answer::Whole(read) => {
                let body = permit.run(received.collect(MOST_ANSWER_BYTES)).await.map_err(Failure::Send)?;
                // An answer to HEAD says how the object is encoded.
                if let Some(finding) = compressed(&head).filter(|_| wire.request.method != Method::HEAD) {
                    return Err(failed(S3Error::unexpected(&head, finding)));
                }
                read(&head, &body).map_err(failed)?;
                Ok(None)
            }
        }
    }

    fn signed(&self, request: &Request, body: Option<&Body>) -> Result<HttpRequest<Body>, Failure> {
        let mut request = request.clone();
        request
            .sign(&self.0.credentials, self.now())
            .map_err(|error| Failure::Send(SendError::new(Stage::Unfaithful, error)))?;
        let body = body.cloned().unwrap_or(Body::Bytes(request.body.clone()));
        let unfaithful = |error: http::Error| Failure::Send(SendError::new(Stage::Unfaithful, error));
        let mut sent = HttpRequest::builder()
            .method(request.method.clone())
            .uri(request.target())
            .body(body)
            .map_err(unfaithful)?;
        *sent.headers_mut() = request.headers;
        // Without it, RFC 9110 lets a proxy choose any encoding.
        sent.headers_mut().insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        Ok(sent)
    }

    fn first_contact_attempts(&self) -> u32 {
        FIRST_CONTACT_ATTEMPTS.max(self.gateways())
    }

    fn gateways(&self) -> u32 {
        u32::try_from(self.0.gateways.len()).unwrap_or(u32::MAX)
    }

    /// The time by the gateways' clocks, as far as known.
    fn now(&self) -> SystemTime {
        let now = self.0.clock.now();
        shifted(now, self.0.offset_ms.load(Relaxed)).unwrap_or(now)
    }

    /// Takes the gateway's time for the time, if it is one that a clock can have; gives the offset that was before.
    fn learn_clock(&self, date: SystemTime, endpoint: &Endpoint) -> i64 {
        let before = self.0.offset_ms.load(Relaxed);
        let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        if !(EARLIEST_CLOCK..LATEST_CLOCK).contains(&since_1970) {
            return before;
        }
        let offset = self.ahead_ms(date);
        self.0.offset_ms.store(offset, Relaxed);
        let direction = if offset < 0 { "ahead of" } else { "behind" };
        let text = format!(
            "warning: this machine's clock is {} s {direction} that of {endpoint}: requests are dated by the gateway's",
            offset.unsigned_abs() / 1000
        );
        self.0.teller.warn("clock-learnt", &text);
        before
    }

    /// How far a time is ahead of our clock.
    fn ahead_ms(&self, time: SystemTime) -> i64 {
        let ours = self.0.clock.now();
        let milliseconds = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        match time.duration_since(ours) {
            Ok(ahead) => milliseconds(ahead),
            Err(behind) => -milliseconds(behind.duration()),
        }
    }

    /// The advice on a signature that is not accepted, if the secret key looks as it does in JSON.
    fn with_hint(&self, error: Error) -> Error {
        let is_signature = matches!(error.code(), Some("SignatureDoesNotMatch") | None);
        if error.kind() == ErrorKind::Denied && is_signature && self.0.credentials.is_escaped() {
            return error.todo_instead(
                "the secret key holds `\\/`: JSON, which radosgw-admin prints, writes a slash so; give it without the \
                 backslashes",
            );
        }
        error
    }

    fn budget(&self) -> MutexGuard<'_, RetryBudget> {
        self.0.budget.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn random(&self) -> f64 {
        self.0.random.lock().map_or(0.5, |mut random| random.f64())
    }

    /// Waits, in slices short enough to stop in.
    pub(crate) async fn sleep(&self, wait: Duration) -> Result<()> {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            self.0.stop.check()?;
            let left = end - Instant::now();
            tokio::time::sleep(left.min(Duration::from_millis(100))).await;
        }
        self.0.stop.check()
    }

    /// How long to wait before the next attempt at something that broke off, or `None` to give up.
    pub(super) fn wait(&self, attempts: u32) -> Option<Duration> {
        self.0.options.backoff.wait(attempts, self.random())
    }
}

/// The finding that a proxy has compressed an answer: no gateway compresses what it says itself.
fn compressed(head: &Head) -> Option<String> {
    let encoding = head.text("content-encoding");
    let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
    (!is_plain).then(|| format!("a proxy has compressed the answer: its Content-Encoding is {encoding}"))
}
