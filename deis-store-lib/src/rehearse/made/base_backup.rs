//! A made base backup as WAL-E pushes it: tar partitions of a small PGDATA, packed, and the sentinel. Pure.
//!
//! The files have the names, places and sizes of PostgreSQL's. Their content is made up, and no server starts from it:
//! `pg_control`, for one, has no checksum.

use serde_json::json;

use super::lzop;
use super::sequence::Sequence;
use super::tar::{self, Entry};
use super::wal::{Segment, offset_of};
use crate::contents::wal_e::Lsn;

const PAGE_BYTES: usize = 8192;
/// User and group `postgres` in the image of Deis' database.
const OWNER: (u64, u64) = (70, 70);

/// A base backup: its start and stop in the log, its time, and the number of its partitions.
#[derive(Clone, Copy, Debug)]
pub(super) struct BaseBackup {
    pub(super) timeline: u32,
    pub(super) start: Lsn,
    pub(super) stop: Lsn,
    /// In seconds since 1970.
    pub(super) started: i64,
    pub(super) partitions: u32,
    pub(super) system: u64,
    pub(super) seed: u64,
}

/// A file of PGDATA.
struct File {
    name: String,
    content: Content,
}

enum Content {
    Directory,
    Text(String),
    Control,
    /// Pages of a table: tuples at the end of each page, free space before them.
    Pages(usize),
}

impl File {
    fn size_bytes(&self) -> usize {
        match &self.content {
            Content::Directory => 0,
            Content::Text(text) => text.len(),
            Content::Control => PAGE_BYTES,
            Content::Pages(pages) => pages * PAGE_BYTES,
        }
    }
}

impl BaseBackup {
    /// The name that WAL-E gives it; the offset is decimal.
    pub(super) fn name(&self) -> String {
        format!("base_{}_{:08}", Segment::of(self.timeline, self.start).name(), offset_of(self.start))
    }

    /// A partition: an lzop'd tar.
    pub(super) fn partition(&self, number: u32) -> Vec<u8> {
        let mut archive = Vec::new();
        let modified = u64::try_from(self.started).unwrap_or(0);
        for file in self.files(number) {
            let (user, group) = OWNER;
            let entry = match file.content {
                Content::Directory => Entry::directory(&file.name, modified).with_mode(0o700),
                _ => Entry::file(&file.name, modified).with_mode(0o600),
            };
            entry.with_owner(user, group).append(&mut archive, &self.bytes(&file));
        }
        archive.extend_from_slice(&tar::END);
        lzop::pack(&archive, self.started)
    }

    /// The sentinel, which WAL-E writes last.
    pub(super) fn sentinel(&self) -> String {
        let sizes = (0..self.partitions).flat_map(|number| self.files(number)).map(|file| file.size_bytes());
        json!({
            "wal_segment_backup_stop": Segment::of(self.timeline, self.stop).name(),
            "wal_segment_offset_backup_stop": format!("{:08}", offset_of(self.stop)),
            "expanded_size_bytes": sizes.sum::<usize>(),
            "spec": {"base_prefix": "/var/lib/postgresql/9.3/main/", "tablespaces": []},
        })
        .to_string()
    }

    /// The name of its history file in the archive; the offset is hexadecimal.
    pub(super) fn history_name(&self) -> String {
        format!("{}.{:08X}.backup", Segment::of(self.timeline, self.start).name(), offset_of(self.start))
    }

    /// The history file, which the server writes into the archive when a backup has ended.
    pub(super) fn history(&self) -> String {
        let label = self.label();
        let (start, rest) = label.split_once('\n').unwrap_or_default();
        let stop = location("STOP", self.timeline, self.stop);
        format!("{start}\n{stop}{rest}STOP TIME: {}\n", time(self.started + 195))
    }

    /// `backup_label`.
    fn label(&self) -> String {
        let start = location("START", self.timeline, self.start);
        let (checkpoint, started) = (Lsn(self.start.0 + 0x38), time(self.started));
        format!(
            "{start}CHECKPOINT LOCATION: {checkpoint}\nBACKUP METHOD: pg_start_backup\nBACKUP FROM: master\n\
             START TIME: {started}\nLABEL: freeze_start_{started}\n"
        )
    }

    fn files(&self, partition: u32) -> Vec<File> {
        let file = |name: &str, content| File { name: name.to_owned(), content };
        let mut files = Vec::new();
        if partition == 0 {
            files.push(file("backup_label", Content::Text(self.label())));
            files.push(file("PG_VERSION", Content::Text("9.3\n".to_owned())));
            let initialized = Sequence::new(self.seed, "initialized").uuid();
            files.push(file("initialized", Content::Text(initialized)));
            for directory in ["base/", "base/12066/", "base/16385/", "global/", "pg_tblspc/", "pg_xlog/"] {
                files.push(file(directory, Content::Directory));
            }
            for name in ["base/12066/PG_VERSION", "base/16385/PG_VERSION"] {
                files.push(file(name, Content::Text("9.3\n".to_owned())));
            }
            files.push(file("global/pg_filenode.map", Content::Text("\u{17}\0\0\0".repeat(128))));
        }
        let mut sizes = Sequence::new(self.seed, &format!("{} {partition}", self.name()));
        for relation in 0..12 {
            let name = format!("base/16385/{}", 16_386 + 100 * partition + 3 * relation);
            let pages = usize::try_from(4 + sizes.below(22)).unwrap_or(0);
            files.push(file(&name, Content::Pages(pages)));
        }
        if partition + 1 == self.partitions {
            files.push(file("base/16385/11959", Content::Pages(0)));
            files.push(file("global/pg_control", Content::Control));
        }
        files
    }

