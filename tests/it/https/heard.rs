//! A server that records requests byte for byte, and sends a given answer.

use std::sync::{Arc, Mutex};

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// A request as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    /// The first line, without its end.
    pub(super) line: Vec<u8>,
    /// The headers in their order, names in lower case.
    pub(super) headers: Vec<(String, String)>,
    /// The body, as many bytes as `Content-Length` says.
    pub(super) body: Vec<u8>,
}

impl Heard {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Reads a request's head; `None` at the end of the connection.
    pub(super) async fn head(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<Self> {
        let line = line(stream).await?;
        let mut headers = Vec::new();
        loop {
            let line = String::from_utf8(self::line(stream).await?).unwrap();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        Some(Self { line, headers, body: Vec::new() })
    }
}

async fn line(stream: &mut (impl tokio::io::AsyncBufRead + Unpin)) -> Option<Vec<u8>> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line).await.ok().filter(|&read| read > 0)?;
    Some(line.strip_suffix(b"\r\n").unwrap().to_vec())
}

/// A server that answers every request with the same bytes.
pub(super) struct Server {
    /// `127.0.0.1:PORT`.
    pub(super) address: String,
    heard: Arc<Mutex<Vec<Heard>>>,
}

pub(super) const NOTHING: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

impl Server {
    pub(super) async fn start(tls: Option<TlsAcceptor>, answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let heard = Arc::<Mutex<Vec<Heard>>>::default();
        let writes = heard.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, writes) = (tls.clone(), writes.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &writes, answer).await,
                        // A client that does not trust this server breaks off here.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &writes, answer).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { address, heard }
    }

    /// The requests since the last call.
    pub(super) fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    heard: &Mutex<Vec<Heard>>,
    answer: &[u8],
) -> Option<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let mut request = Heard::head(&mut stream).await?;
        let length = request.header("content-length").map_or(0, |text| text.parse().unwrap());
        request.body.resize(length, 0);
        stream.read_exact(&mut request.body).await.ok()?;
        let close = request.header("connection") == Some("close");
        heard.lock().unwrap().push(request);
        if close {
            let (status, rest) = answer.split_at(answer.iter().position(|&byte| byte == b'\n')? + 1);
            stream.write_all(&[status, b"Connection: close\r\n", rest].concat()).await.ok()?;
            return stream.shutdown().await.ok();
        }
        stream.write_all(answer).await.ok()?;
        stream.flush().await.ok()?;
    }
}
