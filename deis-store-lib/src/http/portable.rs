//! https, by reqwest: what it cannot send as it was signed, it refuses.
//!
//! reqwest puts every URL through `url::Url`, which takes `.` and `..` segments away; a signature covers them.

use std::io;

use ::http::{HeaderValue, Request, Response, header};
use futures_util::StreamExt;
use http_body_util::BodyDataStream;

use super::{Body, BoxFuture, HttpSend, Received, SendError, Stage, Timeouts};
use crate::error::{Error, ErrorKind, Result};

/// One https endpoint.
#[derive(Debug)]
pub struct Portable {
    client: reqwest::Client,
    host: HeaderValue,
    endpoint: String,
}

impl Portable {
    /// An endpoint, `HOST[:PORT]`. No proxy is used, whatever the environment says.
    pub fn new(authority: &str, timeouts: Timeouts) -> Result<Self> {
        let endpoint = format!("https://{authority}");
        let client = reqwest::Client::builder()
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.idle)
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot set up TLS").because(error))?;
        let host = HeaderValue::from_str(authority).map_err(|error| {
            Error::new(ErrorKind::Usage, "not a host").at("endpoint", &endpoint).because(error)
        })?;
        Ok(Self { client, host, endpoint })
    }

    async fn attempt(&self, request: Request<Body>) -> Result<Response<Received>, SendError> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let url = reqwest::Url::parse(&format!("{}{target}", self.endpoint))
            .map_err(|error| SendError::new(Stage::Unfaithful, error))?;
        if &url[url::Position::BeforePath..url::Position::AfterQuery] != target {
            return Err(SendError::new(Stage::Unfaithful, "https would change the path of this key"));
        }
        parts.headers.insert(header::HOST, self.host.clone());
        parts.headers.insert(header::CONTENT_LENGTH, body.length_bytes().into());
        // Without a size of its own the body takes the length from the header.
        let request = self
            .client
            .request(parts.method, url)
            .headers(parts.headers)
            .body(reqwest::Body::wrap_stream(BodyDataStream::new(body.outgoing())))
            .build()
            .map_err(|error| SendError::new(Stage::Unfaithful, error.without_url()))?;
        let response = self.client.execute(request).await.map_err(classify)?;
        Ok(Response::from(response).map(|body| {
            let frames = BodyDataStream::new(body)
                .map(|frame| frame.map_err(|error: reqwest::Error| io::Error::other(error.without_url())));
            Received::new(Box::pin(frames))
        }))
    }
}

impl HttpSend for Portable {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(self.attempt(request))
    }

    fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

fn classify(error: reqwest::Error) -> SendError {
    let stage = if error.is_connect() { Stage::NotSent } else { Stage::Unknown };
    let timed_out = error.is_timeout();
    SendError { timed_out, ..SendError::new(stage, error.without_url()) }
}
