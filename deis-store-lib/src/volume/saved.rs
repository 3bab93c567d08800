//! What came of a save, and what a person should know of it.

use super::here::{self, Noted};
use super::host::{Told, UNPACKING};
use super::loading::add_oddities;
use crate::archive::tar::Scanned;
use crate::part::Part;
use crate::report::{Finding, FindingKind, Findings};

/// A directory that was saved.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) scanned: Scanned,
    /// A warning about an unusual mount.
    pub(crate) warning: Option<String>,
    /// Whether all is in it that could be.
    is_whole: bool,
    named: Vec<(FindingKind, String, String)>,
    left_out: u64,
}

impl Saved {
    /// Of a directory of this machine.
    pub(super) fn of_here(saved: here::Saved, warning: Option<String>, scanned: Scanned) -> Self {
        let is_whole = saved.is_complete();
        let mut of_here = Self { scanned, warning, is_whole, named: Vec::new(), left_out: 0 };
        of_here.add(FindingKind::Failed, saved.failed);
        of_here.add(FindingKind::Unverifiable, saved.changed);
        of_here.add(FindingKind::Vanished, saved.vanished);
        of_here.add(FindingKind::NotKept, saved.skipped);
        of_here.add(FindingKind::NotKept, saved.unlinked);
        of_here
    }

    /// Of a directory of a host.
    pub(super) fn of_host(told: Told, scanned: Scanned) -> Self {
        let mut named = Vec::new();
        let mut add = |kind, names: Vec<String>, what: &str| {
            named.extend(names.into_iter().map(|name| (kind, name, what.to_owned())));
        };
        let changed = "it changed while it was read: what was there then is in the archive";
        add(FindingKind::Unverifiable, told.changed, changed);
        add(FindingKind::Vanished, told.vanished, "it was removed before it could be read");
        add(FindingKind::NotKept, told.skipped, "it is a socket, which no archive holds");
        if told.left_by_load {
            let ours = "it is this program's own: what an interrupted load has left";
            add(FindingKind::NotKept, vec![UNPACKING.to_owned()], ours);
        }
        if told.is_cut {
            let more = "the host's tar has said more than is kept: more files have changed or vanished, or are sockets, \
                        than are named, and how many is not known";
            add(FindingKind::Unverifiable, vec![".".to_owned()], more);
        }
        Self { scanned, warning: told.warning, is_whole: true, named, left_out: 0 }
    }

    /// Whether something is missing that should be there, or the archive could not be loaded.
    pub(crate) fn is_incomplete(&self) -> bool {
        !(self.is_whole && self.scanned.refused.is_empty())
    }

    /// All that a person should look at.
    pub(crate) fn findings(&self, part: Option<&Part>) -> Findings {
        let mut findings = Findings::default();
        for refused in &self.scanned.refused {
            let what = format!(
                "it {}: a restore will refuse the archive because of it; remove it where it is, and take another copy",
                refused.why.text()
            );
            findings.push(Finding::new(part, &refused.name, FindingKind::Failed, what));
        }
        for (kind, name, what) in &self.named {
            findings.push(Finding::new(part, name, *kind, what));
        }
        findings.leave_out(self.left_out);
        add_oddities(&mut findings, part, &self.scanned.oddities);
        findings
    }

    fn add(&mut self, kind: FindingKind, noted: Noted) {
        self.left_out += noted.count - noted.first.len() as u64;
        let named = noted.first.into_iter().map(|note| (kind, note.path, format!("it {}", note.what)));
        self.named.extend(named);
    }
}
