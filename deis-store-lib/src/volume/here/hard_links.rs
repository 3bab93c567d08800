//! Which files have come under another name before.

use std::collections::HashMap;
use std::os::fd::AsFd;

use rustix::fs::{AtFlags, Stat, StatxFlags};

use super::way::Identity;

/// So much memory is for the files of which further names may come.
const MOST_BYTES: usize = 16 << 20;

/// A file takes so much of it beside its path.
const OVERHEAD_BYTES: usize = 80;

/// The files that have further names. One of which all names have come is forgotten, and those that have one name alone are
/// not held at all.
#[derive(Debug, Default)]
pub(super) struct HardLinks {
    first: HashMap<(Identity, Born), First>,
    held_bytes: usize,
}

/// When a file was made, where the file system knows it. A number that is free again is soon another file's.
type Born = Option<(i64, u32)>;

#[derive(Debug)]
struct First {
    path: Box<[u8]>,
    /// How many names are to come. The type of the number differs between machines.
    left: u128,
}

/// What is known of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// It has no other name that has come.
    New,
    /// It is the file at this path.
    At(Vec<u8>),
    /// It has other names, and there is no room to remember this one.
    NoRoom,
}

impl HardLinks {
    /// Looks for an open file, and remembers a new one.
    pub(super) fn look(&mut self, path: &[u8], file: impl AsFd, stat: &Stat) -> Known {
        if stat.st_nlink < 2 {
            return Known::New;
        }
        self.look_for((Identity::of(stat), born(file)), path, u128::from(stat.st_nlink))
    }

    fn look_for(&mut self, file: (Identity, Born), path: &[u8], names: u128) -> Known {
        if let Some(first) = self.first.get_mut(&file) {
            let known = first.path.to_vec();
            first.left = first.left.saturating_sub(1);
            if first.left == 0 {
                self.held_bytes -= first.path.len() + OVERHEAD_BYTES;
                self.first.remove(&file);
            }
            return Known::At(known);
        }
        let bytes = path.len() + OVERHEAD_BYTES;
        if self.held_bytes + bytes > MOST_BYTES {
            return Known::NoRoom;
        }
        self.held_bytes += bytes;
        self.first.insert(file, First { path: path.into(), left: names.saturating_sub(1) });
        Known::New
    }
}

fn born(file: impl AsFd) -> Born {
    let found = rustix::fs::statx(file, c"", AtFlags::EMPTY_PATH, StatxFlags::BTIME).ok()?;
    let known = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
    known.then_some((found.stx_btime.tv_sec, found.stx_btime.tv_nsec))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_name_until_all_names_have_come() {
        let place = tempfile::tempdir().unwrap();
        let path = |name: &str| place.path().join(name);
        std::fs::write(path("a"), "").unwrap();
        std::fs::write(path("alone"), "").unwrap();
        for name in ["b", "c"] {
            std::fs::hard_link(path("a"), path(name)).unwrap();
        }
        let mut links = HardLinks::default();
        let mut look = |name: &str| {
            let file = File::open(path(name)).unwrap();
            let known = links.look(name.as_bytes(), &file, &rustix::fs::fstat(&file).unwrap());
            (known, links.first.len())
        };
        assert_eq!(look("alone"), (Known::New, 0));
        assert_eq!(look("a"), (Known::New, 1));
        assert_eq!(look("b"), (Known::At(b"a".to_vec()), 1));
        assert_eq!(look("c"), (Known::At(b"a".to_vec()), 0));
        assert_eq!(links.held_bytes, 0);
    }

    #[test]
    fn another_file_that_has_got_the_same_number_is_another_file() {
        let identity = Identity::of(&rustix::fs::stat("/").unwrap());
        let mut links = HardLinks::default();
        for born in [None, Some((1, 5)), Some((1, 6))] {
            assert_eq!(links.look_for((identity, born), b"first", 2), Known::New);
            assert_eq!(links.look_for((identity, born), b"second", 2), Known::At(b"first".to_vec()));
            assert_eq!(links.look_for((identity, born), b"third", 3), Known::New);
        }
    }

    #[test]
    fn memory_is_bounded_however_many_there_are() {
        let mut stat = rustix::fs::stat("/").unwrap();
        let (mut links, path) = (HardLinks::default(), vec![b'x'; 60_000]);
        let mut look = |inode| {
            stat.st_ino = inode;
            links.look_for((Identity::of(&stat), None), &path, 2)
        };
        let room = (0..1000).take_while(|inode| look(*inode) == Known::New).count() as u64;
        assert!(room > 200 && room < 300, "{room}");
        assert_eq!(look(room), Known::NoRoom);
        assert_eq!(look(0), Known::At(path.clone()));
        assert_eq!(look(room), Known::New, "what has gone makes room");
    }
}
