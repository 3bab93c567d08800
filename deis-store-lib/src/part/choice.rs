//! Which parts a verb works on: all, all but some, or some that are named. Pure.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::kinds::Part;
use crate::error::{At, Error, ErrorKind, Result};

/// The name of a part: one of a Deis platform's, or `bucket.NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartName(String);

impl PartName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&Part> for PartName {
    fn from(part: &Part) -> Self {
        Self(part.name().to_owned())
    }
}

impl fmt::Display for PartName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PartName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        match Part::of_name(name, None) {
            Some(_) => Ok(Self(name.to_owned())),
            None => Err(no_such_part(name, &Part::of_deis(), ", bucket.NAME")),
        }
    }
}

/// Which parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum PartChoice {
    /// All that there are.
    #[default]
    All,
    /// All but these.
    AllBut(BTreeSet<PartName>),
    /// These alone: one that is not to be had is then an error, and an incomplete one is restored only so.
    Only(BTreeSet<PartName>),
}

impl PartChoice {
    /// Whether the parts were named one by one.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn is_by_name(&self) -> bool {
        matches!(self, Self::Only(_))
    }

    /// An error of [`ErrorKind::Usage`] if it names a part that is none of these.
    #[cfg(feature = "backup")]
    pub(crate) fn check(&self, known: &BTreeSet<Part>) -> Result<()> {
        let names = match self {
            Self::All => return Ok(()),
            Self::AllBut(names) | Self::Only(names) => names,
        };
        match names.iter().find(|name| !known.iter().any(|part| part.name() == name.as_str())) {
            Some(name) => Err(no_such_part(name.as_str(), known, "")),
            None => Ok(()),
        }
    }

    /// The parts that it means, given all that can be named and those that are meant if none is.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn of(&self, known: &BTreeSet<Part>, usual: &BTreeSet<Part>) -> BTreeSet<Part> {
        let has =
            |names: &BTreeSet<PartName>, part: &Part| names.iter().any(|name| name.as_str() == part.name());
        match self {
            Self::All => usual.clone(),
            Self::AllBut(names) => usual.iter().filter(|part| !has(names, part)).cloned().collect(),
            Self::Only(names) => known.iter().filter(|part| has(names, part)).cloned().collect(),
        }
    }
}

fn no_such_part(name: &str, known: &BTreeSet<Part>, more: &str) -> Error {
    let names: Vec<&str> = known.iter().map(Part::name).collect();
    let mut todo = format!("use one of {}{more}", names.join(", "));
    if let Some(bucket) = name.strip_prefix("bucket.") {
        todo.push_str(&format!("; a backup has another bucket only if it was added: {bucket}[:CONTENTS]"));
    }
    Error::new(ErrorKind::Usage, "there is no such part").at(At::Part, name).todo(todo)
}

#[cfg(all(test, feature = "backup"))]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<PartName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn chosen(choice: &PartChoice) -> Vec<String> {
        let uploads = Part::Bucket("uploads:wal-e".parse().unwrap());
        let mut known = Part::of_deis();
        known.insert(uploads.clone());
        choice.check(&known).unwrap();
        choice.of(&known, &[uploads, Part::Config].into()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_part_has_one_name_everywhere() {
        for part in Part::of_deis() {
            assert_eq!(part.to_string().parse::<PartName>().unwrap().as_str(), part.name());
            assert_eq!(serde_json::to_string(&part).unwrap(), format!("\"{part}\""));
        }
    }

    #[test]
    fn all_are_the_usual_ones_and_by_name_any_known_one() {
        assert_eq!(chosen(&PartChoice::All), ["bucket.uploads", "config"]);
        assert_eq!(chosen(&PartChoice::AllBut(names(&["bucket.uploads", "sql"]))), ["config"]);
        assert_eq!(
            chosen(&PartChoice::Only(names(&["db_wal", "bucket.uploads"]))),
            ["db_wal", "bucket.uploads"]
        );
    }

    #[test]
    fn a_chosen_bucket_has_the_contents_that_are_known_of_it() {
        let known = [Part::Bucket("uploads:wal-e".parse().unwrap())].into();
        let chosen = PartChoice::Only(names(&["bucket.uploads"])).of(&known, &known);
        assert_eq!(chosen.first().and_then(Part::contents), Some(crate::contents::Contents::WalE));
    }

    #[test]
    fn an_unknown_name_is_a_usage_error_that_says_what_there_is() {
        for wrong in ["dbwal", "uploads", "bucket.", "bucket.a/b", "bucket...", ""] {
            let error = wrong.parse::<PartName>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{wrong}");
            assert!(error.advice().unwrap().contains("db_wal, registry, volume, sql, config, bucket.NAME"));
        }
        let choice = PartChoice::Only(names(&["bucket.uploads"]));
        let error = choice.check(&Part::of_deis()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage);
        assert!(error.advice().unwrap().contains("uploads[:CONTENTS]"), "{error:?}");
    }
}
