//! A way to a gateway on which one object is damaged: the last byte of its first piece is flipped.

use std::sync::Arc;

use ::http::{Method, Request, Response};
use bytes::BytesMut;
use futures_util::stream;

use crate::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError};
use crate::s3::types::percent_encode;

/// Flips a byte of every GET of one key.
#[derive(Debug)]
pub(super) struct Damaged {
    inner: Arc<dyn HttpSend>,
    /// The end of the key's path.
    path: String,
}

impl Damaged {
    pub(super) fn new(inner: Arc<dyn HttpSend>, key: &str) -> Self {
        Self { inner, path: format!("/{}", percent_encode(key, true)) }
    }

    async fn damage(&self, request: Request<Body>) -> Result<Response<Received>, SendError> {
        let hit = request.method() == Method::GET && request.uri().path().ends_with(&self.path);
        let response = self.inner.send(request).await?;
        if !hit {
            return Ok(response);
        }
        Ok(response.map(|body| {
            let pieces = stream::unfold((body, false), |(mut body, done)| async move {
                let piece = body.next().await?.map_err(std::io::Error::other).map(|piece| {
                    let mut bytes = BytesMut::from(&piece[..]);
                    if let (false, Some(last)) = (done, bytes.last_mut()) {
                        *last ^= 1;
                    }
                    bytes.freeze()
                });
                Some((piece, (body, true)))
            });
            Received::new(Box::pin(pieces))
        }))
    }
}

impl HttpSend for Damaged {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(self.damage(request))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), SendError>> {
        self.inner.ready()
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}
