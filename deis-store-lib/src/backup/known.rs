//! What is known of the objects of a bucket before they are fetched: by the journal of an interrupted run, and by earlier
//! snapshots. For each listed object it says the way that it gets into the snapshot. Blocking.

use std::iter::Peekable;
use std::sync::Arc;

use crate::disk::{KnownFile, Linker, Root, is_resumable};
use crate::error::Result;
use crate::key_path::encode;
use crate::outcome::Outcome;
use crate::part::Part;
use crate::s3::Checked;
use crate::s3::etag::{self, ETag};
use crate::s3::op::ListedObject;
use crate::snapshot::{JournalLines, ListLine, MergedListReader, Previous};

/// The way in which an object gets into a snapshot.
#[derive(Debug)]
pub(super) enum Way {
    /// It is there by now: an interrupted run had fetched it, or it is linked.
    Kept(Box<ListLine>),
    /// Its bytes are there in an earlier snapshot; since it was written anew, it is asked for its metadata.
    Ask(Box<Ask>),
    /// Its bytes are fetched, or what is missing of them.
    Fetch(ListedObject),
}

/// An object with the bytes of one in an earlier snapshot.
#[derive(Debug)]
pub(super) struct Ask {
    pub(super) listed: ListedObject,
    /// The line of the earlier one.
    pub(super) line: ListLine,
    /// The number of the snapshot among those with which objects are shared.
    pub(super) source: usize,
}

/// What is known of the objects of a bucket, asked in the order of the keys.
pub(super) struct Known {
    root: Root,
    goes_on: bool,
    journal: Lines<JournalLines>,
    sources: Vec<KnownSource>,
    previous: Arc<Previous>,
}

struct KnownSource {
    lines: Lines<MergedListReader>,
    linker: Linker,
    number: usize,
}

impl Known {
    /// Below the root are the objects of the part in the new snapshot. `goes_on` says whether an interrupted run may have left
    /// some there.
    pub(super) fn new(
        (root, part): (&Root, &Part),
        goes_on: bool,
        journal: JournalLines,
        previous: Arc<Previous>,
    ) -> Result<Self> {
        let linkers = previous.linkers(root, part);
        let sources = previous.lines()?.into_iter().zip(linkers).enumerate();
        let sources = sources.filter_map(|(number, (lines, linker))| {
            Some(KnownSource { lines: Lines::new(lines), linker: linker?, number })
        });
        Ok(Self {
            root: root.clone(),
            goes_on,
            journal: Lines::new(journal),
            sources: sources.collect(),
            previous,
        })
    }

    /// Whether every object is to be fetched.
    pub(super) fn is_nothing(&self) -> bool {
        !self.goes_on && self.sources.is_empty()
    }

    /// The ways of the next objects of the listing. Those that can be linked are linked by then.
    pub(super) fn ways(&mut self, listed: Vec<ListedObject>) -> Result<Vec<Way>> {
        listed.into_iter().map(|listed| self.way(listed)).collect()
    }

    fn way(&mut self, listed: ListedObject) -> Result<Way> {
        if let Some(line) = self.in_journal(&listed) {
            return Ok(Way::Kept(Box::new(line)));
        }
        let mut ask = None;
        for source in &mut self.sources {
            for line in source.lines.of(&listed.key) {
                let likeness = likeness(&listed, &line);
                if likeness == Likeness::None {
                    continue;
                }
                let Some(linked) =
                    source.share(&self.previous, &listed, &line, likeness == Likeness::Whole)?
                else {
                    continue;
                };
                match linked {
                    Shared::Linked(path) => {
                        let line = ListLine { etag: listed.etag, ..unchanged(line) };
                        return Ok(Way::Kept(Box::new(line.stored_at(&path))));
                    }
                    Shared::Usable => ask = ask.or(Some((line, source.number))),
                }
            }
        }
        if let Some((line, source)) = ask {
            return Ok(Way::Ask(Box::new(Ask { listed, line, source })));
        }
        if self.goes_on {
            self.take_back(&listed)?;
        }
        Ok(Way::Fetch(listed))
    }

