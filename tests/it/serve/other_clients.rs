//! s3cmd and rclone at a snapshot that is served: they read what it has, and write above it.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::{ACCESS_KEY, SECRET_KEY, Served, golden, serving};
use crate::peers::rclone_at;
use crate::s3cmd::S3cmd;

/// The files below a directory, by their paths in it.
fn tree(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let output = Command::new("find").args([".", "-type", "f"]).current_dir(directory).output().unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    names.lines().map(|name| (name.to_owned(), std::fs::read(directory.join(name)).unwrap())).collect()
}

/// Both read all of it. Keys that these clients could not have as files are not asked for.
#[test]
fn s3cmd_and_rclone_copy_a_served_snapshot_and_write_above_it() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = golden(scratch.path());
    let before = tree(&snapshot);
    let writes = scratch.path().join("writes");
    let writes = ["--writes", writes.to_str().unwrap()];
    let served = Served::start(&mut serving(&snapshot, &writes));
    let (s3cmd, keys) = (S3cmd::at(served.address(), ACCESS_KEY, SECRET_KEY), (ACCESS_KEY, SECRET_KEY));

    s3cmd.run(&["sync", "s3://db_wal/", &format!("{}/", s3cmd.path("wal"))]);
    let wal = tree(&snapshot.join("db_wal"));
    assert!(!wal.is_empty() && tree(Path::new(&s3cmd.path("wal"))) == wal, "s3cmd has copied db_wal");
    let copied = scratch.path().join("rclone");
    rclone_at(&served.url, keys, &["copy", "peer:db_wal", copied.to_str().unwrap()]);
    assert!(tree(&copied) == wal, "rclone has copied db_wal");

    let up = scratch.path().join("up");
    std::fs::create_dir_all(up.join("d")).unwrap();
    for (name, size) in [("small", 10), ("d/large", 17_000_001), ("empty", 0)] {
        std::fs::write(up.join(name), vec![7; size]).unwrap();
    }
    s3cmd.run(&["sync", &format!("{}/", up.display()), "s3://registry/by-s3cmd/"]);
    rclone_at(&served.url, keys, &["copy", up.to_str().unwrap(), "peer:fresh/by-rclone"]);
    served.kill();

    let served = Served::start(&mut serving(&snapshot, &writes));
    let s3cmd = S3cmd::at(served.address(), ACCESS_KEY, SECRET_KEY);
    s3cmd.run(&["sync", "s3://registry/by-s3cmd/", &format!("{}/", s3cmd.path("down"))]);
    assert!(tree(Path::new(&s3cmd.path("down"))) == tree(&up), "what s3cmd has written is there");
    let said = rclone_at(&served.url, keys, &["check", up.to_str().unwrap(), "peer:fresh/by-rclone"]);
    assert!(said.contains("0 differences found"), "{said}");
    s3cmd.run(&["del", "-r", "--force", "s3://db_wal/"]);
    assert!(s3cmd.run(&["ls", "-r", "s3://db_wal"]).is_empty());
    drop(served);
    assert!(tree(&snapshot) == before, "the snapshot is as it was");
}
