//! An http proxy, and a server's end of TLS. Both forward to another address.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::heard::Heard;

/// A proxy that records the heads of its requests: of `CONNECT`, and of requests in absolute form.
pub(super) struct Proxy {
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Proxy {
    pub(super) async fn start() -> Self {
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let writes = heard.clone();
        let address = listen(move |stream| pass(stream, writes.clone())).await;
        Self { address, heard }
    }

    /// The heads since the last call.
    pub(super) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn pass(stream: TcpStream, heard: Arc<Mutex<Vec<Heard>>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let request = Heard::head(&mut stream).await?;
    heard.lock().unwrap().push(request.clone());
    let line = String::from_utf8(request.line).unwrap();
    let (method, rest) = line.split_once(' ').unwrap();
    let (target, version) = rest.rsplit_once(' ').unwrap();
    if method == "CONNECT" {
        let mut onward = TcpStream::connect(target).await.ok()?;
        stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.ok()?;
        copy_bidirectional(&mut stream, &mut onward).await.ok()?;
    } else {
        let (authority, path) = target.strip_prefix("http://")?.split_once('/')?;
        let mut onward = TcpStream::connect(authority).await.ok()?;
        // One request a connection, since a second one would have to be parsed, too.
        let mut onward_head = format!("{method} /{path} {version}\r\nconnection: close\r\n");
        for (name, value) in &request.headers {
            onward_head += &format!("{name}: {value}\r\n");
        }
        onward.write_all(format!("{onward_head}\r\n").as_bytes()).await.ok()?;
        copy_bidirectional(&mut stream, &mut onward).await.ok()?;
    }
    Some(())
}

/// Starts a server that ends TLS and forwards to `HOST:PORT`. Returns the address on which it listens.
pub(super) async fn terminator(tls: TlsAcceptor, onward: &str) -> String {
    let onward = onward.to_owned();
    listen(move |stream| {
        let (tls, onward) = (tls.clone(), onward.clone());
        async move {
            let mut stream = tls.accept(stream).await.ok()?;
            let mut onward = TcpStream::connect(onward).await.ok()?;
            copy_bidirectional(&mut stream, &mut onward).await.ok().map(drop)
        }
    })
    .await
}

async fn listen<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> String
where
    F: Future<Output = Option<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream));
        }
    });
    address
}