    /// The line of an object that an interrupted run had fetched, if its file is there.
    fn in_journal(&mut self, listed: &ListedObject) -> Option<ListLine> {
        let root = &self.root;
        let found = self.journal.of(&listed.key).into_iter().find(|line| {
            likeness(listed, line) == Likeness::Whole
                && line.path().is_ok_and(|path| {
                    let found = root.metadata(&path).ok().flatten();
                    known_file(line, &path).zip(found).is_some_and(|(file, found)| file.looks_like(&found))
                })
        });
        found.map(|line| ListLine { etag: listed.etag.clone(), ..line })
    }

    /// A file that is there and in no journal may have any bytes: it is read again.
    fn take_back(&self, listed: &ListedObject) -> Result<()> {
        let Some(modified) = listed.modified.known().filter(|_| is_resumable(&listed.etag)) else {
            return Ok(());
        };
        if let Some((path, found)) = self.root.find_object(&listed.key)?
            && found.size_bytes == listed.size_bytes
            && found.modified == modified
        {
            self.root.distrust_object(&path, &listed.key, &listed.etag)?;
        }
        Ok(())
    }
}

enum Shared {
    Linked(Vec<String>),
    /// It can be linked when its metadata are known.
    Usable,
}

impl KnownSource {
    fn share(
        &mut self,
        previous: &Previous,
        listed: &ListedObject,
        line: &ListLine,
        links: bool,
    ) -> Result<Option<Shared>> {
        let Ok(path) = line.path() else { return Ok(None) };
        let Some(file) = known_file(line, &path) else { return Ok(None) };
        let Some(identity) = self.linker.find(&file) else { return Ok(None) };
        if previous.is_damaged(line, &file, identity) {
            return Ok(None);
        }
        if !links {
            return Ok(Some(Shared::Usable));
        }
        // Nearly all paths are what the key gives.
        let own = line.other_path.is_some().then(|| encode(&listed.key));
        Ok(self.linker.link(&file, own.as_deref().unwrap_or(&path))?.map(Shared::Linked))
    }
}

/// The file of a line, if it has one that can be known again.
pub(super) fn known_file<'a>(line: &ListLine, path: &'a [String]) -> Option<KnownFile<'a>> {
    let (modified, sha256) = (line.time_of_file()?, line.sha256?);
    Some(KnownFile { path, size_bytes: line.size_bytes, modified, sha256 })
}

/// The line of an object that has not changed. A doubt about its bytes stays, unless the object's `ETag` is their MD5: so it is
/// where they were adopted from a directory, and could not be compared with an object then.
pub(super) fn unchanged(line: ListLine) -> ListLine {
    let proves = matches!(ETag::parse(&line.etag), ETag::Md5(_));
    match line.outcome {
        Outcome::Unverifiable(_) if proves => {
            ListLine { outcome: Outcome::Unchanged, checked: Some(Checked::Md5), ..line }
        }
        Outcome::Unverifiable(_) => line,
        _ => ListLine { outcome: Outcome::Unchanged, ..line },
    }
}

/// How far an object is the one of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Likeness {
    None,
    /// It has the same bytes, by its `ETag`, and was written anew.
    Bytes,
    Whole,
}

fn likeness(listed: &ListedObject, line: &ListLine) -> Likeness {
    if !line.outcome.is_on_disk()
        || line.size_bytes != listed.size_bytes
        || !etag::is_same(&line.etag, &listed.etag)
    {
        return Likeness::None;
    }
    let time = listed.modified.known().and_then(|time| jiff::Timestamp::try_from(time).ok());
    let is_of_this_time = time.is_some_and(|time| time.as_millisecond() == line.modified.as_millisecond());
    // Every object has a type. Of an adopted file it may not be known.
    if is_of_this_time && line.content_type.is_some() { Likeness::Whole } else { Likeness::of_bytes(listed) }
}

impl Likeness {
    /// Of an object with the same size and `ETag`.
    fn of_bytes(listed: &ListedObject) -> Self {
        if is_resumable(&listed.etag) { Self::Bytes } else { Self::None }
    }
}

/// Lines in order of their keys. They end where they cannot be read: what is not known is fetched.
struct Lines<I: Iterator<Item = Result<ListLine>>>(Peekable<std::iter::Fuse<ListLines<I>>>);

struct ListLines<I>(I);

impl<I: Iterator<Item = Result<ListLine>>> Iterator for ListLines<I> {
    type Item = ListLine;

    fn next(&mut self) -> Option<ListLine> {
        self.0.next()?.ok()
    }
}

