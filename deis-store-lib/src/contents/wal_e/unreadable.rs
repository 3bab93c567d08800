//! Why an object was not read to its end. Pure.

use std::io;

/// Why an object was not read to its end.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// The source failed. This says nothing about the object.
    Io(io::Error),
    /// The bytes are not those of such an object: a plain sentence.
    Broken(String),
}

impl Unreadable {
    pub(super) fn broken(sentence: impl Into<String>) -> Self {
        Self::Broken(sentence.into())
    }
}
