//! How a sync is done.

use std::path::PathBuf;
use std::str::FromStr;

use super::content_type::ContentTypes;
use super::globs::Globs;
use crate::error::{At, Error, ErrorKind, Result};
use crate::outcome::{Each, KeyOutcome};

/// How a sync is done.
#[derive(Debug, Default)]
pub struct SyncOptions<'a> {
    /// How it is known that a key is there already.
    pub unchanged_by: UnchangedBy,
    /// Delete in the target what the source does not have.
    pub delete_removed: bool,
    /// Delete nothing if that would be more than this.
    pub max_delete: Option<MaxDelete>,
    /// Change nothing.
    pub dry_run: bool,
    /// The `Content-Type` that files get.
    pub content_types: ContentTypes,
    /// Which paths to leave out, on either side, as if they were not there.
    pub globs: Globs,
    /// Objects that refer to all others: paths that these patterns leave out are copied after all others, and not at all if one
    /// of those was refused, has failed or vanished. Both sides are then walked twice.
    pub last: Globs,
    /// The directory for objects on their way between two clusters, in files without a name; by default the system's
    /// for temporary files.
    pub spool: Option<PathBuf>,
    /// Called for every key that the source or the target has.
    pub each: Each<'a, KeyOutcome>,
}

impl SyncOptions<'_> {
    /// The rounds of a sync: whether each is the last one, of the objects that refer to all others.
    pub(super) fn rounds(&self) -> &'static [bool] {
        if self.last.is_empty() { &[false] } else { &[false, true] }
    }
}

/// How it is known that a key is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnchangedBy {
    /// By size and time; if only the size agrees, by reading.
    #[default]
    SizeAndTime,
    /// By reading, also where size and time agree.
    Bytes,
    /// A key that is there is left alone.
    Presence,
}

/// How much may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDelete {
    /// So many objects.
    Count(u64),
    /// So many of a hundred objects of the target.
    Percent(u8),
}

impl FromStr for MaxDelete {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let percent = text.strip_suffix('%').map(|percent| percent.parse().ok().filter(|p| *p <= 100));
        match percent {
            Some(percent) => percent.map(Self::Percent),
            None => text.parse().ok().map(Self::Count),
        }
        .ok_or_else(|| {
            Error::new(ErrorKind::Usage, "neither a number nor a percentage").at(At::MaxDelete, text)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_or_a_percentage() {
        assert_eq!("7".parse::<MaxDelete>().unwrap(), MaxDelete::Count(7));
        assert_eq!("7%".parse::<MaxDelete>().unwrap(), MaxDelete::Percent(7));
        for text in ["", "%", "101%", "-1", "x"] {
            assert_eq!(text.parse::<MaxDelete>().unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
