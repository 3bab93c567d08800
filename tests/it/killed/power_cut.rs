//! A power cut during a backup or a prune: what was not synced is lost. A snapshot that has its name is whole all the same, and
//! the next run ends equal.
//!
//! The repository is on a file system in an image. The run is killed at a system call, and in that moment the image is copied:
//! what ext4 had not written to it by then is lost, as with a power cut that comes between two writes of the disk. A write that
//! is torn, or that overtakes another one between two flushes, is not shown by this.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::later_backup::{Site, later};
use super::{PARTS, at, calls, each_kill, is_whole, snapshots, strace, was_killed};
use crate::program::{command, path, ran};

const SOME: [(&str, &[usize]); 4] =
    [("renameat,renameat2", &[9]), ("fsync,syncfs", &[3, 6]), ("linkat", &[7]), ("unlinkat", &[1])];

const ALL: [(&str, &[usize]); 7] = [
    ("renameat,renameat2", &[1, 3, 5, 7, 9, 10, 11, 12, 13, 14]),
    ("fsync,syncfs", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("linkat", &[1, 5, 9]),
    ("mkdirat", &[2, 5]),
    ("write", &[4, 8, 12, 16]),
    ("unlinkat", &[1, 2, 3]),
    ("fchmod", &[2, 5]),
];

/// A prune's: it takes the name, then what makes a snapshot, then all else.
const PRUNED: [(&str, &[usize]); 4] = [
    ("renameat,renameat2", &[1]),
    ("fsync", &[1, 2, 3, 4, 5]),
    ("unlinkat", &[1, 2, 3, 4, 5, 8, 12, 16, 24]),
    ("openat", &[40, 60, 80]),
];

/// A repository on a file system of its own, which loses its power as soon as the program ends.
struct Disk(tempfile::TempDir);

impl Disk {
    /// One with a copy of this repository.
    fn with(repository: &Path) -> Self {
        let disk = Self(tempfile::tempdir().unwrap());
        for directory in [disk.mounted(), disk.found()] {
            std::fs::create_dir(directory).unwrap();
        }
        std::fs::File::create(disk.image()).unwrap().set_len(64 << 20).unwrap();
        let mut made = Command::new("/usr/sbin/mkfs.ext4");
        made.args(["-q", "-F", "-d"]).arg(repository).arg(disk.image());
        assert!(made.status().unwrap().success());
        disk
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("image")
    }

    /// The repository, for the program alone.
    fn mounted(&self) -> PathBuf {
        self.0.path().join("mounted")
    }

    /// What is found of it when the power is back.
    fn found(&self) -> PathBuf {
        self.0.path().join("found")
    }

    /// The program, to be killed at this call; the caller adds the words.
    fn program(&self, call: Option<(&str, usize)>) -> Command {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/power_cut.sh");
        let mut program = Command::new("unshare");
        program.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
        program.arg("--mount").arg(script).args([self.image(), self.mounted(), self.found()]);
        match call {
            Some((call, number)) => strace(&mut program, call, number),
            None => drop(program.arg(path())),
        }
        program
    }
}

/// Whether the program was killed; then, or when it has ended well, the power was cut.
fn was_cut(mut program: Command, context: &str) -> bool {
    let status = program.stdout(Stdio::null()).status().unwrap();
    let was_cut = was_killed(status);
    assert!(was_cut || status.success(), "{context}: {status}");
    was_cut
}

/// Cuts the power when a later backup makes this call; without one, when it has ended. Whether it was cut off.
fn cut_backup(site: &Site, call: Option<(&str, usize)>) -> bool {
    let context = format!("cut off at {call:?}");
    let gateway = site.gateway();
    let disk = Disk::with(site.template());
    let mut program = at(&gateway, disk.program(call));
    program.arg("backup").arg(disk.mounted()).args(PARTS);
    let was_cut = was_cut(program, &context);
    gateway.settle().unwrap();
    drop(gateway);

    let first = snapshots(site.template()).remove(0);
    let is_first = |snapshot: &Path| snapshot.file_name() == first.file_name();
    for snapshot in snapshots(&disk.found()) {
        let objects = if is_first(&snapshot) { super::objects() } else { later() };
        is_whole(&snapshot, &objects, &context);
    }
    if call.is_none() {
        assert_eq!(snapshots(&disk.found()).len(), 2, "a backup that has ended is there");
    }
    site.next_ends_equal(&disk.found(), &context);
    was_cut
}

/// Cuts the power when a prune of all but the newest snapshot makes this call; without one, when it has ended. Whether it was cut
/// off.
fn cut_prune(repository: &Path, call: Option<(&str, usize)>) -> bool {
    let context = format!("cut off at {call:?}");
    let disk = Disk::with(repository);
    let prune = |mut program: Command, repository: &Path| {
        program.arg("prune").arg(repository).args(["--keep-last", "1"]);
        program
    };
    let was_cut = was_cut(prune(disk.program(call), &disk.mounted()), &context);
    let found = disk.found();
    let newest = found.join(snapshots(repository).iter().max().unwrap().file_name().unwrap());
    for snapshot in snapshots(&found) {
        let objects = if snapshot == newest { later() } else { super::objects() };
        is_whole(&snapshot, &objects, &context);
    }
    // One that was about to go may have lost its name and nothing else: then it waits for the next backup.
    let sealed = ran(prune(command(), &found).arg("--json")).code(0).stdout.contains("sealed");
    let left = std::fs::read_dir(&found).unwrap().map(|entry| entry.unwrap().file_name());
    let left = left.filter(|name| name.to_string_lossy().starts_with("20")).count();
    assert_eq!(left, 1 + usize::from(sealed), "{context}");
    assert!(!(sealed && call.is_none()), "a prune that has ended has removed it");
    is_whole(&newest, &later(), &context);
    was_cut
}

/// A repository with two snapshots that share files.
fn of_two(site: &Site) -> tempfile::TempDir {
    let two = tempfile::tempdir().unwrap();
    let copied =
        Command::new("cp").arg("-a").arg(site.template().join(".")).arg(two.path()).status().unwrap();
    assert!(copied.success());
    site.next_ends_equal(two.path(), "before the prune");
    two
}

#[test]
fn after_a_power_cut_a_snapshot_with_its_name_is_whole_and_the_next_backup_ends_equal() {
    let site = Site::new();
    cut_backup(&site, None);
    let kills = each_kill(&calls(&SOME), |call, number| cut_backup(&site, Some((call, number))));
    assert!(kills >= 3, "only {kills} runs were cut off");
}

#[test]
fn after_a_power_cut_during_a_prune_a_snapshot_with_its_name_is_whole_and_the_next_prune_ends_it() {
    let two = of_two(&Site::new());
    cut_prune(two.path(), None);
    let kills = each_kill(&calls(&PRUNED), |call, number| cut_prune(two.path(), Some((call, number))));
    assert!(kills >= 12, "only {kills} runs were cut off");
}

#[test]
#[ignore = "a minute: with --all"]
fn the_power_is_cut_at_many_places_of_a_backup() {
    let site = Site::new();
    let kills = each_kill(&calls(&ALL), |call, number| cut_backup(&site, Some((call, number))));
    assert!(kills >= 20, "only {kills} runs were cut off");
}
