//! The listener and its connections. All of them end with the gateway.

use std::fmt;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::faults::{Next, Reply, WireFault};
use super::options::GatewayOptions;
use super::service::Service;
use super::store::Store;
use crate::error::{At, Error, ErrorKind, Result};
use crate::secret::Credentials;

/// The most bytes of a request's head, and what each connection may hold of a body: radosgw takes 16 kB of metadata.
const BUFFER_BYTES: usize = 64 << 10;

/// The most headers of a request: radosgw takes hundreds with metadata.
const MOST_HEADERS: usize = 1024;

/// How long a stop waits for requests under way.
const GRACE: Duration = Duration::from_secs(2);

/// A running gateway. Dropping it ends it at once; [`Gateway::stop`] lets requests under way end first.
pub struct Gateway {
    address: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Gateway {
    /// Serves a store to one user. Port 0 takes a free port; to be reached from this machine alone, listen on
    /// loopback. The caller may keep the store too, and look into it.
    pub async fn start(
        listen: SocketAddr,
        store: impl Into<Arc<Store>>,
        credentials: Credentials,
        options: GatewayOptions,
    ) -> Result<Self> {
        let failed = |error: std::io::Error| {
            Error::new(ErrorKind::Usage, "cannot listen")
                .at(At::Address, listen)
                .todo("choose another address or port")
                .because(error)
        };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let stop = CancellationToken::new();
        let service = Arc::new(Service::new(store.into(), credentials, options));
        let serving = tokio::spawn(serve(listener, service, stop.clone()));
        Ok(Self { address, stop, serving })
    }

    /// The address it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL: `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Stops it, and waits until nothing of it is left.
    pub async fn stop(mut self) {
        self.stop.cancel();
        // It ends by itself, or it was aborted or panicked: over it is in any case.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn serve(listener: TcpListener, service: Arc<Service>, stop: CancellationToken) {
    // It aborts its tasks when it is dropped.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = connections.join_next() => (),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, service.clone(), stop.clone()));
                }
                // No more file descriptors, for one: some connection will end.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(GRACE, async { while connections.join_next().await.is_some() {} }).await;
    connections.shutdown().await;
}

async fn connection(mut stream: TcpStream, service: Arc<Service>, stop: CancellationToken) {
    // Without it the head of an answer waits for the client's delayed ACK.
    let _ = stream.set_nodelay(true);
    // The client notices by itself if its connection breaks.
    while let Some(interrupted) = until_fault(stream, &service, &stop).await {
        stream = interrupted.stream;
        let next = tokio::select! {
            next = interrupted.fault.send(&mut stream) => next,
            () = stop.cancelled() => return,
        };
        // A request that came before its turn is lost, and with it the connection.
        if !matches!(next, Ok(Next::Keep)) || interrupted.has_more {
            return;
        }
    }
}

/// A connection that waits for an answer that hyper cannot send.
struct Interrupted {
    stream: TcpStream,
    fault: WireFault,
    /// Bytes after the request were read.
    has_more: bool,
}

/// Serves a connection to its end, or until a request meets a fault that HTTP does not allow. Its answer is still to
/// be sent then.
async fn until_fault(
    stream: TcpStream,
    service: &Arc<Service>,
    stop: &CancellationToken,
) -> Option<Interrupted> {
    let met = Arc::new(Mutex::new(None));
    let respond = service_fn(|request| {
        let (service, met) = (service.clone(), met.clone());
        Box::pin(async move {
            match service.respond(request).await {
                Reply::Http(response) => Ok(response),
                Reply::Wire(fault) => {
                    *lock(&met) = Some(fault);
                    // hyper then sends nothing, and gives the connection back.
                    Err(io::Error::other("a fault"))
                }
            }
        })
    });
    let mut connection = http1::Builder::new()
        .auto_date_header(false)
        .half_close(true)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), respond);
    let stopped = tokio::select! {
        _ = poll_fn(|context| connection.poll_without_shutdown(context)) => false,
        () = stop.cancelled() => true,
    };
    if stopped {
        Pin::new(&mut connection).graceful_shutdown();
        let _ = poll_fn(|context| connection.poll_without_shutdown(context)).await;
    }
    let parts = connection.into_parts();
    let mut stream = parts.io.into_inner();
    let Some(fault) = lock(&met).take() else {
        let _ = stream.shutdown().await;
        return None;
    };
    Some(Interrupted { stream, fault, has_more: !parts.read_buf.is_empty() })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
