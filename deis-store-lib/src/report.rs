//! The verdict that a verb reports, and the findings behind it. Pure.

use serde::{Deserialize, Serialize};

use crate::error::Error;
#[cfg(feature = "backup")]
use crate::error::ErrorKind;
#[cfg(feature = "backup")]
use crate::outcome::Outcome;
use crate::part::Part;
use crate::run::TaskResult;

/// The most findings that are kept. Further ones are only counted, so that memory stays flat.
const MOST_FINDINGS: usize = 1000;

/// The result of a verb in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Everything is there and unchanged.
    #[default]
    Good,
    /// Something is missing; the rest is unchanged.
    Incomplete,
    /// Something is damaged: it is no longer as it was.
    Damaged,
}

impl Verdict {
    /// How a task with this verdict has ended.
    pub(crate) fn task_result(self) -> TaskResult {
        if self == Self::Good { TaskResult::Good } else { TaskResult::Incomplete }
    }
}

/// Something that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The part of the backup to which the finding belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// The key of an object, or the path of a file.
    pub name: String,
    /// The sort of finding, for programs.
    pub kind: FindingKind,
    /// A description of the finding, for people.
    pub what: String,
    #[serde(skip)]
    verdict: Verdict,
}

impl Finding {
    /// A finding.
    pub(crate) fn new(
        part: Option<&Part>,
        name: impl Into<String>,
        kind: FindingKind,
        what: impl Into<String>,
    ) -> Self {
        Self { part: part.cloned(), name: name.into(), kind, what: what.into(), verdict: kind.verdict() }
    }

    /// An object that is there and may be damaged: a whole that has one is not known to be whole.
    #[cfg(feature = "backup")]
    pub(crate) fn doubtful(part: &Part, key: &str, outcome: &Outcome) -> Self {
        let finding =
            Self::new(Some(part), key, FindingKind::Unverifiable, outcome.why().unwrap_or_default());
        Self { verdict: Verdict::Incomplete, ..finding }
    }

    /// So many adopted files that were compared with no object.
    #[cfg(feature = "backup")]
    pub(crate) fn not_compared(part: &Part, objects: u64) -> Self {
        let what = format!(
            "{objects} of its objects were adopted from a directory while no gateway was asked: they are as they were then, and \
             whether they were right is not known"
        );
        Self::new(Some(part), part.name(), FindingKind::Unverifiable, what)
    }

    /// An object that a backup could not take. One that has vanished is missed only by what needs it.
    #[cfg(feature = "backup")]
    pub(crate) fn not_taken(part: &Part, key: &str, outcome: &Outcome) -> Option<Self> {
        let (kind, why) = match outcome {
            Outcome::Refused(why) => (FindingKind::Refused, why),
            Outcome::Failed(why) => (FindingKind::Failed, why),
            _ => return None,
        };
        Some(Self::new(Some(part), key, kind, format!("was not taken: {why}")))
    }

    /// A sentinel or tag in a snapshot that lacks an object which it needs.
    pub(crate) fn held_back(part: &Part, reference: &str, lost: &str) -> Self {
        let what = format!("it needs `{lost}`, which is not in the snapshot: a restore holds it back");
        Self::new(Some(part), reference, FindingKind::HeldBack, what)
    }

    /// A sentinel or tag that lacks an object which its bucket has not, or has damaged.
    #[cfg(feature = "backup")]
    pub(crate) fn held_back_by_source(part: &Part, reference: &str, lacks: &str) -> Self {
        let what = format!(
            "it needs `{lacks}`, which was not there when it was copied, or is damaged: a restore holds it back"
        );
        Self { verdict: Verdict::Damaged, ..Self::new(Some(part), reference, FindingKind::HeldBack, what) }
    }
}

#[cfg(feature = "backup")]
impl FindingKind {
    /// The damage that an error tells of; nothing if it says only that something could not be looked at.
    pub(crate) fn of_damage(error: &Error) -> Option<Self> {
        match error.kind() {
            ErrorKind::NotFound => Some(Self::Missing),
            ErrorKind::Occupied => Some(Self::NotAFile),
            ErrorKind::Damaged => Some(Self::Changed),
            ErrorKind::Disk if error.is_of_the_disk_itself() => Some(Self::Unreadable),
            _ => None,
        }
    }
}

/// The text of an error in one line: what failed, where, and what to do.
#[must_use]
pub(crate) fn in_one_line(error: &Error) -> String {
    let mut text = error.what();
    if !error.place().is_empty() {
        text.push_str(&format!(", {}", error.place()));
    }
    if let Some(todo) = error.advice() {
        text.push_str(&format!("; to do: {todo}"));
    }
    text
}

