//! The names in a directory in the order of their bytes, of which few are held however many there are.

use std::os::fd::BorrowedFd;

use rustix::fs::{FileType, RawDir, SeekFrom};
use rustix::io::Errno;

/// So many bytes of names are asked for at a time.
const LISTING_BYTES: usize = 32 << 10;

/// A name takes so much memory beside its bytes.
const OVERHEAD_BYTES: usize = 64;

/// The names of a directory from some place on.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// Each with the kind that the listing gives it.
    pub(super) sorted: Vec<(Vec<u8>, FileType)>,
    /// Whether there are more after the last of them.
    pub(super) more: bool,
}

/// The first names of a directory after this one. As many are held as fit into so much memory; the directory is read anew
/// for those after them.
pub(super) fn names_after(
    directory: BorrowedFd<'_>,
    after: Option<&[u8]>,
    most_bytes: usize,
) -> Result<Names, Errno> {
    rustix::fs::seek(directory, SeekFrom::Start(0))?;
    let mut buffer = Vec::with_capacity(LISTING_BYTES);
    let mut listing = RawDir::new(directory, buffer.spare_capacity_mut());
    let mut names = Names::default();
    let (mut held_bytes, mut last): (_, Option<Vec<u8>>) = (0, None);
    while let Some(entry) = listing.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        let earlier = after.is_some_and(|after| name <= after);
        let later = last.as_deref().is_some_and(|last| name > last);
        if earlier || later || matches!(name, b"." | b"..") {
            continue;
        }
        held_bytes += name.len() + OVERHEAD_BYTES;
        names.sorted.push((name.to_vec(), entry.file_type()));
        if held_bytes > most_bytes && names.sorted.len() > 1 {
            names.sort();
            names.sorted.truncate(names.sorted.len() / 2);
            names.more = true;
            last = names.sorted.last().map(|(name, _)| name.clone());
            held_bytes = names.sorted.iter().map(|(name, _)| name.len() + OVERHEAD_BYTES).sum();
        }
    }
    names.sort();
    Ok(names)
}

impl Names {
    fn sort(&mut self) {
        self.sorted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        // A directory that changes as it is read may have a name twice.
        self.sorted.dedup_by(|(one, _), (other, _)| one == other);
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn all_names_come_in_the_order_of_their_bytes_however_few_are_held() {
        let place = tempfile::tempdir().unwrap();
        let mut expected: Vec<Vec<u8>> =
            (0..500).map(|at| format!("n{}", at * 7919 % 1000).into_bytes()).collect();
        expected.extend([b"\xff\xfe".to_vec(), b" ".to_vec(), b"N".to_vec(), b"n".to_vec(), vec![b'x'; 255]]);
        for name in &expected {
            std::fs::write(place.path().join(std::ffi::OsStr::from_bytes(name)), "").unwrap();
        }
        expected.sort();
        let directory = std::fs::File::open(place.path()).unwrap();
        for most_bytes in [1, 1000, 4096, 1 << 20] {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let names = names_after(directory.as_fd(), after.as_deref(), most_bytes).unwrap();
                assert!(
                    names.sorted.len() * OVERHEAD_BYTES <= most_bytes.max(OVERHEAD_BYTES),
                    "{most_bytes}"
                );
                assert!(!(names.more && most_bytes == 1 << 20));
                found.extend(names.sorted.into_iter().map(|(name, _)| name));
                after = found.last().cloned();
                if !names.more {
                    break;
                }
            }
            assert_eq!(found, expected, "{most_bytes}");
        }
    }
}
