//! The record of counts, and the comparison with it. Pure but for reading and writing the file.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The increase over the record that is allowed. The counts themselves repeat to far less than one percent. The rest is
/// for other processors, since libc chooses another memcpy there.
pub(crate) const TOLERANCE_PERCENT: u64 = 5;

/// Instructions by the name of the work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) made_with: MadeWith,
    pub(crate) instructions: BTreeMap<String, u64>,
}

/// The tools that must be the same if counts are compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MadeWith {
    pub(crate) rustc: String,
    pub(crate) valgrind: String,
}

impl fmt::Display for MadeWith {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.rustc, self.valgrind)
    }
}

impl Record {
    pub(crate) fn new(made_with: MadeWith) -> Self {
        Self { made_with, instructions: BTreeMap::new() }
    }

    pub(crate) fn read(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
    }

    pub(crate) fn write(&self, file: &Path) -> Result<(), String> {
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        std::fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
    }
}

/// The names of the work that takes too many more instructions than before, or was not recorded.
pub(crate) fn worse<'a>(before: &Record, now: &'a Record) -> Vec<&'a str> {
    let too_many = |name: &String, count: u64| {
        before.instructions.get(name).is_none_or(|before| count * 100 > before * (100 + TOLERANCE_PERCENT))
    };
    now.instructions
        .iter()
        .filter(|(name, count)| too_many(name, **count))
        .map(|(name, _)| name.as_str())
        .collect()
}

/// A table of both records, side by side.
pub(crate) fn table(before: &Record, now: &Record) -> String {
    let mut text = format!("{:<8}{:>14}{:>14}{:>10}\n", "work", "recorded", "now", "change");
    for (name, count) in &now.instructions {
        let recorded = before.instructions.get(name).copied().unwrap_or_default();
        text += &format!("{name:<8}{recorded:>14}{count:>14}{:>9.2}%\n", change_percent(recorded, *count));
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "for reading")]
fn change_percent(before: u64, now: u64) -> f64 {
    (now as f64 / before as f64 - 1.0) * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(counts: &[(&str, u64)]) -> Record {
        let made_with = MadeWith { rustc: "rustc 1.95.0".to_owned(), valgrind: "valgrind-3.19.0".to_owned() };
        let instructions = counts.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect();
        Record { made_with, instructions }
    }

    #[test]
    fn more_than_five_percent_more_is_worse_and_fewer_is_not() {
        let before = record(&[("a", 1000), ("b", 1000), ("c", 1000)]);
        let now = record(&[("a", 1050), ("b", 1051), ("c", 10), ("new", 1)]);
        assert_eq!(worse(&before, &now), ["b", "new"]);
    }

    #[test]
    fn a_record_reads_back() {
        let file = std::env::temp_dir().join(format!("instructions-{}", std::process::id()));
        let written = record(&[("a", 7)]);
        written.write(&file).unwrap();
        assert_eq!(Record::read(&file).unwrap(), written);
        std::fs::remove_file(&file).unwrap();
    }
}
