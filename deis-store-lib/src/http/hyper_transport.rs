//! Plain http over TCP or a unix socket: the request target byte for byte, by hyper.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, Uri, header};
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpStream, UnixStream};

use super::body::Outgoing;
use super::silence::Moved;
use super::socket::{Socket, Stream};
use super::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Stage, Timeouts};

/// The other end of a connection.
#[derive(Clone, Debug)]
#[cfg_attr(not(any(feature = "backup", test)), expect(dead_code, reason = "only hosts have sockets"))]
#[cfg_attr(not(feature = "backup"), expect(unreachable_pub, reason = "only hosts have sockets"))]
pub enum Dial {
    /// A host (name or address, IPv6 in brackets or not) and a port.
    Tcp(String, u16),
    /// The near end of a forward.
    Forward(Arc<dyn Forward>),
}

/// A forward, over a connection that may break and is made anew then.
#[cfg_attr(not(feature = "backup"), expect(unreachable_pub, reason = "only hosts have forwards"))]
pub trait Forward: fmt::Debug + Send + Sync + 'static {
    /// Waits until there is a connection to go over, within a limit of its own.
    fn ready(&self) -> BoxFuture<'_, io::Result<()>>;

    /// Goes through it: a socket at its near end. It waits as [`Forward::ready`] does.
    fn dial(&self) -> BoxFuture<'_, io::Result<UnixStream>>;
}

/// One plain http endpoint, with its own pool of connections (hyper's is keyed by authority, so that two sockets
/// under one `Host` would be mixed).
pub(crate) struct HyperTransport {
    client: legacy::Client<Connector, Outgoing>,
    dial: Dial,
    host: HeaderValue,
    endpoint: Endpoint,
    /// How long the head of an answer may take after the request.
    head: Duration,
}

impl HyperTransport {
    /// An endpoint, whose host and port go into `Host`, whatever is connected to.
    #[must_use]
    pub(crate) fn new(dial: Dial, endpoint: Endpoint, timeouts: Timeouts) -> Self {
        Self::build(dial, endpoint, timeouts, false)
    }

    /// The same with a kernel that acknowledges when it likes, as other clients have it: to measure what they pay.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn acknowledging_late(dial: Dial, endpoint: Endpoint, timeouts: Timeouts) -> Self {
        Self::build(dial, endpoint, timeouts, true)
    }

    fn build(dial: Dial, endpoint: Endpoint, timeouts: Timeouts, late: bool) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .set_host(false)
            .build(Connector { dial: dial.clone(), timeouts, late });
        let host =
            HeaderValue::from_str(endpoint.authority()).unwrap_or(HeaderValue::from_static("localhost"));
        // Twice the silence that is borne: what was sent last may still be on its way.
        Self { client, dial, host, endpoint, head: 2 * timeouts.idle }
    }

    async fn attempt(&self, request: Request<Body>) -> Result<Response<Received>, SendError> {
        let (mut parts, body) = request.into_parts();
        parts.headers.insert(header::HOST, self.host.clone());
        parts.headers.insert(header::CONTENT_LENGTH, body.length_bytes().into());
        // hyper's client wants an authority to pool by, and sends path and query alone.
        let target =
            parts.uri.into_parts().path_and_query.ok_or_else(|| unfaithful("a request without a target"))?;
        let mut absolute = ::http::uri::Parts::default();
        absolute.scheme = Some(::http::uri::Scheme::HTTP);
        absolute.authority = Some(::http::uri::Authority::from_static("pool"));
        absolute.path_and_query = Some(target);
        parts.uri = Uri::from_parts(absolute).map_err(unfaithful)?;
        let moved = Moved::now();
        let sent = moved.clone();
        let body = body.outgoing().inspected(move || sent.again());
        let answer = self.client.request(Request::from_parts(parts, body));
        // Each byte of a head that drips, and each `100 Continue`, is a sign of life for the socket.
        let answered = moved.within(self.head, answer).await;
        let response =
            answered.ok_or_else(|| SendError::new(Stage::Unknown, self.without_head()))?.map_err(classify)?;
        Ok(response.map(|body| {
            let frames = BodyDataStream::new(body).map(|frame| frame.map_err(io::Error::other));
            Received::new(Box::pin(frames))
        }))
    }

    fn without_head(&self) -> io::Error {
        let text = format!("the head of the answer did not come within {} s", self.head.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, text)
    }
}

