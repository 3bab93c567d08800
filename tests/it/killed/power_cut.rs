//! A power cut during a backup: what was not synced is lost. A snapshot that has its name is whole all the same, and the next
//! run ends equal.
//!
//! The repository is on a file system in an image. The run is killed at a system call, and in that moment the image is copied:
//! what ext4 had not written to it by then is lost, as with a power cut that comes between two writes of the disk. A write that
//! is torn, or that overtakes another one between two flushes, is not shown by this.

use std::path::Path;
use std::process::{Command, Stdio};

use super::later_backup::{Site, later};
use super::{PARTS, at, calls, each_kill, is_whole, snapshots, strace, was_killed};
use crate::program::path;

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

/// Cuts the power when a later backup makes this call; without one, when it has ended. Whether it was cut off.
fn cut(site: &Site, call: Option<(&str, usize)>) -> bool {
    let context = format!("cut off at {call:?}");
    let gateway = site.gateway();
    let scratch = tempfile::tempdir().unwrap();
    let (image, mount_point, found) =
        (scratch.path().join("image"), scratch.path().join("mount"), scratch.path().join("found"));
    for directory in [&mount_point, &found] {
        std::fs::create_dir(directory).unwrap();
    }
    std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
    let mut made = Command::new("/usr/sbin/mkfs.ext4");
    made.args(["-q", "-F", "-d"]).arg(site.template()).arg(&image);
    assert!(made.status().unwrap().success());

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/power_cut.sh");
    let mut program = Command::new("unshare");
    program.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
    program.arg("--mount").arg(script).args([&image, &mount_point, &found]);
    match call {
        Some((call, number)) => strace(&mut program, call, number),
        None => drop(program.arg(path())),
    }
    let mut program = at(&gateway, program);
    program.arg("backup").arg(&mount_point).args(PARTS).stdout(Stdio::null());
    let status = program.status().unwrap();
    let was_cut = was_killed(status);
    assert!(was_cut || status.success(), "{context}: {status}");
    gateway.settle().unwrap();
    drop(gateway);

    let first = snapshots(site.template()).remove(0);
    let is_first = |snapshot: &Path| snapshot.file_name() == first.file_name();
    for snapshot in snapshots(&found) {
        let objects = if is_first(&snapshot) { super::objects() } else { later() };
        is_whole(&snapshot, &objects, &context);
    }
    if call.is_none() {
        assert_eq!(snapshots(&found).len(), 2, "a backup that has ended is there");
    }
    site.next_ends_equal(&found, &context);
    was_cut
}

#[test]
fn after_a_power_cut_a_snapshot_with_its_name_is_whole_and_the_next_backup_ends_equal() {
    let site = Site::new();
    cut(&site, None);
    let kills = each_kill(&calls(&SOME), |call, number| cut(&site, Some((call, number))));
    assert!(kills >= 3, "only {kills} runs were cut off");
}

#[test]
#[ignore = "a minute: with --all"]
fn the_power_is_cut_at_many_places_of_a_backup() {
    let site = Site::new();
    let kills = each_kill(&calls(&ALL), |call, number| cut(&site, Some((call, number))));
    assert!(kills >= 20, "only {kills} runs were cut off");
}
