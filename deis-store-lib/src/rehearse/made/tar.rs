//! Writes tar archives (GNU format) of made files, into memory and without a runtime. Pure.
//!
//! It must not be used for files of a real cluster: tar itself writes their archive.

use tokio_tar::{EntryType, Header};

const BLOCK_BYTES: usize = 512;
/// The longest name that fits into a header. A longer one goes into an entry of its own before it.
const NAME_BYTES: usize = 100;

/// The description of an entry: everything but its content.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    name: &'a str,
    kind: EntryType,
    link: &'a str,
    mode: u32,
    owner: (u64, u64),
    modified: u64,
}

impl<'a> Entry<'a> {
    /// A file owned by root, of mode 0644.
    pub(super) fn file(name: &'a str, modified: u64) -> Self {
        Self { name, kind: EntryType::Regular, link: "", mode: 0o644, owner: (0, 0), modified }
    }

    /// A directory owned by root, of mode 0755. Its name ends with a slash.
    pub(super) fn directory(name: &'a str, modified: u64) -> Self {
        Self { kind: EntryType::Directory, mode: 0o755, ..Self::file(name, modified) }
    }

    /// A symbolic link.
    pub(super) fn link(name: &'a str, link: &'a str, modified: u64) -> Self {
        Self { kind: EntryType::Symlink, link, mode: 0o777, ..Self::file(name, modified) }
    }

    pub(super) fn with_mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    pub(super) fn with_owner(self, user: u64, group: u64) -> Self {
        Self { owner: (user, group), ..self }
    }

    /// Adds the entry to an archive, with its content.
    pub(super) fn append(&self, archive: &mut Vec<u8>, content: &[u8]) {
        if self.name.len() > NAME_BYTES {
            let long = Entry { kind: EntryType::GNULongName, ..Entry::file("././@LongLink", 0) };
            long.append(archive, &[self.name.as_bytes(), b"\0"].concat());
        }
        let mut header = Header::new_gnu();
        header.set_entry_type(self.kind);
        header.set_size(content.len() as u64);
        header.set_mode(self.mode);
        header.set_uid(self.owner.0);
        header.set_gid(self.owner.1);
        header.set_mtime(self.modified);
        let names = header.as_old_mut();
        put(&mut names.name, self.name);
        put(&mut names.linkname, self.link);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(content);
        archive.resize(archive.len().next_multiple_of(BLOCK_BYTES), 0);
    }
}

/// The two blocks of zeros that end an archive.
pub(super) const END: [u8; 2 * BLOCK_BYTES] = [0; 2 * BLOCK_BYTES];

fn put(field: &mut [u8; NAME_BYTES], text: &str) {
    let bytes = &text.as_bytes()[..text.len().min(NAME_BYTES)];
    field[..bytes.len()].copy_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tar::inspect;
    use crate::remote::{Local, run};

    #[tokio::test]
    async fn tar_itself_reads_what_was_written() {
        let long = "ü".repeat(90);
        let mut archive = Vec::new();
        Entry::directory("logs/", 1).with_mode(0o2775).append(&mut archive, b"");
        Entry::file(&long, 0).with_owner(12345, 54321).with_mode(0o4755).append(&mut archive, &[b'x'; 513]);
        Entry::link("link", "../elsewhere", 1_441_238_400).append(&mut archive, b"");
        archive.extend_from_slice(&END);

        let summary = inspect(&archive[..]).await.unwrap();
        assert_eq!((summary.entries, summary.file_bytes), (3, 513));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), &archive).unwrap();
        let path = file.path().to_str().unwrap();
        let list =
            ["tar", "-tvf", path, "--numeric-owner", "--utc", "--full-time", "--quoting-style=literal"];
        let listed = String::from_utf8(run(&Local::default(), &list).await.unwrap().stdout).unwrap();
        let lines: Vec<Vec<&str>> = listed.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(lines[0], ["drwxrwsr-x", "0/0", "0", "1970-01-01", "00:00:01", "logs/"]);
        assert_eq!(lines[1], ["-rwsr-xr-x", "12345/54321", "513", "1970-01-01", "00:00:00", &long]);
        assert_eq!(lines[2][2..], ["0", "2015-09-03", "00:00:00", "link", "->", "../elsewhere"]);
    }
}
