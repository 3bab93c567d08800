//! Files that the library writes to a file system that is small.

use std::path::Path;
use std::process::Command;

use deis_store::ErrorKind;
use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::ClientOptions;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;
use deis_store_tests::faulty::{FaultyGateway, KEYS};

#[test]
fn a_full_disk_reaches_the_writer_with_path_and_advice() {
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "k", &vec![0; 2 << 20]);
    let mount = Tmpfs::mount("1m");
    let http = connect(&gateway.url(), Timeouts::default()).unwrap();
    let keys = Credentials::new(KEYS.0, KEYS.1);
    let client = Client::new(vec![http], keys, ClientOptions::default(), &Run::silent()).unwrap();
    let (bucket, key) = (BucketName::new("registry").unwrap(), ObjectKey::new("k").unwrap());
    std::fs::create_dir(mount.path().join("d")).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fetched = client.get_file(&bucket, &key, mount.path().join("d/k")).into_future();
    let error = runtime.block_on(fetched).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert!(error.to_string().contains("d/k"), "{error}");
    assert_eq!(error.advice(), Some("free some space, then run it again"));
    assert_eq!(std::fs::read_dir(mount.path().join("d")).unwrap().count(), 0);
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
