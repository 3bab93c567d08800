//! Paths that are told to people: all are counted, the first are named.

use std::borrow::Cow;

use crate::error::printable;

/// So many are named.
const MOST_NAMED: usize = 1000;

/// Paths that are told to people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Noted {
    /// How many there are.
    pub(crate) count: u64,
    /// The first thousand.
    pub(crate) first: Vec<Note>,
}

/// A path, and what is said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    /// The path below the directory, as it may be printed; `.` for the directory itself.
    pub(crate) path: String,
    /// A clause: `was removed`.
    pub(crate) what: Cow<'static, str>,
}

impl Noted {
    pub(super) fn add(&mut self, path: &[u8], what: impl Into<Cow<'static, str>>) {
        self.count += 1;
        if self.first.len() < MOST_NAMED {
            self.first.push(Note { path: shown(path), what: what.into() });
        }
    }
}

/// A path as it may be printed.
pub(crate) fn shown(path: &[u8]) -> String {
    match path {
        b"" => ".".to_owned(),
        path => printable(&String::from_utf8_lossy(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_are_named_and_all_are_counted() {
        let mut noted = Noted::default();
        for _ in 0..1001 {
            noted.add(b"a\x1b\xff", "was removed");
        }
        assert_eq!((noted.count, noted.first.len()), (1001, 1000));
        assert_eq!(noted.first[0].path, "a\\u{1b}\u{fffd}");
        assert_eq!(shown(b""), ".");
    }
}
