//! A reader that passes an archive through unchanged while it is inspected.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, ReadBuf};

use super::entry::Sink;
use super::policy::{OnRefusal, Policy};
use super::read_error;
use super::scan::{Scan, Scanned};
use crate::error::Result;

/// A reader that passes an archive through unchanged, and gives its entries to a sink. If the archive is wrong or the sink
/// fails, the bytes still pass, and [`Inspected::finish`] returns the error.
pub(crate) struct Inspected<R, S> {
    inner: R,
    sink: S,
    scan: Scan,
    fault: Option<io::Error>,
}

impl<R: AsyncRead + Unpin, S: Sink + Unpin> Inspected<R, S> {
    /// Begins an inspection. The entries that a load would refuse are not given to the sink, and do not end it.
    pub(crate) fn new(reader: R, sink: S) -> Self {
        let policy = Policy { on_refusal: OnRefusal::Note, ..Policy::default() };
        Self { inner: reader, sink, scan: Scan::with_names(policy), fault: None }
    }

    /// What was seen of the archive. The caller must have read it to its end, else it counts as not whole.
    pub(crate) fn finish(self) -> Result<(Scanned, S)> {
        let scanned = match self.fault {
            Some(fault) => Err(fault),
            None => self.scan.finish(),
        };
        Ok((scanned.map_err(read_error)?, self.sink))
    }
}

impl<R: AsyncRead + Unpin, S: Sink + Unpin> AsyncRead for Inspected<R, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let filled = buffer.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        if this.fault.is_none() {
            this.fault = this.scan.push(&buffer.filled()[filled..], &mut this.sink).err();
        }
        Poll::Ready(Ok(()))
    }
}

impl<R, S> std::fmt::Debug for Inspected<R, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inspected").finish_non_exhaustive()
    }
}
