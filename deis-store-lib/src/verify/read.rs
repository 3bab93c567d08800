//! Which files of a snapshot are read, and not only looked at. Pure.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::error::{At, Error, ErrorKind, Result};
use crate::hash::Sha256;

/// Which objects and large files are read. Presence and sizes are seen of all, and small files are always read, since
/// everything else rests on them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Read {
    /// None.
    Sizes,
    /// All.
    #[default]
    All,
    /// A random sample, chosen by the run's seed: runs with other seeds read others.
    Sample {
        /// How many of a hundred.
        percent: Percent,
    },
    /// A fixed share: as many runs as there are shares read everything, each thing once.
    Share(Share),
}

impl Read {
    /// Whether all files are read.
    #[must_use]
    pub fn is_everything(self) -> bool {
        match self {
            Self::Sizes => false,
            Self::All => true,
            Self::Sample { percent } => percent.0 == 100,
            Self::Share(share) => share.of == 1,
        }
    }

    /// Whether the file of this name is read.
    pub(super) fn reads(self, name: &str, seed: u64) -> bool {
        match self {
            Self::Sizes => false,
            Self::All => true,
            Self::Sample { percent } => number(&seed.to_le_bytes(), name) % 100 < u64::from(percent.0),
            Self::Share(share) => number(&[], name) % share.of == share.nth - 1,
        }
    }
}

/// As reports have it.
impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sizes => f.write_str("sizes"),
            Self::All => f.write_str("all"),
            Self::Sample { percent } => write!(f, "sample {}%", percent.0),
            Self::Share(share) => write!(f, "share {share}"),
        }
    }
}

impl Serialize for Read {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A number of the name alone, and of what it is salted with: the same wherever and whenever it is asked.
fn number(salt: &[u8], name: &str) -> u64 {
    let digest = Sha256::of(&[salt, name.as_bytes()].concat()).0;
    digest[..8].iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
}

/// From 1 to 100 of a hundred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percent(u8);

impl Percent {
    /// So many of a hundred, from 1 to 100.
    pub fn new(percent: u8) -> Result<Self> {
        if (1..=100).contains(&percent) {
            return Ok(Self(percent));
        }
        Err(Error::new(ErrorKind::Usage, "a sample is between 1 and 100 percent"))
    }
}

impl FromStr for Percent {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::new(text.parse().unwrap_or(0)).map_err(|error| error.at(At::Argument, text))
    }
}

/// One of so many shares, counted from one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    nth: u64,
    of: u64,
}

impl Share {
    /// The `nth` of `of` shares, counted from one.
    pub fn new(nth: u64, of: u64) -> Result<Self> {
        if (1..=of).contains(&nth) {
            return Ok(Self { nth, of });
        }
        Err(Error::new(ErrorKind::Usage, "a share is one of so many, counted from 1, such as 1/7"))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.nth, self.of)
    }
}

impl FromStr for Share {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let numbers = text.split_once('/').and_then(|(nth, of)| Some((nth.parse().ok()?, of.parse().ok()?)));
        let (nth, of) = numbers.unwrap_or((0, 0));
        Self::new(nth, of).map_err(|error| error.at(At::Argument, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        (0..10_000).map(|number| format!("key {number}")).collect()
    }

    #[test]
    fn a_sample_is_as_large_as_it_says_and_depends_on_the_seed_alone() {
        let names = names();
        let sample = |percent| Read::Sample { percent: Percent::new(percent).unwrap() };
        let chosen = |seed| names.iter().filter(|name| sample(10).reads(name, seed)).collect::<Vec<_>>();
        assert!((900..1100).contains(&chosen(1).len()));
        assert_eq!(chosen(1), chosen(1));
        assert_ne!(chosen(1), chosen(2));
        assert!(names.iter().all(|name| sample(100).reads(name, 1)));
    }

    #[test]
    fn the_shares_of_any_number_are_disjoint_and_together_everything() {
        for of in [1, 2, 3, 7, 64] {
            let shares: Vec<_> = (1..=of).map(|nth| Share::new(nth, of).unwrap()).collect();
            let mut sizes = vec![0_u64; shares.len()];
            for (seed, name) in names().iter().enumerate() {
                // It holds for any seed of a run.
                let reading: Vec<_> = (0..shares.len())
                    .filter(|index| Read::Share(shares[*index]).reads(name, seed as u64))
                    .collect();
                assert_eq!(reading.len(), 1, "{name} of {of}");
                sizes[reading[0]] += 1;
            }
            let fair = 10_000 / of;
            assert!(sizes.iter().all(|size| (fair / 2..=fair * 2).contains(size)), "{sizes:?}");
        }
    }

    #[test]
    fn what_is_no_percentage_or_share_cannot_be_written() {
        for text in ["0", "101", "-1", "", "x", "1.5", "300"] {
            assert_eq!(text.parse::<Percent>().unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
        for text in ["0/3", "4/3", "1/0", "0/0", "1", "/", "1/", "a/b", "1/2/3", "-1/3"] {
            assert_eq!(text.parse::<Share>().unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
        assert_eq!("2/3".parse::<Share>().unwrap().to_string(), "2/3");
    }
}
