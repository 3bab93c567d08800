//! What a request is answered with.

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;

use super::failure::Failure;
use super::xml::Xml;
use crate::http::Frames;

/// The body of an HTTP response.
pub(super) type ResponseBody = UnsyncBoxBody<Bytes, std::io::Error>;

/// An answer before it is sent.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Body,
}

enum Body {
    Bytes(Bytes),
    Stream { frames: Frames, length_bytes: u64 },
}

impl Answer {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::Bytes(Bytes::new()) }
    }

    /// A document.
    pub(super) fn xml(document: String) -> Self {
        let answer = Self { body: Body::Bytes(document.into()), ..Self::empty(StatusCode::OK) };
        answer.with(header::CONTENT_TYPE, "application/xml")
    }

    /// Bytes of an object.
    pub(super) fn stream(status: StatusCode, frames: Frames, length_bytes: u64) -> Self {
        Self { body: Body::Stream { frames, length_bytes }, ..Self::empty(status) }
    }

    /// An error as radosgw writes it: the message is empty.
    pub(super) fn failure(failure: Failure, bucket: &str, request_id: &str) -> Self {
        if failure.code().is_empty() {
            return Self::empty(failure.status());
        }
        let mut xml = Xml::new();
        xml.open("Error").text("Code", failure.code()).text("Message", "").text_if("BucketName", bucket);
        xml.text("RequestId", request_id).text("HostId", "embedded-default-default");
        let answer = Self { status: failure.status(), ..Self::xml(xml.finish("Error")) };
        // radosgw says so beside nearly every `Content-Length`.
        answer.with(header::ACCEPT_RANGES, "bytes")
    }

    /// With a header. A value that cannot be sent is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// As a response. To HEAD, the length stands there without the body.
    pub(super) fn into_response(self, method: &Method) -> Response<ResponseBody> {
        let never = |never: std::convert::Infallible| match never {};
        let (length_bytes, body) = match self.body {
            Body::Bytes(bytes) => (bytes.len() as u64, Full::new(bytes).map_err(never).boxed_unsync()),
            Body::Stream { frames, length_bytes } => {
                (length_bytes, StreamBody::new(frames.map(|frame| frame.map(Frame::data))).boxed_unsync())
            }
        };
        let body = if method == Method::HEAD { Empty::new().map_err(never).boxed_unsync() } else { body };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&self.status) {
            response.headers_mut().insert(header::CONTENT_LENGTH, length_bytes.into());
        }
        response
    }
}
