//! How an answer goes onto a connection, or does not.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::{Answer, Fault};

/// Before a reset what was sent must have come: a reset throws away what the receiver has not read.
const BEFORE_RESET: Duration = Duration::from_millis(20);
/// A header of more than this counts as endless.
const ENDLESS_BYTES: usize = 64 << 20;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Keep,
    Close,
}

/// A connection that waits for an answer.
pub(super) struct Wire<'a> {
    pub(super) stream: &'a TcpStream,
    /// Whether the request is a HEAD: its answer has no body.
    pub(super) is_head: bool,
    /// How many bytes of a body were sent.
    pub(super) sent_bytes: usize,
}

impl Wire<'_> {
    pub(super) fn send(&mut self, mut answer: Answer, fault: Option<&Fault>) -> io::Result<Next> {
        let body = std::mem::take(&mut answer.body);
        let whole = body.len();
        let measured = |more: i64| {
            let length = i64::try_from(whole).unwrap_or(i64::MAX).saturating_add(more);
            format!("Content-Length: {}\r\n", length.max(0))
        };
        match fault {
            Some(Fault::Silent) => self.wait_for_its_end(),
            Some(Fault::Closed) => Ok(Next::Close),
            Some(Fault::EndlessHeader) => self.header_without_end(&answer),
            Some(&Fault::Short(end) | &Fault::Replaced { at: end, .. }) => {
                self.begin(&answer, &measured(0))?;
                self.body(&body[..end.min(whole)])?;
                Ok(Next::Close)
            }
            Some(&Fault::Reset(end)) => {
                self.begin(&answer, &measured(0))?;
                self.body(&body[..end.min(whole)])?;
                std::thread::sleep(BEFORE_RESET);
                socket2::SockRef::from(self.stream).set_linger(Some(Duration::ZERO))?;
                Ok(Next::Close)
            }
            Some(&Fault::Stalled(end)) => {
                self.begin(&answer, &measured(0))?;
                self.body(&body[..end.min(whole)])?;
                self.wait_for_its_end()
            }
            Some(&Fault::Flipped(at)) => {
                let mut body = body;
                if let Some(byte) = body.get_mut(at.min(whole.saturating_sub(1))) {
                    *byte ^= 1;
                }
                self.begin(&answer, &measured(0))?;
                self.body(&body)?;
                Ok(Next::Keep)
            }
            Some(&Fault::Length(more)) => {
                self.begin(&answer, &measured(more))?;
                self.body(&body)?;
                // What is over stays in the way of the next answer; what is missing never comes.
                Ok(if more < 0 { Next::Keep } else { Next::Close })
            }
            Some(Fault::Chunked | Fault::Unterminated) => {
                self.begin(&answer, "Transfer-Encoding: chunked\r\n")?;
                for chunk in body.chunks(1000) {
                    self.stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                    self.body(chunk)?;
                    self.stream.write_all(b"\r\n")?;
                }
                if matches!(fault, Some(Fault::Unterminated)) {
                    return Ok(Next::Close);
                }
                self.stream.write_all(b"0\r\n\r\n")?;
                Ok(Next::Keep)
            }
            Some(Fault::Unmeasured) => {
                self.begin(&answer, "Connection: close\r\n")?;
                self.body(&body)?;
                Ok(Next::Close)
            }
            Some(Fault::ClosedAfter | Fault::HangsUp(_) | Fault::Instead(_) | Fault::Edited(_)) | None => {
                self.begin(&answer, &measured(0))?;
                self.body(&body)?;
                Ok(if matches!(fault, Some(Fault::ClosedAfter)) { Next::Close } else { Next::Keep })
            }
        }
    }

    fn begin(&mut self, answer: &Answer, length: &str) -> io::Result<()> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", answer.status);
        for (name, value) in &answer.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str(length);
        head.push_str("\r\n");
        self.stream.write_all(head.as_bytes())
    }

    fn body(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.is_head {
            return Ok(());
        }
        for piece in bytes.chunks(64 << 10) {
            self.stream.write_all(piece)?;
            self.sent_bytes += piece.len();
        }
        Ok(())
    }

    fn header_without_end(&mut self, answer: &Answer) -> io::Result<Next> {
        self.stream.write_all(format!("HTTP/1.1 {} Scripted\r\n", answer.status).as_bytes())?;
        let line = format!("X-Again: {}\r\n", "again ".repeat(150));
        while self.sent_bytes < ENDLESS_BYTES {
            self.stream.write_all(line.as_bytes())?;
            self.sent_bytes += line.len();
        }
        Ok(Next::Close)
    }

    /// Says nothing until the client has had enough.
    fn wait_for_its_end(&mut self) -> io::Result<Next> {
        let mut stream = self.stream;
        io::copy(&mut stream, &mut io::sink())?;
        Ok(Next::Close)
    }
}
