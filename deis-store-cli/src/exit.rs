//! Exit codes, in one table; `docs/exit-codes.md` says what to do about each.

use std::process::ExitCode;

use deis_store::report::Verdict;
use deis_store::{Error, ErrorKind};

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Incomplete = 3,
    Damaged = 4,
    Guard = 5,
    NotReady = 6,
    Locked = 7,
    Interrupted = 130,
}

impl Exit {
    pub(crate) fn code(self) -> u8 {
        self as u8
    }
}

impl From<&Error> for Exit {
    fn from(error: &Error) -> Self {
        match error.kind() {
            ErrorKind::Usage => Self::Usage,
            ErrorKind::Damaged => Self::Damaged,
            ErrorKind::Guard | ErrorKind::Occupied | ErrorKind::Changed | ErrorKind::NotModified => {
                Self::Guard
            }
            ErrorKind::Unreachable | ErrorKind::NotReady | ErrorKind::Timeout | ErrorKind::Busy => {
                Self::NotReady
            }
            ErrorKind::Locked => Self::Locked,
            ErrorKind::SourceChanged => Self::Incomplete,
            ErrorKind::Interrupted => Self::Interrupted,
            _ => Self::Failed,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::Done,
            Verdict::Incomplete => Self::Incomplete,
            Verdict::Damaged => Self::Damaged,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_file_that_changed_while_it_was_sent_makes_a_run_incomplete_and_is_no_damage() {
        let error = Error::new(ErrorKind::SourceChanged, "the file was changed while it was sent");
        assert_eq!(Exit::from(&error), Exit::Incomplete);
    }
}
