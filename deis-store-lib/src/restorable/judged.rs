//! What a judge is shown, and its verdict. Pure.

use jiff::Timestamp;

use super::held_back::HeldBack;
use super::report::{Harm, Restorability};
use crate::hash::Sha256;

/// An object that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen<'a> {
    pub(crate) key: &'a str,
    /// When it was written, if that is known.
    pub(crate) modified: Option<Timestamp>,
    /// The digest of its bytes, if it is known.
    pub(crate) sha256: Option<Sha256>,
}

/// A verdict on a bucket.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    /// The references that need what is not there.
    pub(crate) held_back: HeldBack,
    /// To what it can be brought back.
    pub(crate) restorability: Restorability,
    /// All else that is wrong or worth a look.
    pub(crate) harm: Vec<Harm>,
}
