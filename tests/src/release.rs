//! Another release of Ceph than this machine's own, in a chroot that `tests/install-releases` has made.
//!
//! A server there has a mount namespace of its own, in which the chroot has /tmp, /proc and /dev of this machine. So all
//! files of a cluster have the same paths inside and outside, as long as they are below /tmp.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{Error, Result};
use crate::process::{program, run};

/// The variable with another directory for the chroots.
const VARIABLE: &str = "DEIS_STORE_TESTS_RELEASES";
const DIRECTORY: &str = "/var/cache/deis-store-tests";
const ENTER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/enter.sh");
/// The directory below which a release's files must be.
const SHARED: &str = "/tmp";

/// A release of Ceph that can be started.
#[derive(Debug, Clone)]
pub struct Release {
    number: u8,
    root: PathBuf,
}

impl Release {
    /// The installed release with this number: 14 is Ceph 14.2. If there is none, the error says where it was looked
    /// for.
    pub fn installed(number: u8) -> Result<Self> {
        let directory = std::env::var_os(VARIABLE).map_or_else(|| DIRECTORY.into(), PathBuf::from);
        let root = directory.join(format!("ceph-{number}"));
        // The recipe is written last.
        if root.join("recipe").exists() {
            return Ok(Self { number, root });
        }
        Err(Error::new(format!("There is no Ceph in {}: tests/install-releases says why", root.display())))
    }

    /// The exact version, such as `14.2.21`.
    pub fn version(&self) -> Result<String> {
        let mut command = self.program("radosgw");
        command.arg("--version");
        // ceph version 14.2.21 (5ef401921d7a88aea18ec7558f7f9374ebd8f5a6) nautilus (stable)
        let said = run("radosgw --version", command)?;
        said.split(' ').nth(2).map(str::to_owned).ok_or_else(|| Error::new(format!("No version: {said}")))
    }

    /// The frontend of each gateway that is to be tested: the name of radosgw's HTTP server.
    #[must_use]
    pub fn frontends(&self) -> &'static [&'static str] {
        // Ceph 15 is the last one with civetweb. Deis v1 has Ceph 0.94, which knows nothing else.
        if self.number < 16 { &["beast", "civetweb"] } else { &["beast"] }
    }

    /// A program of this release, to be run as root with a clean environment.
    pub(crate) fn program(&self, name: &str) -> Command {
        let mut command = program("unshare");
        command.args(["--mount", "--propagation", "private", "--", "/bin/sh", ENTER]);
        command.arg(&self.root).arg(name);
        command
    }

    /// Checks that a program of this release finds the files of this directory.
    pub(crate) fn check(directory: &Path) -> Result<()> {
        let shared = fs::canonicalize(directory).is_ok_and(|directory| directory.starts_with(SHARED));
        let found = || Error::new(format!("{} is not below {SHARED}", directory.display()));
        shared.then_some(()).ok_or_else(found)
    }
}
