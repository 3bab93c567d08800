//! A file that is read for an archive: as many bytes as were announced, whatever becomes of it meanwhile.

use std::borrow::Cow;
use std::os::fd::OwnedFd;

use rustix::fs::{SeekFrom, Stat};
use rustix::io::Errno;

use crate::archive::tar::{EntryKind, Extent};

/// A file with more extents than this is stored with its holes, since a reader refuses more.
pub(super) const MOST_EXTENTS: usize = if cfg!(test) { 1000 } else { 100_000 };

/// A file that is being read.
#[derive(Debug)]
pub(super) struct Reading {
    file: OwnedFd,
    /// As it was when it was opened.
    before: Stat,
    /// What is to be read. None of them is empty.
    extents: Vec<Extent>,
    /// The extent that is being read, and how much of it was.
    extent: usize,
    read_bytes: u64,
    trouble: Option<Trouble>,
}

#[derive(Clone, Copy, Debug)]
enum Trouble {
    Shrank,
    Failed(Errno),
}

/// What became of a file while it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Same,
    Changed(&'static str),
    /// Not all of it could be read: what is said of it.
    Failed(Cow<'static, str>),
}

impl Reading {
    pub(super) fn new(file: OwnedFd, stat: Stat) -> Self {
        let size_bytes = size_bytes(&stat);
        let whole = || match size_bytes {
            0 => Vec::new(),
            bytes => vec![Extent { at_bytes: 0, bytes }],
        };
        let looks_sparse =
            u64::try_from(stat.st_blocks).is_ok_and(|blocks| blocks.saturating_mul(512) < size_bytes);
        let extents = looks_sparse.then(|| extents(&file, size_bytes)).flatten().unwrap_or_else(whole);
        Self { file, before: stat, extents, extent: 0, read_bytes: 0, trouble: None }
    }

    /// What is announced of it.
    pub(super) fn kind(&self) -> EntryKind {
        let size_bytes = size_bytes(&self.before);
        let stored_bytes: u64 = self.extents.iter().map(|extent| extent.bytes).sum();
        if stored_bytes == size_bytes {
            return EntryKind::File { size_bytes };
        }
        EntryKind::Sparse { size_bytes, extents: self.extents.clone() }
    }

    /// Fills a part of this room with the next bytes, and says how many: none at the end. What is not there any more are
    /// zeros.
    pub(super) fn read(&mut self, room: &mut [u8]) -> usize {
        let Some(extent) = self.extents.get(self.extent) else { return 0 };
        let left_bytes = extent.bytes - self.read_bytes;
        let wanted = usize::try_from(left_bytes).map_or(room.len(), |left| left.min(room.len()));
        let Some(room) = room.get_mut(..wanted) else { return 0 };
        let mut read = 0;
        if self.trouble.is_none() {
            match rustix::io::retry_on_intr(|| {
                rustix::io::pread(&self.file, &mut *room, extent.at_bytes + self.read_bytes)
            }) {
                Ok(0) => self.trouble = Some(Trouble::Shrank),
                Ok(some) => read = some,
                Err(error) => self.trouble = Some(Trouble::Failed(error)),
            }
        }
        if self.trouble.is_some() {
            room.fill(0);
            read = wanted;
        }
        self.read_bytes += read as u64;
        if self.read_bytes == extent.bytes {
            (self.extent, self.read_bytes) = (self.extent + 1, 0);
        }
        read
    }

    /// What became of it while it was read.
    pub(super) fn outcome(&self) -> Outcome {
        let after = match (self.trouble, rustix::fs::fstat(&self.file)) {
            (Some(Trouble::Shrank), _) => {
                return Outcome::Changed("shrank as it was read: zeros stand for what is gone");
            }
            (Some(Trouble::Failed(error)), _) => {
                let failure = Outcome::failure(error);
                let what = format!("{failure}: zeros stand for the rest of it in the archive");
                return Outcome::Failed(what.into());
            }
            (None, Err(error)) => return Outcome::Failed(Outcome::failure(error)),
            (None, Ok(after)) => after,
        };
        let before = &self.before;
        // Its times alone do not say it: a file system's clock may stand still for some milliseconds.
        if after.st_nlink < before.st_nlink {
            return Outcome::Changed("was removed or replaced as it was read");
        }
        if after.st_size > before.st_size {
            return Outcome::Changed("grew as it was read: what was added is not saved");
        }
        let times = |stat: &Stat| (stat.st_mtime, stat.st_mtime_nsec, stat.st_ctime, stat.st_ctime_nsec);
        if after.st_size != before.st_size || times(&after) != times(before) {
            return Outcome::Changed("changed as it was read");
        }
        Outcome::Same
    }
}

impl Outcome {
    pub(super) fn failure(error: Errno) -> Cow<'static, str> {
        format!("cannot be read: {}", std::io::Error::from(error)).into()
    }
}

