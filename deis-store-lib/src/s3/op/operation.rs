//! The traits of all operations.

use super::{Head, Request, Target};
use crate::s3::{Advice, S3Error};

/// One operation of S3: what is asked, and of what.
pub trait Operation: Sync {
    /// The request. Pure.
    fn request(&self) -> Request;

    /// The bucket or object that it is about.
    fn target(&self) -> Target<'_>;

    /// Whether it may be repeated.
    fn repeat(&self) -> Repeat {
        Repeat::Yes
    }

    /// The way to go on after an error. Pure.
    fn advice(&self, error: &S3Error) -> Advice {
        error.advice(&self.request().method)
    }
}

/// An operation whose answer is read whole. [`super::GetObject`] is none: the body of its answer is the object.
pub trait Execute: Operation {
    /// The meaning of its answer.
    type Output: Send;

    /// Reads an answer whose status is a success. Pure.
    fn parse(&self, head: &Head, body: &[u8]) -> Result<Self::Output, S3Error>;
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
