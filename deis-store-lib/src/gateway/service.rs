//! One request: read, judged, answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderName, Request, header};
use hyper::body::Incoming;
use jiff::Timestamp;

use super::failure::Failure;
use super::faults::{Fault, Injector, Reply, WireFault};
use super::op::{self, Call};
use super::options::GatewayOptions;
use super::parsed_request::ParsedRequest;
use super::request_body::RequestBody;
use super::response::Response;
use super::store::Store;
use super::verifier::Verifier;
use crate::run::Clock;
use crate::secret::Credentials;

/// The service that answers requests.
pub(super) struct Service {
    store: Arc<Store>,
    verifier: Verifier,
    clock: Arc<dyn Clock>,
    injector: Option<Injector>,
    requests: AtomicU64,
}

impl Service {
    pub(super) fn new(store: Arc<Store>, credentials: Credentials, options: GatewayOptions) -> Self {
        Self {
            store,
            verifier: Verifier::new(credentials),
            clock: options.clock,
            injector: options.faults.map(Injector::new),
            requests: AtomicU64::new(0),
        }
    }

    /// Answers a request. A failure is an answer too.
    pub(super) async fn respond(&self, request: Request<Incoming>) -> Reply {
        let number = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        let (head, incoming) = request.into_parts();
        let mut payload = RequestBody::new(incoming, &head.headers);
        let parsed = ParsedRequest::read(&head);
        let Some(injector) = &self.injector else {
            let response = self.honest(&parsed, &mut payload, number).await;
            return Reply::Http(response.into_http(&head.method));
        };
        match injector.fault(number, &head, parsed.as_ref().ok()) {
            None => {
                let response = self.honest(&parsed, &mut payload, number).await;
                injector.honest(number, response, &head.method)
            }
            Some(Fault::HangsUp(bytes)) => {
                payload.skip(bytes).await;
                Reply::Wire(WireFault::closed())
            }
            Some(Fault::Instead(response)) => {
                payload.skip(u64::MAX).await;
                let mut response = Response::of_http(response);
                if !response.headers.contains_key(header::DATE) {
                    response = response.with(header::DATE, &httpdate::fmt_http_date(self.clock.now()));
                }
                injector.honest(number, response, &head.method)
            }
            Some(fault) => {
                let response = self.honest(&parsed, &mut payload, number).await;
                if let (Fault::Replaced { by, .. }, Ok(parsed)) = (&fault, &parsed) {
                    self.store.put(&parsed.bucket, &parsed.key, by.clone(), self.clock.now());
                }
                injector.faulty(number, response, fault, &head.method).await
            }
        }
    }

    /// The answer to a request that was read, or to one that could not be.
    async fn honest(
        &self,
        parsed: &Result<ParsedRequest, Failure>,
        payload: &mut RequestBody,
        number: u64,
    ) -> Response {
        let now = self.clock.now();
        let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let request_id = format!("tx{number:021x}-{seconds:010x}-embedded-default");
        let response = match parsed {
            Ok(request) => self.perform(request, payload, now).await,
            Err(failure) => Err(*failure),
        };
        let response = match response {
            Ok(response) => response,
            Err(failure) => {
                payload.drain().await;
                let bucket = parsed.as_ref().map_or("", |request| request.bucket.as_str());
                Response::failure(failure, bucket, &request_id)
            }
        };
        response
            .with(header::DATE, &httpdate::fmt_http_date(now))
            .with(HeaderName::from_static("x-amz-request-id"), &request_id)
    }

    async fn perform(
        &self,
        request: &ParsedRequest,
        payload: &mut RequestBody,
        now: SystemTime,
    ) -> Result<Response, Failure> {
        if !self.verifier.is_signed(request, now)? {
            let lists_buckets = request.is_service() && request.method == http::Method::GET;
            return if lists_buckets { Ok(op::anonymous()) } else { Err(Failure::AccessDenied) };
        }
        let now = Timestamp::try_from(now).map_err(|_| Failure::InternalError)?;
        op::perform(&Call { store: &self.store, request, now }, payload).await
    }
}