fn size_bytes(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

/// What of a file is not a hole, if the file system says it and there is not too much of it.
fn extents(file: &OwnedFd, size_bytes: u64) -> Option<Vec<Extent>> {
    let (mut extents, mut at_bytes) = (Vec::new(), 0);
    while at_bytes < size_bytes {
        let begin = match rustix::fs::seek(file, SeekFrom::Data(at_bytes)) {
            Ok(begin) if begin < size_bytes => begin,
            Ok(_) | Err(Errno::NXIO) => break,
            Err(_) => return None,
        };
        let end = rustix::fs::seek(file, SeekFrom::Hole(begin)).ok()?.min(size_bytes);
        // It shrank meanwhile, or the file system does not know.
        if end <= begin || extents.len() == MOST_EXTENTS {
            return None;
        }
        extents.push(Extent { at_bytes: begin, bytes: end - begin });
        at_bytes = end;
    }
    Some(extents)
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::os::unix::fs::FileExt as _;

    use super::*;

    fn reading(file: &File) -> Reading {
        let file = OwnedFd::from(file.try_clone().unwrap());
        let stat = rustix::fs::fstat(&file).unwrap();
        Reading::new(file, stat)
    }

    fn rest(reading: &mut Reading) -> Vec<u8> {
        let mut all = Vec::new();
        loop {
            let mut room = [b'?'; 1000];
            match reading.read(&mut room) {
                0 => return all,
                read => all.extend_from_slice(&room[..read]),
            }
        }
    }

    #[test]
    fn a_file_is_read_with_the_size_that_it_had_first() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'x'; 5000]).unwrap();
        let mut read = reading(&file);
        assert_eq!(read.kind(), EntryKind::File { size_bytes: 5000 });
        file.write_all(b"more").unwrap();
        assert_eq!(rest(&mut read), [b'x'; 5000]);
        assert!(matches!(read.outcome(), Outcome::Changed(what) if what.contains("grew")));
    }

    #[test]
    fn what_has_gone_is_filled_up_with_zeros() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[b'x'; 5000]).unwrap();
        let mut read = reading(&file);
        assert_eq!(read.read(&mut [0; 1000]), 1000);
        file.set_len(2500).unwrap();
        let rest = rest(&mut read);
        assert_eq!((rest.len(), &rest[..1500]), (4000, &[b'x'; 1500][..]));
        assert_eq!(rest[1500..], [0; 2500]);
        assert!(matches!(read.outcome(), Outcome::Changed(what) if what.contains("shrank")));
    }

    #[test]
    fn of_a_file_that_cannot_be_read_zeros_stand_for_the_rest_and_that_is_said() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(b"xxxx", 0).unwrap();
        let not_for_reading = File::options().write(true).open(file.path()).unwrap();
        let mut read = reading(&not_for_reading);
        assert_eq!(rest(&mut read), [0; 4]);
        assert!(matches!(read.outcome(), Outcome::Failed(what) if what.contains("zeros stand for the rest")));
    }

    #[test]
    fn an_unchanged_file_is_unchanged_and_one_of_the_same_size_is_not() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let old = std::time::SystemTime::now() - std::time::Duration::from_mins(1);
        file.as_file().set_modified(old).unwrap();
        assert_eq!(reading(file.as_file()).outcome(), Outcome::Same);
        file.as_file().write_all_at(b"x", 0).unwrap();
        file.as_file().set_modified(old).unwrap();
        let read = reading(file.as_file());
        file.as_file().write_all_at(b"y", 0).unwrap();
        assert_eq!(read.outcome(), Outcome::Changed("changed as it was read"));
        let read = reading(file.as_file());
        drop(file);
        assert!(matches!(read.outcome(), Outcome::Changed(what) if what.contains("removed")));
    }

    #[test]
    fn holes_are_not_read_and_those_of_a_file_in_tatters_are() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(9 << 30).unwrap();
        assert_eq!(reading(&file).kind(), EntryKind::Sparse { size_bytes: 9 << 30, extents: vec![] });
        file.write_all_at(&[b'x'; 4096], 8 << 30).unwrap();
        let extent = Extent { at_bytes: 8 << 30, bytes: 4096 };
        let mut read = reading(&file);
        assert_eq!(read.kind(), EntryKind::Sparse { size_bytes: 9 << 30, extents: vec![extent] });
        assert_eq!(rest(&mut read), [b'x'; 4096]);

        let file = tempfile::tempfile().unwrap();
        for at in 0..=MOST_EXTENTS as u64 {
            file.write_all_at(b"x", at * 8192).unwrap();
        }
        let size_bytes = MOST_EXTENTS as u64 * 8192 + 1;
        assert_eq!(reading(&file).kind(), EntryKind::File { size_bytes });
        file.set_len(size_bytes - 8192).unwrap();
        assert!(
            matches!(reading(&file).kind(), EntryKind::Sparse { extents, .. } if extents.len() == MOST_EXTENTS)
        );
    }
}
