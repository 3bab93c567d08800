//! Files that the library writes to file systems that are small, or several.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deis_store::ErrorKind;
use deis_store::disk::{Root, Writing};

#[test]
fn a_full_disk_reaches_the_writer_with_path_and_advice() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let mount = Tmpfs::mount("1m");
    let root = Root::open(mount.path()).unwrap();
    let mut writing = Writing::start(root.new_object("d/k", "").unwrap(), ());
    let piece = Bytes::from(vec![0; 256 << 10]);
    let error = loop {
        if let Err(error) = runtime.block_on(writing.write(piece.clone())) {
            break error;
        }
    };
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert!(error.to_string().contains("d/k"), "{error}");
    assert_eq!(error.advice(), Some("free some space, then run it again"));
    assert!(root.subdirectory("d", false).unwrap().list().unwrap().is_empty());
}

#[test]
fn across_file_systems_it_is_a_copy_with_mode_and_time() {
    let (old, new) = (tempfile::tempdir().unwrap(), Tmpfs::mount("1m"));
    let from = Root::open(old.path()).unwrap();
    object(&from, "k");
    let to = Root::open(new.path()).unwrap();
    assert_eq!(to.link_object("k", &from, &["k"]).unwrap(), ["k"]);
    let metadata = new.path().join("k").metadata().unwrap();
    assert_eq!((metadata.mtime(), metadata.len(), metadata.permissions().mode() & 0o777), (7, 1, 0o400));
    assert_eq!(to.list().unwrap().len(), 1);
}

fn object(root: &Root, key: &str) {
    let mut file = root.new_object(key, "").unwrap();
    file.write_all(key.as_bytes()).unwrap();
    file.commit(0o400, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(7)), false).unwrap();
}

/// A small file system of its own; the tests run as root.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(size: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(directory.path());
        assert!(mount.status().unwrap().success(), "this test needs root, to mount a tmpfs");
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}
