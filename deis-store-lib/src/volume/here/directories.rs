//! The directories that were unpacked: each gets its mode, owner and time when nothing more comes into it.

use rustix::io::Errno;

use super::attributes::Attributes;
use super::way::{Way, open_directory};

/// So much memory they may take: half a million with paths of 50 bytes.
const MOST_BYTES: usize = 64 << 20;

/// A directory takes so much of it beside its path.
const OVERHEAD_BYTES: usize = 80;

/// The directories that were unpacked, and what they will get.
#[derive(Debug, Default)]
pub(super) struct Directories {
    list: Vec<(Box<[u8]>, Attributes)>,
    held_bytes: usize,
}

impl Directories {
    /// Remembers one. The error says why it cannot be.
    pub(super) fn add(&mut self, path: &[u8], attributes: Attributes) -> Result<(), &'static str> {
        self.held_bytes += path.len() + OVERHEAD_BYTES;
        if self.held_bytes > MOST_BYTES {
            return Err("is one of more directories than can be kept track of");
        }
        self.list.push((path.into(), attributes));
        Ok(())
    }

    /// Gives each what it gets, those in another one before that one. The error names the directory.
    pub(super) fn apply(&mut self, way: &mut Way) -> Result<(), (Box<[u8]>, Errno)> {
        // Of one that has come twice, the later one counts: it is the last of its equals.
        self.list.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut later: Option<Box<[u8]>> = None;
        for (path, attributes) in std::mem::take(&mut self.list).into_iter().rev() {
            if later.as_ref() != Some(&path) {
                let gone = way.go(&path, open_directory).and_then(|()| way.here());
                if let Err(error) = gone.and_then(|directory| attributes.apply(directory)) {
                    return Err((path, error));
                }
            }
            later = Some(path);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tar::{Entry, EntryKind, Modified};
    use crate::volume::here::attributes::Owners;

    #[test]
    fn there_is_an_end_of_memory() {
        let owner = (0, 0);
        let modified = Modified::default();
        let entry = Entry { path: vec![b'x'; 60_000], kind: EntryKind::Directory, mode: 0, owner, modified };
        let attributes = Attributes::of(&entry, Owners::Mine).unwrap();
        let mut directories = Directories::default();
        let room = (0..2000).take_while(|_| directories.add(&entry.path, attributes).is_ok()).count();
        assert!(room > 1000 && room < 1200, "{room}");
    }
}