impl<I: Iterator<Item = Result<ListLine>>> Lines<I> {
    fn new(lines: I) -> Self {
        Self(ListLines(lines).fuse().peekable())
    }

    /// The lines of a key; those of smaller ones are passed over.
    fn of(&mut self, key: &str) -> Vec<ListLine> {
        while self.0.next_if(|line| line.key.as_str() < key).is_some() {}
        std::iter::from_fn(|| self.0.next_if(|line| line.key == key)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::s3::ObjectKey;
    use crate::s3::op::ServerTime;

    const MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

    fn listed(etag: &str, size_bytes: u64, modified: &str) -> ListedObject {
        let (key, modified) = (ObjectKey::new("k").unwrap(), ServerTime::of_xml(modified));
        ListedObject { key, size_bytes, etag: etag.to_owned(), modified }
    }

    fn line(etag: &str, size_bytes: u64) -> ListLine {
        let modified = "2015-10-21T07:28:00.250Z".parse().unwrap();
        let content_type = Some("text/plain".to_owned());
        ListLine { content_type, ..ListLine::new("k", size_bytes, etag, modified) }
    }

    #[test]
    fn an_object_is_the_same_by_size_etag_and_time_and_has_the_same_bytes_without_the_time() {
        let time = "2015-10-21T07:28:00.250Z";
        assert_eq!(likeness(&listed(MD5, 3, time), &line(MD5, 3)), Likeness::Whole);
        assert_eq!(likeness(&listed(MD5, 3, "2015-10-21T07:28:01.250Z"), &line(MD5, 3)), Likeness::Bytes);
        assert_eq!(likeness(&listed(MD5, 3, "yesterday"), &line(MD5, 3)), Likeness::Bytes);
        assert_eq!(likeness(&listed(MD5, 4, time), &line(MD5, 3)), Likeness::None);
        assert_eq!(likeness(&listed("x", 3, time), &line(MD5, 3)), Likeness::None);
        // An ETag that says nothing of the bytes.
        assert_eq!(likeness(&listed("x", 3, time), &line("x", 3)), Likeness::Whole);
        // Nobody has asked for what is stored with it.
        let adopted = ListLine { content_type: None, ..line(MD5, 3) };
        assert_eq!(likeness(&listed(MD5, 3, time), &adopted), Likeness::Bytes);
        assert_eq!(likeness(&listed("x", 3, "2016-10-21T07:28:00.250Z"), &line("x", 3)), Likeness::None);
    }

    #[test]
    fn an_object_that_is_not_on_disk_is_not_shared_and_a_doubt_stays() {
        let time = "2015-10-21T07:28:00.250Z";
        for outcome in
            [Outcome::Vanished, Outcome::Refused("no".to_owned()), Outcome::Failed("no".to_owned())]
        {
            let line = ListLine { outcome, ..line(MD5, 3) };
            assert_eq!(likeness(&listed(MD5, 3, time), &line), Likeness::None);
        }
        let doubt = Outcome::Unverifiable("odd".to_owned());
        for etag in ["x", "900150983cd24fb0d6963f7d28e17f72-2"] {
            let line = ListLine { outcome: doubt.clone(), ..line(etag, 3) };
            assert_eq!(unchanged(line.clone()), line);
        }
        let adopted = unchanged(ListLine { outcome: doubt, ..line(MD5, 3) });
        assert_eq!((adopted.outcome, adopted.checked), (Outcome::Unchanged, Some(Checked::Md5)));
        assert_eq!(unchanged(line(MD5, 3)).outcome, Outcome::Unchanged);
    }

    #[test]
    fn lines_are_passed_over_up_to_the_key_and_end_where_they_cannot_be_read() {
        let line = |key: &str| Ok(ListLine { key: key.to_owned(), ..line(MD5, 3) });
        let broken = Err(crate::error::Error::new(crate::error::ErrorKind::Disk, "broken"));
        let mut lines =
            Lines::new(vec![line("a"), line("c"), line("c"), line("e"), broken, line("f")].into_iter());
        assert_eq!(lines.of("b").len(), 0);
        assert_eq!(lines.of("c").len(), 2);
        assert_eq!(lines.of("e").len(), 1);
        assert_eq!(lines.of("f").len(), 0);
    }
}