impl HttpSend for HyperTransport {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(self.attempt(request))
    }

    fn ready(&self) -> BoxFuture<'_, Result<(), SendError>> {
        Box::pin(async {
            match &self.dial {
                Dial::Tcp(..) => Ok(()),
                Dial::Forward(forward) => {
                    forward.ready().await.map_err(|error| SendError::new(Stage::NotSent, error))
                }
            }
        })
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

impl fmt::Debug for HyperTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HyperTransport").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

fn unfaithful(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SendError {
    SendError::new(Stage::Unfaithful, source)
}

fn classify(error: legacy::Error) -> SendError {
    let not_sent = error.is_connect()
        || std::error::Error::source(&error)
            .and_then(|source| source.downcast_ref::<hyper::Error>())
            .is_some_and(hyper::Error::is_canceled);
    SendError::new(if not_sent { Stage::NotSent } else { Stage::Unknown }, error)
}

#[derive(Clone)]
struct Connector {
    dial: Dial,
    timeouts: Timeouts,
    late: bool,
}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<Socket>> {
        let stream = match &self.dial {
            Dial::Tcp(host, port) => Stream::Tcp(self.tcp(host, *port).await?),
            // It has a limit of its own.
            Dial::Forward(forward) => Stream::Unix(forward.dial().await?),
        };
        Ok(TokioIo::new(Socket::new(stream, self.timeouts.idle).acknowledging_late(self.late)))
    }

    async fn tcp(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let connecting = TcpStream::connect((host, port));
        let stream = tokio::time::timeout(self.timeouts.connect, connecting).await.map_err(|_| {
            let text = format!("no connection within {} s", self.timeouts.connect.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, text)
        })??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Socket>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<TokioIo<Socket>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::UnixListener;
    use tokio::time::{Instant, sleep};

    use super::*;

    /// A forward that is always there.
    #[derive(Debug)]
    struct Present(PathBuf);

    impl Forward for Present {
        fn ready(&self) -> BoxFuture<'_, io::Result<()>> {
            Box::pin(async { Ok(()) })
        }

        fn dial(&self) -> BoxFuture<'_, io::Result<UnixStream>> {
            Box::pin(UnixStream::connect(&self.0))
        }
    }

    /// What a request gets of a server that reads it and then sends these pieces, one each second, and the last one for ever.
    async fn answered(pieces: &'static [&'static [u8]]) -> (Result<u16, SendError>, u64) {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let _ = socket.read(&mut [0; 4096]).await;
            let last = pieces[pieces.len() - 1];
            for piece in pieces.iter().copied().chain(std::iter::repeat(last)) {
                if socket.write_all(piece).await.is_err() {
                    return;
                }
                sleep(Duration::from_secs(1)).await;
            }
        });
        let http = HyperTransport::new(
            Dial::Forward(Arc::new(Present(path))),
            Endpoint::within("x"),
            Timeouts::default(),
        );
        let request = Request::builder().uri("/").body(Body::Bytes(bytes::Bytes::new())).unwrap();
        let start = Instant::now();
        let answer = http.send(request).await.map(|response| response.status().as_u16());
        server.abort();
        (answer, start.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_whose_head_does_not_end_is_given_up() {
        const DRIPS: &[&[u8]] = &[b"HTTP/1.1 200 OK\r\n", b"a: b\r\nx: y", b"z"];
        const CONTINUES: &[&[u8]] = &[b"HTTP/1.1 100 Continue\r\n\r\n"];
        const ENDS: &[&[u8]] =
            &[b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"Content-Length: 0\r\n\r\n"];
        for pieces in [DRIPS, CONTINUES] {
            let (answer, seconds) = answered(pieces).await;
            let error = answer.unwrap_err();
            assert!(error.timed_out && error.stage == Stage::Unknown, "{error:?}");
            assert!((180..190).contains(&seconds), "{seconds}");
        }
        assert_eq!(answered(ENDS).await.0.unwrap(), 200);
    }
}