    fn bytes(&self, file: &File) -> Vec<u8> {
        match &file.content {
            Content::Directory => Vec::new(),
            Content::Text(text) => text.clone().into_bytes(),
            Content::Control => self.control(),
            Content::Pages(pages) => {
                let mut noise = Sequence::new(self.seed, &file.name);
                (0..*pages).flat_map(|_| self.page(&mut noise)).collect()
            }
        }
    }

    /// `PageHeaderData` of a table's page, and tuples of noise.
    fn page(&self, noise: &mut Sequence) -> Vec<u8> {
        let upper = u16::try_from(1024 + 8 * noise.below(640)).unwrap_or(1024);
        let lsn = self.start.0.to_le_bytes();
        let mut page = [&lsn[4..], &lsn[..4], &[0; 4], &24_u16.to_le_bytes(), &upper.to_le_bytes()].concat();
        // The beginning of the special space, then the page's size and the version of its layout.
        page.extend_from_slice(&[0, 0x20, 4, 0x20, 0, 0, 0, 0]);
        page.resize(PAGE_BYTES, 0);
        noise.fill(&mut page[usize::from(upper)..]);
        page
    }

    /// The first fields of `ControlFileData`: system, versions of the file and of the catalog, state "in
    /// production", time, and the checkpoint.
    fn control(&self) -> Vec<u8> {
        let mut control = self.system.to_le_bytes().to_vec();
        for number in [937_u32, 201_306_121, 6, 0] {
            control.extend_from_slice(&number.to_le_bytes());
        }
        control.extend_from_slice(&self.started.to_le_bytes());
        control.extend_from_slice(&(self.start.0 + 0x38).to_le_bytes());
        control.resize(PAGE_BYTES, 0);
        control
    }
}

fn location(which: &str, timeline: u32, lsn: Lsn) -> String {
    format!("{which} WAL LOCATION: {lsn} (file {})\n", Segment::of(timeline, lsn).name())
}

fn time(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds).unwrap_or_default();
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::super::unpack;
    use super::*;
    use crate::archive::tar::inspect;

    fn backup() -> BaseBackup {
        BaseBackup {
            timeline: 1,
            start: Lsn(0xfb00_0028),
            stop: Lsn(0xfc00_01d8),
            started: 1_441_238_400,
            partitions: 3,
            system: 7,
            seed: 1,
        }
    }

    #[tokio::test]
    async fn the_sentinel_tells_the_size_of_all_files_in_all_partitions() {
        let (mut bytes, mut names) = (0, Vec::new());
        for number in 0..3 {
            let archive = unpack::file(&backup().partition(number));
            bytes += inspect(&archive[..]).await.unwrap().file_bytes;
            let mut entries = tokio_tar::Archive::new(&archive[..]).entries().unwrap();
            while let Some(entry) = entries.next().await {
                names.push(entry.unwrap().path().unwrap().display().to_string());
            }
        }
        let sentinel: serde_json::Value = serde_json::from_str(&backup().sentinel()).unwrap();
        assert_eq!(sentinel["expanded_size_bytes"], bytes);
        assert_eq!(sentinel["wal_segment_backup_stop"], "0000000100000000000000FC");
        assert_eq!(sentinel["wal_segment_offset_backup_stop"], "00000472");
        for name in ["backup_label", "PG_VERSION", "global/pg_control"] {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        names.sort();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "a name stands twice");
    }

    #[test]
    fn the_offset_is_decimal_in_one_name_and_hexadecimal_in_the_other() {
        assert_eq!(backup().name(), "base_0000000100000000000000FB_00000040");
        assert_eq!(backup().history_name(), "0000000100000000000000FB.00000028.backup");
    }

    #[test]
    fn the_history_of_a_backup_is_its_label_with_where_it_stopped() {
        let expected = "START WAL LOCATION: 0/FB000028 (file 0000000100000000000000FB)\n\
                        STOP WAL LOCATION: 0/FC0001D8 (file 0000000100000000000000FC)\n\
                        CHECKPOINT LOCATION: 0/FB000060\n\
                        BACKUP METHOD: pg_start_backup\n\
                        BACKUP FROM: master\n\
                        START TIME: 2015-09-03 00:00:00 UTC\n\
                        LABEL: freeze_start_2015-09-03 00:00:00 UTC\n\
                        STOP TIME: 2015-09-03 00:03:15 UTC\n";
        assert_eq!(backup().history(), expected);
    }

    #[test]
    fn the_control_file_has_its_size_and_the_system_that_the_log_names() {
        let control = backup().control();
        assert_eq!((control.len(), &control[..8]), (8192, &7_u64.to_le_bytes()[..]));
    }
}
