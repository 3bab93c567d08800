//! What the verbs report: a verdict, and the findings behind it. Pure.

use serde::Serialize;

use crate::part::Part;

/// More findings than this are only counted, so that memory stays flat.
const MOST_FINDINGS: usize = 1000;

/// What a verb found, in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is there and as it was.
    #[default]
    Good,
    /// What is there is as it was, but not everything is there.
    Incomplete,
    /// Something is not as it was.
    Damaged,
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The key of an object, or the path of a file.
    pub name: String,
    /// What sort of finding, for programs.
    pub kind: FindingKind,
    /// What was found, for people.
    pub what: String,
}

/// What sort of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// It is not there.
    Missing,
    /// Its bytes are not what they were.
    Changed,
    /// A symlink, directory or device stands in its place.
    NotAFile,
    /// The disk does not give its bytes.
    Unreadable,
    /// Manifest and lists do not agree.
    Contradiction,
    /// It was not fetched.
    Failed,
    /// The server did not give it.
    Refused,
    /// It was gone before it could be fetched.
    Vanished,
    /// Nothing says what its bytes should be.
    Unverifiable,
    /// It is there, and nothing names it. It does no harm.
    Extra,
}

impl FindingKind {
    /// The verdict on a whole with such a finding in it.
    #[must_use]
    pub fn verdict(self) -> Verdict {
        match self {
            Self::Missing | Self::Changed | Self::NotAFile | Self::Unreadable | Self::Contradiction => {
                Verdict::Damaged
            }
            Self::Failed | Self::Refused => Verdict::Incomplete,
            Self::Vanished | Self::Unverifiable | Self::Extra => Verdict::Good,
        }
    }
}

/// Findings: the first 1,000 by name, the rest as a number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    #[serde(rename = "findings")]
    list: Vec<Finding>,
    #[serde(rename = "findings_left_out")]
    left_out: u64,
    #[serde(skip)]
    verdict: Verdict,
}

impl Findings {
    /// Adds a finding.
    pub fn push(&mut self, finding: Finding) {
        self.verdict = self.verdict.max(finding.kind.verdict());
        if self.list.len() < MOST_FINDINGS {
            self.list.push(finding);
        } else {
            self.left_out += 1;
        }
    }

    /// Those that are kept by name.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// How many there are besides.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The verdict of them all, also of those that were left out.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_but_the_verdict_knows_them_all() {
        let finding = |kind| Finding { part: None, name: "k".to_owned(), kind, what: "x".to_owned() };
        let mut findings = Findings::default();
        for _ in 0..1001 {
            findings.push(finding(FindingKind::Extra));
        }
        assert_eq!(
            (findings.list().len(), findings.left_out(), findings.verdict()),
            (1000, 1, Verdict::Good)
        );
        findings.push(finding(FindingKind::Changed));
        assert_eq!((findings.left_out(), findings.verdict()), (2, Verdict::Damaged));
    }
}
