//! The trait of all operations, and what the client alone asks of them.

use http::Method;

use super::{Head, Request, Target};
use crate::s3::{Advice, S3Error};

/// One operation of S3 whose answer is read whole: what is asked, and what the answer means. [`super::GetObject`] is
/// none: the body of its answer is the object.
///
/// ```compile_fail
/// # use deis_store::s3::op::{GetObject, Operation};
/// fn is_operation<O: Operation>() {}
/// is_operation::<GetObject<'_>>();
/// ```
pub trait Operation: About {
    /// The meaning of its answer.
    type Output: Send;

    /// The request. Pure.
    fn request(&self) -> Request;

    /// Reads an answer whose status is a success. Pure.
    fn parse(&self, head: &Head, body: &[u8]) -> Result<Self::Output, S3Error>;
}

/// What the client must know to repeat an operation and to name what it was about. It cannot be named outside of the
/// library, so that all operations are made here.
pub trait About: Sync {
    /// The bucket or object that it is about.
    fn target(&self) -> Target<'_>;

    /// Whether it may be repeated.
    fn repeat(&self) -> Repeat {
        Repeat::Yes
    }

    /// The way to go on after an error. Pure.
    fn advice(&self, error: &S3Error, method: &Method) -> Advice {
        error.advice(method)
    }
}

/// Whether a request may be sent again when it is not known what became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repeat {
    /// It does the same again.
    Yes,
    /// It must be known before that it was not done: repeated, it would fail though the first one succeeded.
    ProbeFirst,
    /// It may not.
    No,
}

/// Reads an answer that has no body; one that has is a page of something in between.
pub(super) fn nothing(head: &Head, body: &[u8]) -> Result<(), S3Error> {
    if body.is_empty() { Ok(()) } else { Err(S3Error::unexpected(head, "it has a body")) }
}
