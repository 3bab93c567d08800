//! Some bytes of an object in one stream, which goes on after a break at the byte where it broke.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use super::Client;
use crate::error::{At, Error, ErrorKind, Result};
use crate::http::{BoxFuture, Received};
use crate::s3::content_encoding::{encoding_of, perhaps_compressed};
use crate::s3::op::{ByteRange, Conditions, GetObject, ObjectInfo};
use crate::s3::{BucketName, ObjectKey, etag};

/// A span of an object that is being downloaded.
pub(super) struct RangeStream {
    object: Arc<Object>,
    /// Where the next byte is in the object.
    offset_bytes: u64,
    end_bytes: u64,
    body: Body,
    /// Attempts since the last byte came.
    attempts: u32,
    /// The `Content-Encoding` of the object.
    encoding: Option<String>,
    /// Whether the first answer has said how long its body is.
    is_measured: bool,
}

/// The object, as the rest of it is asked for.
struct Object {
    client: Client,
    bucket: BucketName,
    key: ObjectKey,
    version_id: Option<String>,
    etag: String,
    total_bytes: u64,
}

enum Body {
    Coming(Received),
    Broken(BoxFuture<'static, Result<Received>>),
    Ended,
}

impl RangeStream {
    /// The stream of an operation, and of the answer to it.
    pub(super) fn new(
        client: &Client,
        operation: &GetObject<'_>,
        info: &ObjectInfo,
        received: Received,
    ) -> Self {
        let offset_bytes = operation.range.map_or(0, |range| range.first);
        let object = Object {
            client: client.clone(),
            bucket: operation.bucket.clone(),
            key: operation.key.clone(),
            version_id: operation.version_id.map(str::to_owned),
            etag: info.etag.clone(),
            total_bytes: info.total_bytes,
        };
        Self {
            object: Arc::new(object),
            offset_bytes,
            end_bytes: offset_bytes.saturating_add(info.size_bytes),
            body: Body::Coming(received),
            attempts: 0,
            encoding: encoding_of(info),
            is_measured: true,
        }
    }

    /// The same for an answer that has not said how long its body is.
    pub(super) fn of_unsaid_length(self) -> Self {
        Self { is_measured: false, ..self }
    }

    fn named(&self, error: Error) -> Error {
        perhaps_compressed(self.object.name_in(error), self.encoding.as_deref())
    }

    fn poll_piece(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            // A big object would otherwise hold up a run that is to stop until its end.
            self.object.client.0.stop.check().map_err(|error| self.object.name_in(error))?;
            let error = match &mut self.body {
                Body::Ended => return Poll::Ready(Ok(None)),
                Body::Broken(rest) => {
                    self.body = Body::Coming(ready!(rest.as_mut().poll(context))?);
                    self.is_measured = true;
                    continue;
                }
                Body::Coming(received) => match ready!(received.poll_next(context)) {
                    Some(Ok(bytes)) => {
                        self.attempts = 0;
                        let next_bytes = self.offset_bytes.saturating_add(bytes.len() as u64);
                        if next_bytes > self.end_bytes {
                            return Poll::Ready(Err(self.named(too_long(self.end_bytes))));
                        }
                        self.offset_bytes = next_bytes;
                        return Poll::Ready(Ok(Some(bytes)));
                    }
                    _ if self.offset_bytes == self.end_bytes => return Poll::Ready(Ok(None)),
                    // It has ended as if it were whole, so that its bytes need not be the object's first ones.
                    None if !self.is_measured => {
                        return Poll::Ready(Err(self.named(too_short(self.offset_bytes, self.end_bytes))));
                    }
                    None => Error::new(
                        ErrorKind::Protocol,
                        format!(
                            "the download ended early: {} of {} bytes",
                            self.offset_bytes, self.end_bytes
                        ),
                    ),
                    Some(Err(error)) => error.into_error(),
                },
            };
            self.attempts += 1;
            let Some(wait) = self.object.client.wait(self.attempts) else {
                return Poll::Ready(Err(self.named(error)));
            };
            // The broken body is dropped: it holds a permit, which the next attempt needs.
            self.body =
                Body::Broken(Box::pin(self.object.clone().rest(self.offset_bytes, self.end_bytes, wait)));
        }
    }
}

impl Stream for RangeStream {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let piece = ready!(self.poll_piece(context));
        if !matches!(piece, Ok(Some(_))) {
            self.body = Body::Ended;
        }
        Poll::Ready(piece.transpose())
    }
}

impl Object {
    async fn rest(self: Arc<Self>, offset_bytes: u64, end_bytes: u64, wait: Duration) -> Result<Received> {
        self.client.sleep(wait).await.map_err(|error| self.name_in(error))?;
        let operation = GetObject {
            range: Some(ByteRange { first: offset_bytes, last: end_bytes.checked_sub(1) }),
            conditions: Conditions { if_match: Some(&self.etag), ..Conditions::default() },
            version_id: self.version_id.as_deref(),
            ..GetObject::new(&self.bucket, &self.key)
        };
        let (rest, received) = self.client.streamed(&operation).await?;
        // Something in between may not know `If-Match`.
        if !etag::is_same(&rest.etag, &self.etag) {
            let text = format!("its ETag was {} and is {}", self.etag, rest.etag);
            let error = Error::new(ErrorKind::Changed, "the object is not what it was").because(text);
            return Err(self.name_in(error));
        }
        if rest.total_bytes != self.total_bytes {
            let what = "the rest of the object has another length than was announced";
            return Err(self.name_in(Error::new(ErrorKind::Protocol, what)));
        }
        Ok(received)
    }

    fn name_in(&self, error: Error) -> Error {
        error.at(At::Bucket, &self.bucket).at(At::Key, &self.key)
    }
}

/// An answer that does not say how long it is may be longer than the object: a proxy has changed it.
fn too_long(end_bytes: u64) -> Error {
    let what = format!("more than the {end_bytes} bytes of the object have come");
    Error::new(ErrorKind::Damaged, what).todo("look for a proxy that changes what it passes on")
}

/// A proxy that decompresses, or changes bytes otherwise, leaves the length out.
fn too_short(came_bytes: u64, end_bytes: u64) -> Error {
    let what = format!(
        "the answer, which does not say how long it is, has {came_bytes} of the object's {end_bytes} bytes"
    );
    Error::new(ErrorKind::Damaged, what)
        .todo("look for a proxy that changes what it passes on, or breaks off")
}
