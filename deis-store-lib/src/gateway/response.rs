//! The answer to a request.

use std::io;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::body::Frame;

use super::failure::Failure;
use super::xml::Xml;
use crate::http::Frames;

/// The body of an HTTP response.
pub(super) type ResponseBody = UnsyncBoxBody<Bytes, io::Error>;

/// An answer before it is sent.
pub(super) struct Response {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    body: Body,
}

enum Body {
    Bytes(Bytes),
    Stream { frames: Frames, length_bytes: u64 },
}

impl Response {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: Body::Bytes(Bytes::new()) }
    }

    /// A document.
    pub(super) fn xml(document: String) -> Self {
        let response = Self { body: Body::Bytes(document.into()), ..Self::empty(StatusCode::OK) };
        response.with(header::CONTENT_TYPE, "application/xml")
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
        let response = Self { status: failure.status(), ..Self::xml(xml.finish("Error")) };
        // radosgw says so beside nearly every `Content-Length`.
        response.with(header::ACCEPT_RANGES, "bytes")
    }

    /// With a header. A value that cannot be sent is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// As a response, before it is sent.
    pub(super) fn of_http(response: http::Response<Vec<u8>>) -> Self {
        let (head, body) = response.into_parts();
        Self { status: head.status, headers: head.headers, body: Body::Bytes(body.into()) }
    }

    /// As a response with its body in memory, without `Content-Length`.
    pub(super) async fn collect(self) -> io::Result<http::Response<Vec<u8>>> {
        let body = match self.body {
            Body::Bytes(bytes) => bytes.into(),
            Body::Stream { frames, .. } => frames.try_collect::<Vec<Bytes>>().await?.concat(),
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        Ok(response)
    }

    /// As a response. To HEAD, the length stands there without the body.
    pub(super) fn into_http(self, method: &Method) -> http::Response<ResponseBody> {
        let never = |never: std::convert::Infallible| match never {};
        let (length_bytes, body) = match self.body {
            Body::Bytes(bytes) => (bytes.len() as u64, Full::new(bytes).map_err(never).boxed_unsync()),
            Body::Stream { frames, length_bytes } => {
                (length_bytes, StreamBody::new(frames.map(|frame| frame.map(Frame::data))).boxed_unsync())
            }
        };
        let body = if method == Method::HEAD { Empty::new().map_err(never).boxed_unsync() } else { body };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        if ![StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED].contains(&self.status) {
            response.headers_mut().insert(header::CONTENT_LENGTH, length_bytes.into());
        }
        response
    }
}
