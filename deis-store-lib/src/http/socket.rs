//! A connection's socket: TCP or unix, with an idle timeout, and on Linux without the 40 ms trap.
//!
//! A stock radosgw writes header and body of an answer separately, and its Nagle algorithm holds the body until our
//! kernel acknowledges the header, which the kernel delays by 40 ms. `TCP_QUICKACK` is not sticky, so it is set
//! again after every write.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, Sleep, sleep};

pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// A socket that fails when nothing moves for `idle`.
pub(super) struct Socket {
    stream: Stream,
    idle: Duration,
    alarm: Pin<Box<Sleep>>,
    /// Whether the kernel acknowledges when it likes.
    late: bool,
    /// Whether somebody waits for it. While nobody does, it is not the socket that keeps still.
    waiting: bool,
}

impl Socket {
    pub(super) fn new(stream: Stream, idle: Duration) -> Self {
        Self { stream, idle, alarm: Box::pin(sleep(idle)), late: false, waiting: false }
    }

    /// The same with the 40 ms trap, if it is to be.
    pub(super) fn acknowledging_late(self, late: bool) -> Self {
        Self { late, ..self }
    }

    /// The answer of `poll`, or an error once nothing has moved for too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.waiting = false;
            return poll;
        }
        if !self.waiting {
            self.waiting = true;
            let end = Instant::now() + self.idle;
            self.alarm.as_mut().reset(end);
        }
        std::task::ready!(self.alarm.as_mut().poll(context));
        let text = format!("nothing was received or sent for {} s", self.idle.as_secs());
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text)))
    }

    fn acknowledge_quickly(&self) {
        #[cfg(target_os = "linux")]
        if let (Stream::Tcp(stream), false) = (&self.stream, self.late) {
            // A refusal costs speed and nothing else.
            let _ = socket2::SockRef::from(stream).set_tcp_quickack(true);
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let poll = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Unix(stream) => Pin::new(stream).poll_read(context, buffer),
        };
        self.watch(context, poll)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let poll = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Unix(stream) => Pin::new(stream).poll_write(context, bytes),
        };
        self.acknowledge_quickly();
        self.watch(context, poll)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let poll = match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Stream::Unix(stream) => Pin::new(stream).poll_write_vectored(context, slices),
        };
        self.acknowledge_quickly();
        self.watch(context, poll)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(context),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}

impl Connection for Socket {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    const IDLE: Duration = Duration::from_secs(90);

    fn pair() -> (Socket, UnixStream) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (Socket::new(Stream::Unix(ours), IDLE), theirs)
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_keeps_still_while_it_is_waited_for_fails() {
        let (mut socket, _theirs) = pair();
        let start = Instant::now();
        assert_eq!(socket.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(start.elapsed().as_secs(), IDLE.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_pauses_is_not_taken_for_a_socket_that_keeps_still() {
        let (mut socket, mut theirs) = pair();
        theirs.write_u8(1).await.unwrap();
        assert_eq!(socket.read_u8().await.unwrap(), 1);
        sleep(IDLE * 2).await;
        let later = async {
            sleep(IDLE / 2).await;
            theirs.write_u8(2).await.unwrap();
        };
        let (read, ()) = tokio::join!(socket.read_u8(), later);
        assert_eq!(read.unwrap(), 2);
    }
}
