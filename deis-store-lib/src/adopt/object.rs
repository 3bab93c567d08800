//! One file becomes an object of the snapshot, with its line; or why not. Blocking.

use super::judge::{Compared, FileRead, Judgement, Listed, judge, time};
use crate::disk::{ForeignFile, Root, Tap};
use crate::error::{ErrorKind, Result};
use crate::hash::Md5;
use crate::outcome::Outcome;
use crate::run::Stop;
use crate::s3::etag::ETag;
use crate::s3::{Check, Checked, Conclusion};
use crate::snapshot::ListLine;

/// So often a file is read that changes meanwhile.
const ATTEMPTS: u32 = 3;

/// A file that is to become an object.
#[derive(Debug)]
pub(super) struct Wanted {
    pub(super) from: Root,
    pub(super) path: Vec<String>,
    pub(super) key: String,
    pub(super) compared: Compared,
}

/// Where objects go, and how.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) objects: Root,
    pub(super) links: bool,
    pub(super) stop: Stop,
}

/// A file's result.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) line: ListLine,
    /// Whether it was proven not to be the object.
    pub(super) is_damaged: bool,
    /// Whether it was copied.
    pub(super) is_copied: bool,
}

/// Takes a file into the snapshot. What is wrong with it alone is its outcome; an error befalls all.
pub(super) fn adopt(wanted: &Wanted, target: &Target) -> Result<Done> {
    let mut attempt = 1;
    loop {
        match once(wanted, target) {
            Err(error) if error.kind() != ErrorKind::SourceChanged => return Err(error),
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Ok(Done::not_taken(wanted, Outcome::Refused(error.what()))),
            Ok(done) => return Ok(done),
        }
    }
}

fn once(wanted: &Wanted, target: &Target) -> Result<Done> {
    let mut file = wanted.from.foreign_file(&wanted.path)?;
    if target.links
        && let Some(path) = file.link(&target.objects, &wanted.key)?
    {
        let linked = linked(&mut file, wanted, target);
        return match linked {
            Ok((Judgement::Adopted(line), modified)) => {
                let file_modified = Some(time(modified)).filter(|time| !is_same(*time, line.modified));
                Ok(Done::taken(ListLine { file_modified, ..line.stored_at(&path) }, false))
            }
            Ok((Judgement::Damaged(why), _)) => {
                target.objects.remove_at(&path)?;
                Ok(Done { is_damaged: true, ..Done::not_taken(wanted, Outcome::Failed(why)) })
            }
            Err(error) => {
                target.objects.remove_at(&path)?;
                Err(error)
            }
        };
    }
    let new_file = target.objects.new_object(&wanted.key, "")?;
    let written = file.copy(new_file, Digests::of(&wanted.compared), || target.stop.check())?;
    let read = read(&file, &written.tap, written.new_file.sha256());
    match judge(&wanted.key, &read, &wanted.compared, written.tap.checked()) {
        Judgement::Damaged(why) => {
            Ok(Done { is_damaged: true, ..Done::not_taken(wanted, Outcome::Failed(why)) })
        }
        Judgement::Adopted(line) => {
            let committed = written.new_file.commit(0o400, line.time_of_file(), false)?;
            Ok(Done::taken(line.stored_at(&committed.path), true))
        }
    }
}

fn linked(
    file: &mut ForeignFile,
    wanted: &Wanted,
    target: &Target,
) -> Result<(Judgement, std::time::SystemTime)> {
    let mut digests = Digests::of(&wanted.compared);
    let sha256 = file.read(&mut digests, || target.stop.check())?;
    let read = read(file, &digests, Some(sha256));
    Ok((judge(&wanted.key, &read, &wanted.compared, digests.checked()), read.metadata.modified))
}

fn read(file: &ForeignFile, digests: &Digests, sha256: Option<crate::hash::Sha256>) -> FileRead {
    FileRead { metadata: file.metadata(), last_written: file.last_written(), md5: digests.md5(), sha256 }
}

/// Whether two times are one in a list.
fn is_same(one: jiff::Timestamp, other: jiff::Timestamp) -> bool {
    one.as_millisecond() == other.as_millisecond()
}

impl Done {
    fn taken(line: ListLine, is_copied: bool) -> Self {
        Self { line, is_damaged: false, is_copied }
    }

    /// The line of a file that is not taken: of the object, if there is one.
    fn not_taken(wanted: &Wanted, outcome: Outcome) -> Self {
        let line = match &wanted.compared {
            Compared::Listed(listed) => line_of(listed, outcome),
            Compared::NotAsked | Compared::NotListed => {
                let found = wanted.from.metadata(&wanted.path).ok().flatten();
                let (size_bytes, modified) = found.map_or((0, std::time::SystemTime::UNIX_EPOCH), |found| {
                    (found.size_bytes, found.modified)
                });
                ListLine { outcome, ..ListLine::new(&wanted.key, size_bytes, "", time(modified)) }
            }
        };
        Self { line, is_damaged: false, is_copied: false }
    }
}

/// The line of a listed object that is not taken.
pub(super) fn line_of(listed: &Listed, outcome: Outcome) -> ListLine {
    let object = &listed.object;
    let modified = object.modified.known().map_or(jiff::Timestamp::UNIX_EPOCH, time);
    ListLine { outcome, ..ListLine::new(object.key.as_str(), object.size_bytes, &object.etag, modified) }
}

/// The digests of a file while it goes by.
struct Digests {
    md5: Md5,
    /// For an object whose `ETag` is no MD5.
    check: Option<Check>,
}

impl Digests {
    fn of(compared: &Compared) -> Self {
        let check = match compared {
            Compared::Listed(listed) if !matches!(ETag::parse(&listed.object.etag), ETag::Md5(_)) => {
                Some(listed.info.as_ref().map_or_else(|| Check::listed(&listed.object), Check::new))
            }
            _ => None,
        };
        Self { md5: Md5::new(), check }
    }

    fn md5(&self) -> [u8; 16] {
        self.md5.clone().finish()
    }

    /// What the bytes agree with; nothing where only their MD5 is to be compared.
    fn checked(self) -> Option<Result<Checked, String>> {
        self.check.map(|check| match check.conclude() {
            Ok(Conclusion::Checked(checked)) => Ok(checked),
            Ok(Conclusion::Doubtful { .. }) => Ok(Checked::None),
            Err(error) => Err(error.what()),
        })
    }
}

impl Tap for Digests {
    fn bytes(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        if let Some(check) = &mut self.check {
            check.update(bytes);
        }
    }

    fn chunk(&mut self, chunk: &bytes::Bytes) {
        self.md5.update_piece(chunk.clone());
        if let Some(check) = &mut self.check {
            check.update_piece(chunk);
        }
    }
}
