//! A transport that keeps below a number of requests and of bytes a second.
//!
//! Bytes are those of bodies, in both directions together. An answer's are counted as they are handed on: the kernel
//! has some more of them already, but asks for no others while these wait.

use std::num::NonZeroU64;
use std::sync::{Arc, Mutex, PoisonError};

use ::http::{Request, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep};

use super::body::{PIECE_BYTES, cut};
use super::rate::Rate;
use super::{Body, BoxFuture, Endpoint, Frames, HttpSend, Received, SendError, Source};

/// The limits that several transports share.
#[derive(Debug)]
pub(crate) struct Limits {
    since: Instant,
    requests: Option<Mutex<Rate>>,
    bytes: Option<Mutex<Rate>>,
    piece_bytes: usize,
}

impl Limits {
    /// So many requests and bytes of bodies a second; `None` is no limit.
    #[must_use]
    pub(crate) fn new(requests_per_second: Option<NonZeroU64>, bytes_per_second: Option<NonZeroU64>) -> Self {
        let rate = |per_second| Mutex::new(Rate::new(per_second));
        // Each of many transfers gets its turn soon, so that none looks broken to either side.
        let turn = bytes_per_second.map_or(u64::MAX, |bytes| bytes.get() / 8);
        Self {
            since: Instant::now(),
            requests: requests_per_second.map(rate),
            bytes: bytes_per_second.map(rate),
            piece_bytes: usize::try_from(turn).unwrap_or(usize::MAX).clamp(1, PIECE_BYTES),
        }
    }

    /// Waits until so much more may be used. A caller that stops waiting has taken it all the same.
    async fn wait(&self, rate: Option<&Mutex<Rate>>, amount: u64) {
        let Some(rate) = rate else { return };
        let wait = rate.lock().unwrap_or_else(PoisonError::into_inner).take(self.since.elapsed(), amount);
        if !wait.is_zero() {
            sleep(wait).await;
        }
    }

    /// The same pieces or smaller ones, each as soon as it may pass.
    fn pace(self: Arc<Self>, frames: Frames) -> Frames {
        let most_bytes = self.piece_bytes;
        let pieces = frames.flat_map(move |frame| {
            let (bytes, error) =
                frame.map_or_else(|error| (Bytes::new(), Some(Err(error))), |bytes| (bytes, None));
            stream::iter(cut(bytes, most_bytes).map(Ok).chain(error))
        });
        Box::pin(pieces.then(move |piece| {
            let limits = self.clone();
            async move {
                if let Ok(bytes) = &piece {
                    limits.wait(limits.bytes.as_ref(), bytes.len() as u64).await;
                }
                piece
            }
        }))
    }
}

/// A transport within [`Limits`], which it shares with others.
#[derive(Debug)]
pub(crate) struct Limited {
    inner: Arc<dyn HttpSend>,
    limits: Arc<Limits>,
}

impl Limited {
    /// A transport within limits.
    #[must_use]
    pub(crate) fn new(inner: Arc<dyn HttpSend>, limits: Arc<Limits>) -> Self {
        Self { inner, limits }
    }
}

impl HttpSend for Limited {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(async move {
            self.limits.wait(self.limits.requests.as_ref(), 1).await;
            if self.limits.bytes.is_none() {
                return self.inner.send(request).await;
            }
            let request = request.map(|body| match body.length_bytes() {
                0 => body,
                _ => Body::Source(Arc::new(Paced { body, limits: self.limits.clone() })),
            });
            let response = self.inner.send(request).await?;
            Ok(response.map(|body| body.map_frames(|frames| self.limits.clone().pace(frames))))
        })
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), SendError>> {
        self.inner.ready()
    }

    fn endpoint(&self) -> &Endpoint {
        self.inner.endpoint()
    }
}

/// A request's body within limits.
#[derive(Debug)]
struct Paced {
    body: Body,
    limits: Arc<Limits>,
}

impl Source for Paced {
    fn length_bytes(&self) -> u64 {
        self.body.length_bytes()
    }

    fn open(&self) -> Frames {
        self.limits.clone().pace(self.body.frames())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use std::io;
    use std::time::Duration;

    use futures_util::TryStreamExt as _;

    use crate::http::Stage;

    /// Reads each request's body, and answers with the same bytes as one piece, or with an error in its middle.
    #[derive(Debug)]
    struct Echo;

    impl HttpSend for Echo {
        fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
            Box::pin(async move {
                let broken = request.uri().path() == "/broken";
                let pieces: Vec<Bytes> = request.into_body().frames().try_collect().await.unwrap();
                let whole = Bytes::from(pieces.concat());
                let end = broken.then(|| Err(io::Error::from(io::ErrorKind::ConnectionReset)));
                Ok(Response::new(Received::new(Box::pin(stream::iter([Ok(whole)].into_iter().chain(end))))))
            })
        }

        fn endpoint(&self) -> &Endpoint {
            static ECHO: LazyLock<Endpoint> = LazyLock::new(|| Endpoint::within("echo"));
            &ECHO
        }
    }

    fn limits(requests: u64, bytes: u64) -> Arc<Limits> {
        Arc::new(Limits::new(NonZeroU64::new(requests), NonZeroU64::new(bytes)))
    }

    async fn echo(http: &Limited, target: &str, body: &[u8]) -> Result<Bytes, SendError> {
        let body = Body::Bytes(Bytes::copy_from_slice(body));
        let request = Request::builder().uri(target).body(body).unwrap();
        http.send(request).await?.body_mut().collect(usize::MAX).await
    }

    #[tokio::test(start_paused = true)]
    async fn requests_of_all_gateways_count_together() {
        let limits = limits(4, 0);
        let gateways = [0, 1].map(|_| Limited::new(Arc::new(Echo), limits.clone()));
        let start = Instant::now();
        for turn in 0..12 {
            echo(&gateways[turn % 2], "/", b"").await.unwrap();
        }
        // Four at once, and eight at four a second.
        assert_eq!(start.elapsed().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn bytes_of_both_directions_count_together_and_arrive_as_they_were() {
        let http = Limited::new(Arc::new(Echo), limits(0, 1000));
        let sent: Vec<u8> = (0..=255).cycle().take(2000).collect();
        let start = Instant::now();
        assert_eq!(echo(&http, "/", &sent).await.unwrap(), sent);
        // 4000 bytes, the first 1000 of them at once.
        assert!((3000..3010).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_transfer_is_not_kept_waiting_by_a_large_one() {
        let http = Arc::new(Limited::new(Arc::new(Echo), limits(0, 1000)));
        let large = http.clone();
        let large = tokio::spawn(async move { echo(&large, "/", &vec![0; 60_000]).await });
        tokio::time::sleep(Duration::from_secs(10)).await;
        let start = Instant::now();
        echo(&http, "/", b"small").await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        assert!(!large.is_finished());
        assert_eq!(large.await.unwrap().unwrap().len(), 60_000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_breaks_off_breaks_off_within_limits_too() {
        let http = Limited::new(Arc::new(Echo), limits(0, 1000));
        assert_eq!(echo(&http, "/broken", b"abc").await.unwrap_err().stage, Stage::Body);
    }

    #[tokio::test(start_paused = true)]
    async fn without_limits_nothing_waits() {
        let http = Limited::new(Arc::new(Echo), limits(0, 0));
        let start = Instant::now();
        for _ in 0..100 {
            echo(&http, "/", &vec![0; 100_000]).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
