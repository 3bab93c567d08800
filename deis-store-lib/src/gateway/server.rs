//! The listener and its connections. All of them end with the gateway.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use super::service::Service;
use super::store::Store;
use crate::error::{At, Error, ErrorKind, Result};
use crate::run::Clock;
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
    /// loopback.
    pub async fn start(
        listen: SocketAddr,
        store: Store,
        credentials: Credentials,
        clock: Arc<dyn Clock>,
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
        let service = Arc::new(Service::new(store, credentials, clock));
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

async fn connection(stream: TcpStream, service: Arc<Service>, stop: CancellationToken) {
    // Without it the head of an answer waits for the client's delayed ACK.
    let _ = stream.set_nodelay(true);
    let respond = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, std::convert::Infallible>(service.respond(request).await) }
    });
    let connection = http1::Builder::new()
        .auto_date_header(false)
        .half_close(true)
        .max_buf_size(BUFFER_BYTES)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(stream), respond);
    tokio::pin!(connection);
    // What goes wrong with a connection is its client's to notice.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
