//! Plain http over TCP or a unix socket: the request target byte for byte, by hyper.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::task::{Context, Poll};

use ::http::{HeaderValue, Request, Response, Uri, header};
use futures_util::StreamExt;
use http_body_util::BodyDataStream;
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpStream, UnixStream};

use super::body::Outgoing;
use super::socket::{Socket, Stream};
use super::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Stage, Timeouts};

/// The other end of a connection.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "backup"), expect(dead_code, unreachable_pub, reason = "only hosts have sockets"))]
pub enum Dial {
    /// A host (name or address, IPv6 in brackets or not) and a port.
    Tcp(String, u16),
    /// A unix socket, such as the near end of an ssh forward.
    Unix(PathBuf),
}

/// One plain http endpoint, with its own pool of connections (hyper's is keyed by authority, so that two sockets
/// under one `Host` would be mixed).
pub(crate) struct HyperTransport {
    client: legacy::Client<Connector, Outgoing>,
    host: HeaderValue,
    endpoint: Endpoint,
}

impl HyperTransport {
    /// An endpoint, whose host and port go into `Host`, whatever is connected to.
    #[must_use]
    pub(crate) fn new(dial: Dial, endpoint: Endpoint, timeouts: Timeouts) -> Self {
        let client = legacy::Client::builder(TokioExecutor::new())
            .retry_canceled_requests(false)
            .set_host(false)
            .build(Connector { dial, timeouts });
        let host =
            HeaderValue::from_str(endpoint.authority()).unwrap_or(HeaderValue::from_static("localhost"));
        Self { client, host, endpoint }
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
        let response =
            self.client.request(Request::from_parts(parts, body.outgoing())).await.map_err(classify)?;
        Ok(response.map(|body| {
            let frames = BodyDataStream::new(body).map(|frame| frame.map_err(io::Error::other));
            Received::new(Box::pin(frames))
        }))
    }
}

impl HttpSend for HyperTransport {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(self.attempt(request))
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
}

impl Connector {
    async fn connect(self) -> io::Result<TokioIo<Socket>> {
        let stream = tokio::time::timeout(self.timeouts.connect, self.dial()).await.map_err(|_| {
            let text = format!("no connection within {} s", self.timeouts.connect.as_secs());
            io::Error::new(io::ErrorKind::TimedOut, text)
        })??;
        Ok(TokioIo::new(Socket::new(stream, self.timeouts.idle)))
    }

    async fn dial(&self) -> io::Result<Stream> {
        match &self.dial {
            Dial::Tcp(host, port) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                let stream = TcpStream::connect((host, *port)).await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Dial::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        }
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
