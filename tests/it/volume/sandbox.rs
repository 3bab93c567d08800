//! A directory to load into, with files beside it and at the place to which absolute names lead. None of these may change.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::tree::{self, Kind, Tree};

/// Where absolute names and links of the archives lead. `tests/fixtures/tar/blocks.py` has it too.
const CANARY: &str = "/var/tmp/deis-store-canary";

/// The place of absolute names. While a test holds it, no other run of the tests uses it.
pub(crate) struct Canary {
    _lock: File,
}

impl Canary {
    pub(crate) fn new() -> Self {
        let lock = File::create("/var/tmp/deis-store-canary.lock").unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let canary = Path::new(CANARY);
        if canary.exists() {
            fs::remove_dir_all(canary).unwrap();
        }
        fill(canary);
        Self { _lock: lock }
    }
}

impl Drop for Canary {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(CANARY);
    }
}

/// A directory to load into, and what is around it.
pub(crate) struct Sandbox {
    around: PathBuf,
    target: PathBuf,
    /// Removed with the sandbox, if it is our own.
    scratch: Option<TempDir>,
}

impl Sandbox {
    /// An empty directory of its own.
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let mut sandbox = Self::around(&scratch.path().join("target"));
        sandbox.scratch = Some(scratch);
        sandbox
    }

    /// Around a directory that may be there already, such as the store volume of a host. The test that made its parent
    /// removes it.
    pub(crate) fn around(target: &Path) -> Self {
        let around = target.parent().unwrap();
        fill(&around.join("beside"));
        fs::write(around.join("evil"), "above\n").unwrap();
        fs::write(around.join("secret"), "above\n").unwrap();
        if !target.exists() {
            fs::create_dir(target).unwrap();
        }
        Self { around: around.to_owned(), target: target.to_owned(), scratch: None }
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Removes what is in the directory, however deep it is.
    pub(crate) fn clear(&self) {
        let find = Command::new("find").arg(&self.target).args(["-mindepth", "1", "-delete"]).status();
        assert!(find.unwrap().success());
    }

    /// A line for each thing that no archive may change.
    pub(crate) fn surroundings(&self) -> BTreeSet<String> {
        let mut around = tree::read(&self.around);
        let name = self.target.file_name().unwrap().as_bytes();
        let target = around.remove(name).unwrap();
        around.retain(|path, _| !path.strip_prefix(name).is_some_and(|rest| rest.starts_with(b"/")));
        let mut lines = tree::untouched_lines(&around);
        lines.extend(
            tree::untouched_lines(&tree::read(Path::new(CANARY)))
                .into_iter()
                .map(|line| format!("canary {line}")),
        );
        assert_eq!(target.kind, Kind::Directory);
        lines.insert(format!("the directory: {:?}", target.place.inode));
        lines
    }

    /// The directory's own mode and owner.
    pub(crate) fn mode_and_owner(&self) -> (u32, (u32, u32)) {
        let own = &self.tree()[&b""[..]];
        (own.mode, own.owner)
    }

    /// What is in the directory.
    pub(crate) fn tree(&self) -> Tree {
        tree::read(&self.target)
    }
}

/// Makes a directory with some of each kind of file, of another owner than root.
fn fill(directory: &Path) {
    fs::create_dir(directory).unwrap();
    for name in ["evil", "secret", "first"] {
        let file = directory.join(name);
        fs::write(&file, format!("not to be changed: {name}\n")).unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        chown(&file, Some(1234), Some(1234)).unwrap();
    }
    fs::create_dir(directory.join("logs")).unwrap();
    fs::write(directory.join("logs/first"), "not to be changed\n").unwrap();
    symlink("secret", directory.join("link")).unwrap();
}
