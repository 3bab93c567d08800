//! What is wrong with an archive. Pure.

use std::borrow::Cow;
use std::{fmt, io};

use crate::error::printable;

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no archive, or not a whole one, or one that could be read in two ways.
    Malformed(Malformed),
    /// An entry that must not be unpacked.
    Refused(Refused),
}

/// What is malformed, by its name and place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub(super) what: Cow<'static, str>,
    /// The entry's name, for people, if it was known.
    pub(super) name: Option<String>,
    /// Where the entry begins, with the headers before its own, or the block that was read.
    pub(super) at_bytes: u64,
}

/// An entry that must not be unpacked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The entry's name, for people.
    pub(crate) name: String,
    pub(crate) why: Why,
}

/// Why an entry must not be unpacked. The text goes on after the entry's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It would be written, or would refer, to a place outside of the directory: nothing honest does that.
    Escapes(&'static str),
    /// It can be read in two ways with those before it, or is to nothing: programs would disagree on what it is.
    Ambiguous(&'static str),
    /// It is of a kind that is not read here.
    Unread(&'static str),
    /// It is more than was allowed.
    Beyond(String),
}

/// What is malformed in a part of an archive, whose place another one knows.
pub(super) type Wrong = &'static str;

impl Refused {
    pub(super) fn new(name: &[u8], why: Why) -> Self {
        Self { name: for_people(name), why }
    }
}

impl Why {
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::Escapes(text) | Self::Ambiguous(text) | Self::Unread(text) => text,
            Self::Beyond(text) => text,
        }
    }
}

/// The beginning of a name, with nothing that could deceive a terminal.
pub(super) fn for_people(name: &[u8]) -> String {
    const MOST_BYTES: usize = 300;
    printable(&String::from_utf8_lossy(&name[..name.len().min(MOST_BYTES)]))
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        Self::new(io::ErrorKind::InvalidData, fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(Malformed { what, name: None, at_bytes }) => {
                write!(f, "{what}, at byte {at_bytes}")
            }
            Self::Malformed(Malformed { what, name: Some(name), at_bytes }) => {
                write!(f, "{what}: the entry '{name}', at byte {at_bytes}")
            }
            Self::Refused(Refused { name, why }) => write!(f, "the entry '{name}' {}", why.text()),
        }
    }
}

impl std::error::Error for Fault {}

/// Takes what may be said but once.
pub(super) fn once<T>(field: &mut Option<T>, value: T) -> Result<(), Wrong> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err("a pax header says the same thing twice"),
    }
}
