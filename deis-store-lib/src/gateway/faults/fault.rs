//! The faults of a gateway. Pure.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// One thing that a gateway does wrong with one request. Places in a body are counted in bytes; one past its end is its end.
///
/// Unless it says otherwise, the request is carried out first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The body ends there, short of its announced length, and the connection is closed.
    Short(usize),
    /// The connection is reset there.
    Reset(usize),
    /// Nothing more comes, and the connection stays open.
    Stalled(usize),
    /// The body pauses there.
    Paused {
        /// Where.
        at: usize,
        /// For how long.
        pause: Duration,
    },
    /// The lowest bit of that byte is flipped.
    Flipped(usize),
    /// As [`Fault::Short`], and from then on the object is another one.
    Replaced {
        /// Where.
        at: usize,
        /// The new object's bytes.
        by: Bytes,
    },
    /// `Content-Length` says so many bytes more, or fewer, than come.
    Length(i64),
    /// The body comes in chunks, without `Content-Length`.
    Chunked,
    /// As [`Fault::Chunked`], and the last chunk never comes.
    Unterminated,
    /// The body comes without `Content-Length`, to the end of the connection.
    Unmeasured,
    /// The answer comes so much later.
    Delayed(Duration),
    /// No answer, and the connection stays open.
    Silent,
    /// No answer, and the connection is closed.
    Closed,
    /// An honest answer, after which the connection is closed without a word.
    ClosedAfter,
    /// Nothing more of the request's body is read after so many bytes, and the connection is closed. The request is
    /// not carried out.
    HangsUp(u64),
    /// The header of the answer never ends.
    EndlessHeader,
    /// These bytes in place of an answer, and the connection is closed.
    Garbage(Bytes),
    /// Another answer, and the request is not carried out. `Content-Length` and, where it is missing, `Date` are set.
    Instead(http::Response<Vec<u8>>),
    /// The honest answer, changed. `Content-Length` is set afterwards.
    Edited(Edit),
}

/// A change of an answer.
#[derive(Clone)]
pub struct Edit(Arc<Change>);

type Change = dyn Fn(&mut http::Response<Vec<u8>>) + Send + Sync;

impl Fault {
    /// [`Fault::Edited`] by a closure.
    pub fn edited(edit: impl Fn(&mut http::Response<Vec<u8>>) + Send + Sync + 'static) -> Self {
        Self::Edited(Edit(Arc::new(edit)))
    }
}

impl Edit {
    /// Changes an answer.
    pub(super) fn apply(&self, response: &mut http::Response<Vec<u8>>) {
        (self.0)(response);
    }
}

impl fmt::Debug for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Edit(..)")
    }
}
