//! What is wrong with an archive. Pure.

use std::fmt;

use crate::error::printable;

/// What is wrong with an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no archive, or not a whole one.
    Malformed(&'static str),
    /// An entry that must not be unpacked as root.
    Refused(Refused),
}

/// An entry that must not be unpacked as root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The entry's name, for people.
    pub(crate) name: String,
    pub(crate) why: Why,
}

/// Why an entry must not be unpacked as root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It would be written, or would refer, to a place outside of the directory: nothing honest does that.
    Escapes(&'static str),
    /// It can be in an honest directory, and gives rights to others than those whose files are there.
    Privileged(&'static str),
}

impl Refused {
    pub(super) fn new(name: &[u8], why: Why) -> Self {
        const MOST_BYTES: usize = 300;
        let name = String::from_utf8_lossy(&name[..name.len().min(MOST_BYTES)]);
        Self { name: printable(&name), why }
    }
}

impl Why {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Escapes(text) | Self::Privileged(text) => text,
        }
    }
}

impl From<Refused> for Fault {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(what) => f.write_str(what),
            Self::Refused(Refused { name, why }) => write!(f, "the entry '{name}' {}", why.text()),
        }
    }
}

impl std::error::Error for Fault {}
