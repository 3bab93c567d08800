//! Which files have come under another name before.

use std::collections::HashMap;

use rustix::fs::Stat;

use super::way::Identity;

/// So much memory is for the files of which further names may come.
const MOST_BYTES: usize = 16 << 20;

/// A file takes so much of it beside its path.
const OVERHEAD_BYTES: usize = 80;

/// The files that have further names. One of which all names have come is forgotten, and those that have one name alone are
/// not held at all.
#[derive(Debug, Default)]
pub(super) struct HardLinks {
    first: HashMap<Identity, First>,
    held_bytes: usize,
}

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
    /// Looks for a file, and remembers a new one.
    pub(super) fn look(&mut self, path: &[u8], stat: &Stat) -> Known {
        if stat.st_nlink < 2 {
            return Known::New;
        }
        let identity = Identity::of(stat);
        if let Some(first) = self.first.get_mut(&identity) {
            let known = first.path.to_vec();
            first.left = first.left.saturating_sub(1);
            if first.left == 0 {
                self.held_bytes -= first.path.len() + OVERHEAD_BYTES;
                self.first.remove(&identity);
            }
            return Known::At(known);
        }
        let bytes = path.len() + OVERHEAD_BYTES;
        if self.held_bytes + bytes > MOST_BYTES {
            return Known::NoRoom;
        }
        self.held_bytes += bytes;
        self.first.insert(identity, First { path: path.into(), left: u128::from(stat.st_nlink) - 1 });
        Known::New
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_known_by_its_first_name_until_all_names_have_come() {
        let place = tempfile::tempdir().unwrap();
        let stat = |name: &str| rustix::fs::stat(place.path().join(name)).unwrap();
        std::fs::write(place.path().join("a"), "").unwrap();
        std::fs::write(place.path().join("alone"), "").unwrap();
        for name in ["b", "c"] {
            std::fs::hard_link(place.path().join("a"), place.path().join(name)).unwrap();
        }
        let mut links = HardLinks::default();
        assert_eq!(links.look(b"alone", &stat("alone")), Known::New);
        assert_eq!(links.first.len(), 0);
        assert_eq!(links.look(b"a", &stat("a")), Known::New);
        assert_eq!(links.look(b"b", &stat("b")), Known::At(b"a".to_vec()));
        assert_eq!(links.look(b"c", &stat("c")), Known::At(b"a".to_vec()));
        assert_eq!((links.first.len(), links.held_bytes), (0, 0));
    }

    #[test]
    fn memory_is_bounded_however_many_there_are() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join("a"), "").unwrap();
        std::fs::hard_link(place.path().join("a"), place.path().join("b")).unwrap();
        let mut stat = rustix::fs::stat(place.path().join("a")).unwrap();
        let (mut links, path) = (HardLinks::default(), vec![b'x'; 60_000]);
        let mut look = |inode| {
            stat.st_ino = inode;
            links.look(&path, &stat)
        };
        let room = (0..1000).take_while(|inode| look(*inode) == Known::New).count() as u64;
        assert!(room > 200 && room < 300, "{room}");
        assert_eq!(look(room), Known::NoRoom);
        assert_eq!(look(0), Known::At(path.clone()));
        assert_eq!(look(room), Known::New, "what has gone makes room");
    }
}
