//! The lines of `verified.jsonl`: results, the damage that they named, and a digest of all lines before it. Pure.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::time::milliseconds;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::Sha256;
use crate::report::Verdict;

/// So many results are kept, the newest ones.
const MOST_RESULTS: usize = 100;

/// So many names are kept. If there were more, everything is taken for damaged.
const MOST_NAMES: usize = 10_000;

/// Verifications that end at the same time wait for each other, and are kept in any order.
const AT_ONCE: SignedDuration = SignedDuration::from_mins(1);

/// The result of a verification, as the snapshot keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// When it ended.
    #[serde(with = "milliseconds")]
    pub time: Timestamp,
    /// Name and version of the program that verified.
    pub program: String,
    /// The choice of what was read: `all`, `sizes`, `sample N%` or `share N/M`, and `, stopped` if it was.
    pub read: String,
    /// The verdict, on what was read.
    pub verdict: Verdict,
    /// The number of damaged files.
    pub damaged: u64,
    /// Whether some of them are not named, since there were too many.
    #[serde(default, skip_serializing_if = "is_false")]
    pub more: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives the field so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A place that is damaged: a key of a part, a file by its path, everything of a part, or, without any, everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct DamagedPlace {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) part: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Result(Verification),
    Damaged {
        #[serde(with = "milliseconds")]
        since: Timestamp,
        #[serde(flatten)]
        place: DamagedPlace,
    },
    Sealed {
        sha256: Sha256,
    },
}

/// The content of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Record {
    /// The results, oldest first.
    pub(super) results: Vec<Verification>,
    /// The damaged places, and since when each is known.
    pub(super) places: BTreeMap<DamagedPlace, Timestamp>,
}

impl Record {
    /// Reads the file. One that is not as it was written is an error: it may have named more.
    pub(super) fn parse(text: &[u8]) -> Result<Self> {
        let (mut record, mut sealed, mut end) = (Self::default(), false, 0);
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let read = serde_json::from_slice(line);
            match read.map_err(|error| damaged("a line of it is none of ours").because(error))? {
                _ if sealed => return Err(damaged("it goes on behind its end")),
                Line::Result(result) => record.results.push(result),
                Line::Damaged { since, place } => record.add(place, since),
                Line::Sealed { sha256 } if sha256 == Sha256::of(&text[..end]) => sealed = true,
                Line::Sealed { .. } => return Err(damaged("it is not as it was written")),
            }
            end += line.len();
        }
        if sealed { Ok(record) } else { Err(damaged("its end is missing")) }
    }

    /// The file.
    pub(super) fn text(&self) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        let results = self.results.iter().cloned().map(Line::Result);
        let places = self.places.iter();
        let places = places.map(|(place, since)| Line::Damaged { since: *since, place: place.clone() });
        results.chain(places).try_for_each(|line| push(&mut text, &line))?;
        let sha256 = Sha256::of(&text);
        push(&mut text, &Line::Sealed { sha256 })?;
        Ok(text)
    }

    /// Adds a result, and the places that it names. A good one that has read everything since that time takes away what was named
    /// before: all of it, or nothing if another one has found damage meanwhile, which may be at a place that was known.
    pub(super) fn keep(
        &mut self,
        result: Verification,
        places: Vec<DamagedPlace>,
        all_read_since: Option<Timestamp>,
    ) {
        if let Some(since) = all_read_since
            && result.verdict == Verdict::Good
            && !self.found_damage_between(since, result.time)
        {
            self.places.clear();
        }
        if result.more {
            self.add(DamagedPlace::default(), result.time);
        }
        for place in places {
            self.add(place, result.time);
        }
        self.results.push(result);
        self.results.drain(..self.results.len().saturating_sub(MOST_RESULTS));
    }

    /// Whether a verification has found damage between these times. One by a clock that was far ahead is not between them: its
    /// damage would stay for ever.
    fn found_damage_between(&self, since: Timestamp, until: Timestamp) -> bool {
        let is_between = |time: Timestamp| time > since && time.duration_since(until) <= AT_ONCE;
        self.results.iter().any(|kept| kept.verdict == Verdict::Damaged && is_between(kept.time))
    }

    /// Adds a damaged place, unless it is known.
    pub(super) fn add(&mut self, place: DamagedPlace, since: Timestamp) {
        if self.places.len() >= MOST_NAMES && !self.places.contains_key(&place) {
            self.places.entry(DamagedPlace::default()).or_insert(since);
        } else {
            self.places.entry(place).or_insert(since);
        }
    }
}

