//! The outcome of a listed key, and of a part as a whole. Pure.

#[cfg(feature = "backup")]
mod each;
mod key_outcome;

#[cfg(feature = "backup")]
pub use each::Each;
pub use key_outcome::{Fate, KeyOutcome, TargetOnly};

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result};
use crate::s3::Checked;
use crate::s3::etag::ETag;

/// The outcome of a listed key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", content = "why", rename_all = "snake_case")]
pub enum Outcome {
    /// Fetched, and as its `ETag` says.
    Stored,
    /// There already: in the previous snapshot, with which it is shared, or in the target.
    Unchanged,
    /// Fetched; its `ETag` says nothing of the bytes.
    Unverifiable(String),
    /// Gone since it was listed.
    Vanished,
    /// The server does not give it, or something that is not ours stands in its place.
    Refused(String),
    /// Not fetched.
    Failed(String),
}

impl Outcome {
    /// Whether the object's file is in the snapshot.
    #[must_use]
    pub fn is_on_disk(&self) -> bool {
        matches!(self, Self::Stored | Self::Unchanged | Self::Unverifiable(_))
    }

    /// The outcome of an object with this `ETag` that came, by what its bytes were checked against.
    #[must_use]
    pub fn of_checked(checked: Checked, etag: &str) -> Self {
        match (checked, ETag::parse(etag)) {
            (Checked::None, ETag::Parts { .. }) => Self::Unverifiable(DOUBTFUL.to_owned()),
            (Checked::None, _) => Self::Unverifiable("its ETag says nothing of its bytes".to_owned()),
            _ => Self::Stored,
        }
    }

    /// Whether its bytes may be damaged: its `ETag` tells of them, and no part size in use gives it. Of any other object
    /// that is [`Outcome::Unverifiable`], nothing tells anything.
    #[must_use]
    pub fn is_doubtful(&self) -> bool {
        matches!(self, Self::Unverifiable(why) if why == DOUBTFUL || why == PERHAPS_ANOTHER)
    }

    /// The outcome of a file that was adopted, and compared with no object.
    #[cfg(feature = "backup")]
    pub(crate) fn not_compared() -> Self {
        Self::Unverifiable(NOT_COMPARED.to_owned())
    }

    /// The outcome of a file that was adopted and may be the object with this `ETag`, which does not prove it.
    #[cfg(feature = "backup")]
    pub(crate) fn perhaps_another(etag: &str) -> Self {
        match ETag::parse(etag) {
            ETag::Parts { .. } => Self::Unverifiable(PERHAPS_ANOTHER.to_owned()),
            _ => Self::Unverifiable("the object's ETag says nothing of its bytes".to_owned()),
        }
    }

    /// Whether it is that of a file that was compared with no object. There may be a million of them in a snapshot.
    #[cfg(feature = "backup")]
    pub(crate) fn is_not_compared(&self) -> bool {
        matches!(self, Self::Unverifiable(why) if why == NOT_COMPARED)
    }

    /// Its reason, if it has one.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        match self {
            Self::Unverifiable(why) | Self::Refused(why) | Self::Failed(why) => Some(why),
            Self::Stored | Self::Unchanged | Self::Vanished => None,
        }
    }
}

/// So few keys may vanish from a bucket of any size.
const HANDFUL: u64 = 5;

/// Lists of snapshots hold it.
const DOUBTFUL: &str =
    "no usual part size gives its ETag: its bytes may be damaged, though two readings of it were equal";

const PERHAPS_ANOTHER: &str =
    "no usual part size gives the object's ETag: the file may be the object, or have other bytes";

/// Why nothing speaks for the bytes of an adopted file.
#[cfg(feature = "backup")]
const NOT_COMPARED: &str = "no gateway was asked when it was adopted";

/// The outcomes of the keys of a bucket, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Keys that were listed.
    pub listed: u64,
    /// Fetched.
    pub stored: u64,
    /// There already.
    pub unchanged: u64,
    /// Fetched, with an `ETag` that says nothing of the bytes.
    pub unverifiable: u64,
    /// Gone since they were listed.
    pub vanished: u64,
    /// Not given by the server.
    pub refused: u64,
    /// Not fetched.
    pub failed: u64,
}

impl Counts {
    /// Counts a listed key.
    pub fn add(&mut self, outcome: &Outcome) {
        self.listed += 1;
        *self.of(outcome) += 1;
    }

    /// Counts a key that was counted before, by another outcome.
    #[cfg(feature = "backup")]
    pub(crate) fn change(&mut self, from: &Outcome, to: &Outcome) {
        let count = self.of(from);
        *count = count.saturating_sub(1);
        *self.of(to) += 1;
    }

    fn of(&mut self, outcome: &Outcome) -> &mut u64 {
        match outcome {
            Outcome::Stored => &mut self.stored,
            Outcome::Unchanged => &mut self.unchanged,
            Outcome::Unverifiable(_) => &mut self.unverifiable,
            Outcome::Vanished => &mut self.vanished,
            Outcome::Refused(_) => &mut self.refused,
            Outcome::Failed(_) => &mut self.failed,
        }
    }

    /// The keys whose objects are not on disk, for whatever reason.
    #[cfg(feature = "backup")]
    pub(crate) fn lost(&self) -> u64 {
        self.vanished.saturating_add(self.refused).saturating_add(self.failed)
    }

    /// Why so many vanished keys are no deletions but a fault: of the listing, of what reads its keys, or of what answers for
    /// the objects. A few are what WAL-E's retention or a garbage collection takes away meanwhile; more than a handful and
    /// more than a tenth of all is what no run is likely to meet, and a copy without them must not be called whole.
    #[must_use]
    pub fn too_many_vanished(&self) -> Option<String> {
        let (vanished, listed) = (self.vanished, self.listed);
        (vanished > HANDFUL && vanished > listed / 10).then(|| {
            format!(
                "{vanished} of {listed} listed objects were gone when they were asked for: if nobody deleted them, the \
                 listing and the gateway disagree about their keys"
            )
        })
    }

    /// An internal error unless every listed key is counted once.
    pub fn add_up(&self) -> Result<()> {
        let ends = [self.stored, self.unchanged, self.unverifiable, self.vanished, self.refused, self.failed];
        if ends.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count)) == Some(self.listed) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Internal,
            format!("the outcomes of {} listed keys do not add up", self.listed),
        ))
    }
}

/// The outcome of a part as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartOutcome {
    /// It is in the snapshot; its counts say of single objects that are not.
    Stored,
    /// It was not asked for.
    Skipped,
    /// It was asked for and could not be taken.
    Failed,
    /// The platform has none.
    Absent,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_that_vanish_are_a_fault_and_a_few_are_not() {
        let fault =
            |vanished, listed| Counts { listed, vanished, ..Counts::default() }.too_many_vanished().is_some();
        assert!(!fault(5, 5) && fault(6, 6) && fault(6, 59) && !fault(6, 60));
        assert!(fault(101, 1000) && !fault(100, 1000));
    }

    #[test]
    fn every_listed_key_is_counted_once() {
        let mut counts = Counts::default();
        counts.add(&Outcome::Stored);
        counts.add(&Outcome::Failed("x".to_owned()));
        counts.add_up().unwrap();
        counts.failed = 0;
        assert_eq!(counts.add_up().unwrap_err().kind(), ErrorKind::Internal);
        let many = Counts { stored: u64::MAX, failed: 2, listed: 1, ..Counts::default() };
        assert!(many.add_up().is_err(), "a sum that wraps is not a sum");
    }
}
