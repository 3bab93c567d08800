//! Lists the entries of an archive, and what a load would refuse, pass over or change.

use std::io;
use std::path::Path;

use tokio::io::AsyncRead;

use super::archive_file::{Plain, opened, plain};
use super::index::IndexedKind;
use super::loading::add_oddities;
use super::members::{Members, require_all};
use super::options::ListOptions;
use super::ratio::Ratio;
use super::report::{ListReport, ListedEntry};
use crate::archive::tar::{Entry, EntryKind, OnRefusal, Policy, Sink, read};
use crate::error::{At, Result};
use crate::report::{Finding, FindingKind, Findings};
use crate::run::Run;

/// Lists an archive, compressed or not, entry by entry. It is read to its end: an archive that is not whole is an error.
pub async fn list(
    archive: impl AsyncRead + Send + Unpin + 'static,
    options: &ListOptions,
    each: &mut (dyn FnMut(&ListedEntry) + Send),
    run: &Run,
) -> Result<ListReport> {
    list_plain(plain(archive, ratio(options)).await?, options, each, run).await
}

/// The same of a file.
pub async fn list_file(
    archive: &Path,
    options: &ListOptions,
    each: &mut (dyn FnMut(&ListedEntry) + Send),
    run: &Run,
) -> Result<ListReport> {
    let listed = list_plain(opened(archive, ratio(options)).await?, options, each, run).await;
    listed.map_err(|error| error.at(At::File, archive.display()))
}

fn ratio(options: &ListOptions) -> Ratio {
    if options.any_ratio { Ratio::Any } else { Ratio::Usual }
}

async fn list_plain(
    plain: Plain,
    options: &ListOptions,
    each: &mut (dyn FnMut(&ListedEntry) + Send),
    run: &Run,
) -> Result<ListReport> {
    let members = if options.members.is_empty() { None } else { Some(Members::new(&options.members)?) };
    let policy = Policy { on_refusal: OnRefusal::Note, ..Policy::default() };
    let mut lister = Lister { members, each, entries: 0, file_bytes: 0 };
    let scanned = run.stop.cancels(read(plain, policy, &mut lister)).await?;
    let mut findings = Findings::default();
    for refused in &scanned.refused {
        let what = format!("it {}: a load refuses the archive", refused.why.text());
        findings.push(Finding::new(None, &refused.name, FindingKind::Unsafe, what));
    }
    add_oddities(&mut findings, None, &scanned.oddities);
    let Lister { members, entries, file_bytes, .. } = lister;
    // Of an archive that is refused, that is said first: a member may be what is refused.
    if let Some(members) = members.filter(|_| scanned.refused.is_empty()) {
        require_all(&members.missing(), "list the whole archive, and look for them there")?;
    }
    Ok(ListReport { verdict: findings.verdict(), entries, file_bytes, findings })
}

struct Lister<'a> {
    members: Option<Members>,
    each: &'a mut (dyn FnMut(&ListedEntry) + Send),
    entries: u64,
    file_bytes: u64,
}

impl Sink for Lister<'_> {
    fn entry(&mut self, entry: &Entry, _: u64) -> io::Result<()> {
        if self.members.as_mut().is_none_or(|members| members.wants(&entry.path)) {
            let listed = listed(entry);
            self.entries += 1;
            self.file_bytes = self.file_bytes.saturating_add(listed.size_bytes);
            (self.each)(&listed);
        }
        Ok(())
    }

    fn content(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn listed(entry: &Entry) -> ListedEntry {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let target = match &entry.kind {
        EntryKind::Symlink(target) | EntryKind::HardLink(target) => Some(text(target)),
        EntryKind::File { .. } | EntryKind::Sparse { .. } | EntryKind::Directory => None,
    };
    ListedEntry {
        path: if entry.path.is_empty() { ".".to_owned() } else { text(&entry.path) },
        kind: IndexedKind::from(&entry.kind),
        mode: format!("{:o}", entry.mode),
        user: entry.owner.0,
        group: entry.owner.1,
        size_bytes: entry.kind.size_bytes(),
        modified: entry.modified.seconds,
        target,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_member_that_the_archive_does_not_have_is_an_error() {
        let empty = std::io::Cursor::new(vec![0_u8; 1024]);
        let options = ListOptions { members: vec!["typo".to_owned()], ..ListOptions::default() };
        let error = list(empty, &options, &mut |_: &ListedEntry| {}, &Run::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("'typo'"), "{error}");
    }
}
