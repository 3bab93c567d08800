//! How an answer goes onto a connection, or does not, where HTTP does not allow it.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncWriteExt as _, copy, sink};
use tokio::net::TcpStream;

use super::fault::Fault;

/// Before a reset what was sent must have come: a reset throws away what the receiver has not read.
const BEFORE_RESET: Duration = Duration::from_millis(20);
/// A header of more than this counts as endless.
const ENDLESS_BYTES: u64 = 64 << 20;
/// So many bytes of a body are in a chunk.
const CHUNK_BYTES: usize = 1000;
/// So much is written at a time.
const PIECE_BYTES: usize = 64 << 10;

/// The fate of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Next {
    Keep,
    Close,
}

/// An answer, and what is wrong with its way onto the connection.
pub(in crate::gateway) struct WireFault {
    pub(super) response: http::Response<Vec<u8>>,
    pub(super) fault: Fault,
    /// The request is a HEAD: its answer has no body.
    pub(super) is_head: bool,
    /// Told of bytes of a body that were sent.
    pub(super) sent: Box<dyn Fn(u64) + Send + Sync>,
}

impl WireFault {
    /// No answer.
    pub(in crate::gateway) fn closed() -> Self {
        let response = http::Response::new(Vec::new());
        Self { response, fault: Fault::Closed, is_head: false, sent: Box::new(|_| ()) }
    }

    /// Sends what is to be sent.
    pub(in crate::gateway) async fn send(self, stream: &mut TcpStream) -> io::Result<Next> {
        let body = self.response.body();
        let whole = body.len();
        match self.fault {
            Fault::Silent => wait_for_its_end(stream).await,
            Fault::EndlessHeader => self.header_without_end(stream).await,
            Fault::Garbage(ref bytes) => {
                stream.write_all(bytes).await?;
                Ok(Next::Close)
            }
            Fault::Short(at) | Fault::Replaced { at, .. } => {
                self.until(stream, at).await?;
                Ok(Next::Close)
            }
            Fault::Reset(at) => {
                self.until(stream, at).await?;
                tokio::time::sleep(BEFORE_RESET).await;
                socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO))?;
                Ok(Next::Close)
            }
            Fault::Stalled(at) => {
                self.until(stream, at).await?;
                wait_for_its_end(stream).await
            }
            Fault::Paused { at, pause } => {
                self.until(stream, at).await?;
                tokio::time::sleep(pause).await;
                self.body(stream, &body[at.min(whole)..]).await?;
                Ok(Next::Keep)
            }
            Fault::Length(more) => {
                self.head(stream, &measured(whole, more)).await?;
                self.body(stream, body).await?;
                // Bytes that are left over stay in the way of the next answer; missing ones never come.
                Ok(if more < 0 { Next::Keep } else { Next::Close })
            }
            Fault::Chunked => {
                self.chunks(stream).await?;
                stream.write_all(b"0\r\n\r\n").await?;
                Ok(Next::Keep)
            }
            Fault::Unterminated => {
                self.chunks(stream).await?;
                Ok(Next::Close)
            }
            Fault::Unmeasured => {
                self.head(stream, "Connection: close\r\n").await?;
                self.body(stream, body).await?;
                Ok(Next::Close)
            }
            Fault::ClosedAfter => {
                self.until(stream, whole).await?;
                Ok(Next::Close)
            }
            // The others are no matter of the connection.
            _ => Ok(Next::Close),
        }
    }

    /// The head, and the body up to there.
    async fn until(&self, stream: &mut TcpStream, at: usize) -> io::Result<()> {
        let body = self.response.body();
        self.head(stream, &measured(body.len(), 0)).await?;
        self.body(stream, &body[..at.min(body.len())]).await
    }

    async fn head(&self, stream: &mut TcpStream, length: &str) -> io::Result<()> {
        let status = self.response.status();
        let mut head =
            format!("HTTP/1.1 {} {}\r\n", status.as_u16(), status.canonical_reason().unwrap_or("-"))
                .into_bytes();
        for (name, value) in self.response.headers() {
            head.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend_from_slice(length.as_bytes());
        head.extend_from_slice(b"\r\n");
        stream.write_all(&head).await
    }

    async fn body(&self, stream: &mut TcpStream, bytes: &[u8]) -> io::Result<()> {
        if self.is_head {
            return Ok(());
        }
        for piece in bytes.chunks(PIECE_BYTES) {
            (self.sent)(piece.len() as u64);
            stream.write_all(piece).await?;
        }
        Ok(())
    }

    /// The head, and the body in chunks, without the last one.
    async fn chunks(&self, stream: &mut TcpStream) -> io::Result<()> {
        self.head(stream, "Transfer-Encoding: chunked\r\n").await?;
        for chunk in self.response.body().chunks(CHUNK_BYTES) {
            stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
            self.body(stream, chunk).await?;
            stream.write_all(b"\r\n").await?;
        }
        Ok(())
    }

    async fn header_without_end(&self, stream: &mut TcpStream) -> io::Result<Next> {
        let line = format!("X-Again: {}\r\n", "again ".repeat(150));
        let mut sent_bytes = 0;
        let mut written = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while written.is_ok() && sent_bytes < ENDLESS_BYTES {
            written = stream.write_all(line.as_bytes()).await;
            sent_bytes += line.len() as u64;
        }
        (self.sent)(sent_bytes);
        written.map(|()| Next::Close)
    }
}

fn measured(whole: usize, more: i64) -> String {
    let length = i64::try_from(whole).unwrap_or(i64::MAX).saturating_add(more);
    format!("Content-Length: {}\r\n", length.max(0))
}

/// Says nothing until the client has had enough.
async fn wait_for_its_end(stream: &mut TcpStream) -> io::Result<Next> {
    copy(stream, &mut sink()).await?;
    Ok(Next::Close)
}