fn push(text: &mut Vec<u8>, line: &Line) -> Result<()> {
    serde_json::to_writer(&mut *text, line)
        .map_err(|error| Error::new(ErrorKind::Internal, "a value that is no JSON").because(error))?;
    text.push(b'\n');
    Ok(())
}

fn damaged(what: &str) -> Error {
    Error::new(ErrorKind::Damaged, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(seconds: i64, verdict: Verdict) -> Verification {
        Verification {
            time: Timestamp::from_second(seconds).unwrap(),
            program: "deis-store 0.1.0".to_owned(),
            read: "all".to_owned(),
            verdict,
            damaged: 0,
            more: false,
        }
    }

    fn all_since(seconds: i64) -> Option<Timestamp> {
        Timestamp::from_second(seconds).ok()
    }

    fn key(key: &str) -> DamagedPlace {
        DamagedPlace { part: Some("registry".to_owned()), key: Some(key.to_owned()), path: None }
    }

    fn names(record: &Record) -> Vec<&str> {
        record.places.keys().map(|place| place.key.as_deref().unwrap_or("*")).collect()
    }

    #[test]
    fn what_is_written_is_read_and_nothing_less_or_else() {
        let mut record = Record::default();
        record.keep(result(1, Verdict::Damaged), vec![key("a\n\"b"), key("")], None);
        record.keep(Verification { more: true, ..result(2, Verdict::Damaged) }, Vec::new(), None);
        let text = record.text().unwrap();
        assert_eq!(Record::parse(&text).unwrap(), record);
        for end in 0..text.len() - 1 {
            assert!(Record::parse(&text[..end]).is_err(), "{end}");
        }
        for at in 0..text.len() - 1 {
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(Record::parse(&changed).is_err(), "{at}: {}", String::from_utf8_lossy(&changed));
        }
        let twice = [text.clone(), text].concat();
        assert!(Record::parse(&twice).is_err());
    }

    #[test]
    fn damage_is_taken_away_only_by_a_good_reading_of_everything() {
        let mut record = Record::default();
        record.keep(result(1, Verdict::Damaged), vec![key("a")], all_since(0));
        record.keep(result(2, Verdict::Good), Vec::new(), None);
        record.keep(result(3, Verdict::Incomplete), Vec::new(), all_since(2));
        record.keep(result(4, Verdict::Damaged), vec![key("a"), key("b")], all_since(3));
        assert_eq!(names(&record), ["a", "b"]);
        assert_eq!(record.places[&key("a")], Timestamp::from_second(1).unwrap());
        record.keep(result(5, Verdict::Good), Vec::new(), all_since(4));
        assert_eq!((names(&record).len(), record.results.len()), (0, 5));
    }

    #[test]
    fn damage_that_another_one_has_found_meanwhile_is_not_taken_away() {
        let mut record = Record::default();
        record.keep(result(1, Verdict::Damaged), vec![key("a")], None);
        record.keep(result(3, Verdict::Damaged), vec![key("a"), key("b")], None);
        record.keep(result(4, Verdict::Good), Vec::new(), all_since(2));
        assert_eq!(names(&record), ["a", "b"]);
        record.keep(result(5, Verdict::Good), Vec::new(), all_since(4));
        assert!(record.places.is_empty());
        record.keep(result(1000, Verdict::Damaged), vec![key("c")], None);
        record.keep(result(10, Verdict::Good), Vec::new(), all_since(9));
        assert!(record.places.is_empty(), "a clock was ahead");
    }

    #[test]
    fn the_last_hundred_results_are_kept_and_too_many_names_mean_everything() {
        let mut record = Record::default();
        for number in 0..150 {
            let named = (0..100).map(|name| key(&format!("{}", number * 100 + name))).collect();
            record.keep(result(number, Verdict::Damaged), named, None);
        }
        assert_eq!((record.results.len(), record.places.len()), (MOST_RESULTS, MOST_NAMES + 1));
        assert_eq!(record.results[0].time, Timestamp::from_second(50).unwrap());
        assert!(record.places.contains_key(&DamagedPlace::default()));
    }
}
