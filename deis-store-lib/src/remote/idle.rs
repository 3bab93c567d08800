//! Streams of a command that end with an error when they stand still. Before that, it is told of.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use crate::http::silence::{Teller, told_after};

/// How long a command may write nothing, or take nothing, while it is waited for. A dump may wait for a lock, and a file
/// system for a daemon that comes back; what lasts longer does not end by itself.
pub(super) const IDLE: Duration = Duration::from_mins(2);

/// A stream that fails if it stands still for [`IDLE`] while it is waited for.
pub(super) struct Idle<S> {
    inner: S,
    /// What is said of it then, without for how long.
    what: String,
    teller: Option<Arc<Teller>>,
    waiting: Option<Waiting>,
}

struct Waiting {
    since: Instant,
    times_told: u64,
    alarm: Pin<Box<Sleep>>,
}

impl<S: Unpin> Idle<S> {
    /// A stream of a command.
    pub(super) fn new(inner: S, command: &str, does: &str, teller: Option<Arc<Teller>>) -> Self {
        Self { inner, what: format!("`{command}` {does}"), teller, waiting: None }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.waiting = None;
            return polled;
        }
        let waiting = self.waiting.get_or_insert_with(|| Waiting {
            since: Instant::now(),
            times_told: 0,
            alarm: Box::pin(sleep(told_after(0).min(IDLE))),
        });
        loop {
            ready!(waiting.alarm.as_mut().poll(context));
            let silent = waiting.since.elapsed();
            let text = || format!("{} for {} s", self.what, silent.as_secs());
            if silent >= IDLE {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, text())));
            }
            if let Some(teller) = &self.teller {
                teller.say("waiting", text);
            }
            waiting.times_told += 1;
            let next = waiting.since + told_after(waiting.times_told).min(IDLE);
            waiting.alarm.as_mut().reset(next);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Idle<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        self.watch(context, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Idle<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.watch(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_flush(context);
        self.watch(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_shutdown(context);
        self.watch(context, polled)
    }
}
