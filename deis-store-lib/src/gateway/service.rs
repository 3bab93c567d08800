//! One request: read, judged, answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderName, Request, Response, header};
use hyper::body::Incoming;
use jiff::Timestamp;

use super::failure::Failure;
use super::op::{self, Call};
use super::parsed_request::ParsedRequest;
use super::request_body::RequestBody;
use super::response::{Answer, ResponseBody};
use super::store::Store;
use super::verifier::Verifier;
use crate::run::Clock;
use crate::secret::Credentials;

/// What answers requests.
pub(super) struct Service {
    store: Store,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    requests: AtomicU64,
}

impl Service {
    pub(super) fn new(store: Store, credentials: Credentials, clock: Arc<dyn Clock>) -> Self {
        Self { store, verifier: Verifier::new(credentials), clock, requests: AtomicU64::new(0) }
    }

    /// Answers a request. Whatever goes wrong is an answer too.
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Response<ResponseBody> {
        let now = self.clock.now();
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request_id = format!("tx{number:021x}-{seconds:010x}-embedded-default");
        let (head, incoming) = request.into_parts();
        let mut payload = RequestBody::new(incoming, &head.headers);
        let asked = ParsedRequest::read(&head);
        let answer = match &asked {
            Ok(asked) => self.answer(asked, &mut payload, now, number).await,
            Err(failure) => Err(*failure),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                payload.drain().await;
                let bucket = asked.as_ref().map_or("", |asked| asked.bucket.as_str());
                Answer::failure(failure, bucket, &request_id)
            }
        };
        answer
            .with(header::DATE, &httpdate::fmt_http_date(now))
            .with(HeaderName::from_static("x-amz-request-id"), &request_id)
            .into_response(&head.method)
    }

    async fn answer(
        &self,
        asked: &ParsedRequest,
        payload: &mut RequestBody,
        now: SystemTime,
        number: u64,
    ) -> Result<Answer, Failure> {
        if !self.verifier.is_signed(asked, now)? {
            let lists_buckets = asked.is_service() && asked.method == http::Method::GET;
            return if lists_buckets { Ok(op::anonymous()) } else { Err(Failure::AccessDenied) };
        }
        let now = Timestamp::try_from(now).map_err(|_| Failure::InternalError)?;
        op::perform(&Call { store: &self.store, asked, now, number }, payload).await
    }
}