/// The sort of a finding about an object or a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FindingKind {
    /// The object or file is not there.
    Missing,
    /// Its bytes have changed.
    Changed,
    /// A symlink, directory or device stands in its place.
    NotAFile,
    /// Its bytes cannot be read from the disk.
    Unreadable,
    /// The manifest and the lists contradict each other.
    Contradiction,
    /// Fetching it failed.
    Failed,
    /// The server refused to send it.
    Refused,
    /// It was deleted before it could be fetched.
    Vanished,
    /// There is no record with which its bytes could be compared.
    Unverifiable,
    /// No list names it. It does no harm.
    Extra,
    /// A sentinel or tag that needs what is lost: it would say that something is whole which is not, and a restore does not
    /// write it.
    HeldBack,
    /// A key of the operator's that no known release of Deis reads: it is in the snapshot, and was not set.
    UnknownKey,
    /// It was copied, and something that was stored with it could not be kept as it was.
    NotKept,
    /// Much of it has gone since the newest good snapshot. It was copied as it is.
    Shrunk,
    /// No good snapshot of a part is as new as was asked for.
    TooOld,
    /// A snapshot was made in the future, by its name: a clock was wrong, and it stands for nothing.
    FromTheFuture,
    /// An entry of an archive that would be written, or would refer, beyond its directory: nothing of the archive is loaded.
    Unsafe,
    /// It is beside what was adopted, and was left where it is.
    NotAdopted,
    /// It was written so, and is not what such an object is: nothing can be restored with it.
    Broken,
    /// The log of a database has a hole: a replay ends before it, without a word.
    Gap,
    /// Two databases have written into one place.
    Mixed,
    /// It is being made, or was broken off: nothing says that it is whole.
    Unfinished,
}

impl FindingKind {
    /// The verdict on a whole that has such a finding.
    #[must_use]
    pub(crate) fn verdict(self) -> Verdict {
        match self {
            Self::Missing
            | Self::Changed
            | Self::NotAFile
            | Self::Unreadable
            | Self::Contradiction
            | Self::Unsafe
            | Self::TooOld
            | Self::Broken
            | Self::Gap
            | Self::Mixed => Verdict::Damaged,
            Self::Failed | Self::Refused | Self::HeldBack | Self::Shrunk => Verdict::Incomplete,
            Self::Vanished
            | Self::Unverifiable
            | Self::Extra
            | Self::NotKept
            | Self::UnknownKey
            | Self::FromTheFuture
            | Self::NotAdopted
            | Self::Unfinished => Verdict::Good,
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
    /// Whether any that is kept does no harm, if that was looked for when no more could be kept.
    #[serde(skip)]
    has_harmless: Option<bool>,
}

impl Findings {
    /// Adds a finding.
    pub(crate) fn push(&mut self, finding: Finding) {
        self.verdict = self.verdict.max(finding.verdict);
        if self.list.len() == MOST_FINDINGS {
            self.left_out += 1;
            // What does harm is named, however much there is that does none.
            let is_harmless = |kept: &Finding| kept.verdict == Verdict::Good;
            if is_harmless(&finding) || self.has_harmless == Some(false) {
                return;
            }
            let harmless = self.list.iter().rposition(is_harmless);
            self.has_harmless = Some(harmless.is_some());
            let Some(harmless) = harmless else { return };
            self.list.remove(harmless);
        }
        self.list.push(finding);
    }

    /// Counts some that are not kept, and do no harm.
    #[cfg(feature = "backup")]
    pub(crate) fn leave_out(&mut self, count: u64) {
        self.left_out = self.left_out.saturating_add(count);
    }

    /// Adds those of another list.
    #[cfg(feature = "backup")]
    pub(crate) fn append(&mut self, others: Self) {
        self.verdict = self.verdict.max(others.verdict);
        self.left_out = self.left_out.saturating_add(others.left_out);
        others.list.into_iter().for_each(|finding| self.push(finding));
    }

    /// Whether nothing speaks against the whole but bytes that are in doubt.
    #[cfg(feature = "gateway")]
    pub(crate) fn are_doubts(&self) -> bool {
        let is_doubt =
            |finding: &Finding| finding.verdict == Verdict::Good || finding.kind == FindingKind::Unverifiable;
        self.left_out == 0 && self.list.iter().all(is_doubt)
    }

    /// The findings that are kept by name.
    #[must_use]
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// The number of findings that are only counted.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The verdict on all findings, also on those that are only counted.
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
        let finding = |kind| Finding::new(None, "k", kind, "x");
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

    #[test]
    fn what_does_harm_is_named_before_what_does_none() {
        let push = |findings: &mut Findings, kind, count: usize| {
            (0..count).for_each(|number| findings.push(Finding::new(None, number.to_string(), kind, "x")));
        };
        let mut findings = Findings::default();
        push(&mut findings, FindingKind::Failed, 10);
        push(&mut findings, FindingKind::Unverifiable, 5000);
        push(&mut findings, FindingKind::Changed, 20);
        let of = |kind| findings.list().iter().filter(|finding| finding.kind == kind).count();
        assert_eq!((of(FindingKind::Failed), of(FindingKind::Changed)), (10, 20));
        assert_eq!((findings.list().len(), findings.left_out()), (1000, 4030));
        push(&mut findings, FindingKind::Changed, 5000);
        assert!(findings.list().iter().all(|finding| finding.verdict != Verdict::Good));
        assert_eq!((findings.list().len(), findings.left_out()), (1000, 9030));
    }
}
