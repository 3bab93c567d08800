//! The body of a request, as it comes.

use std::io;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::failure::Failure;

/// The largest body that is read whole: a completion with all parts has about 1 MB.
const MOST_XML_BYTES: usize = 2 << 20;

/// So much of the body of a refused request is read before the answer, for clients that look for it only then.
const MOST_DRAINED_BYTES: u64 = 64 << 20;

/// The body of a request.
#[derive(Debug)]
pub(super) struct RequestBody {
    incoming: Incoming,
    length_bytes: Option<u64>,
    /// The client sends the body only after a `100 Continue`.
    waits: bool,
    begun: bool,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, headers: &HeaderMap) -> Self {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        Self {
            incoming,
            length_bytes: text(http::header::CONTENT_LENGTH).and_then(|length| length.parse().ok()),
            waits: text(http::header::EXPECT).is_some_and(|value| value.eq_ignore_ascii_case("100-continue")),
            begun: false,
        }
    }

    /// The length that was announced.
    pub(super) fn length_bytes(&self) -> Option<u64> {
        self.length_bytes
    }

    /// The next piece; `None` at the end.
    pub(super) async fn next(&mut self) -> io::Result<Option<Bytes>> {
        self.begun = true;
        while let Some(frame) = self.incoming.frame().await {
            if let Ok(bytes) = frame.map_err(io::Error::other)?.into_data() {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// The whole, where it is small XML.
    pub(super) async fn xml(&mut self) -> Result<Bytes, Failure> {
        let mut whole = BytesMut::new();
        while let Some(piece) = self.next().await.map_err(|_| Failure::Malformed)? {
            if whole.len() + piece.len() > MOST_XML_BYTES {
                return Err(Failure::EntityTooLarge);
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }

    /// Reads what is left and throws it away.
    pub(super) async fn drain(&mut self) {
        if !self.waits || self.begun {
            self.skip(MOST_DRAINED_BYTES).await;
        }
    }

    /// Reads so many bytes, or to the end, and throws them away.
    pub(super) async fn skip(&mut self, bytes: u64) {
        let mut left_bytes = bytes;
        while left_bytes > 0 {
            let Ok(Some(piece)) = self.next().await else { return };
            left_bytes = left_bytes.saturating_sub(piece.len() as u64);
        }
    }
}
