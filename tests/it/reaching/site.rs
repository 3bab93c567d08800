//! A cluster of this room's own: a gateway, an etcd, and a host with a volume, whose sshd can be killed at a moment of
//! choice.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use deis_store_tests::etcd::Etcd;
use deis_store_tests::faulty::FaultyGateway;
use deis_store_tests::host::{self, Host};
use tempfile::TempDir;

use crate::program::{Ran, command, ran};

pub(crate) struct Site {
    pub(crate) host: Host,
    pub(crate) gateway: FaultyGateway,
    pub(crate) etcd: Etcd,
    pub(crate) scratch: TempDir,
}

/// The dump that the database of a site gives.
const DUMP: &str = "#!/bin/sh
# In the place of sudo, postgres and pg_dumpall: a whole dump, or half of one and then nothing.
echo '--'
echo '-- PostgreSQL database cluster dump'
echo 'SET x;'
if [ -e %HERE%/stall-dump ]; then rm %HERE%/stall-dump; touch %HERE%/stalled-dump; exec sleep 600; fi
echo '-- PostgreSQL database cluster dump complete'
";

/// The tar of a site.
const TAR: &str = "#!/bin/sh
# tar, or half of its stream and then nothing.
if [ -e %HERE%/stall-tar ]; then
    case \"$*\" in
        *' -cpf '*) rm %HERE%/stall-tar; /usr/bin/tar \"$@\" | head -c 100000; touch %HERE%/stalled-tar; exec sleep 600 ;;
        *'-xpf '*) rm %HERE%/stall-tar; head -c 100000 | /usr/bin/tar \"$@\"; touch %HERE%/stalled-tar; exec sleep 600 ;;
    esac
fi
exec /usr/bin/tar \"$@\"
";

impl Site {
    /// One whose host runs these containers.
    pub(crate) fn start(containers: &[&str]) -> Self {
        Self::start_with(|directory, volume| Host::start(directory, volume, containers, None).unwrap())
    }

    /// One on whose host `core` logs in, with these rights of sudo.
    pub(crate) fn start_for_core(sudoers: &str) -> Self {
        let start =
            |directory: &Path, volume: &Path| Host::start_for_core(directory, volume, PLATFORM, sudoers);
        Self::start_with(|directory, volume| start(directory, volume).unwrap())
    }

    fn start_with(host: impl FnOnce(&Path, &Path) -> Host) -> Self {
        let scratch = tempfile::tempdir().unwrap();
        // Another user than root logs in, too.
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o711)).unwrap();
        let volume = volume_of(&scratch);
        fs::create_dir_all(&volume).unwrap();
        let host = host(scratch.path(), &volume);
        let gateway = FaultyGateway::start().unwrap();
        let etcd = Etcd::start(scratch.path()).unwrap();
        let address = gateway.url();
        let (name, port) = address.trim_start_matches("http://").split_once(':').unwrap();
        for (key, value) in [("accessKey", "AK"), ("secretKey", "SK"), ("host", name), ("port", port)] {
            etcd.client().set(&format!("/deis/store/gateway/{key}"), value).unwrap();
        }
        etcd.client().set("/deis/router/bodySize", "100m").unwrap();
        let site = Self { host, gateway, etcd, scratch };
        let here = site.host.directory().display().to_string();
        let place = |file: &Path, text: &str| {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text.replace("%HERE%", &here)).unwrap();
            fs::set_permissions(file, Permissions::from_mode(0o755)).unwrap();
        };
        let bin = site.host.directory().join("bin");
        place(&bin.join("exec-deis-database/sudo"), DUMP);
        place(&bin.join("tar"), TAR);
        site
    }

    /// Kills the sshd with all that runs on the host, as a power failure does, and starts it again after a while.
    pub(crate) fn restart(&mut self, after: Duration) {
        self.host.kill();
        std::thread::sleep(after);
        self.host.start_again().unwrap();
    }

    pub(crate) fn volume(&self) -> PathBuf {
        volume_of(&self.scratch)
    }

    /// The program for this cluster, through its host.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = command();
        command.env("DEIS_STORE_ETCD", self.etcd.client().url());
        command.env("DEISCTL_TUNNEL", self.host.tunnel());
        command.env("DEIS_STORE_SSH_CONFIG", self.host.ssh_config()).args(words);
        command
    }

    pub(crate) fn on(&self, words: &[&str]) -> Ran {
        ran(&mut self.command(words))
    }

    /// The next dump, or the next stream of tar, stands still in its middle, for good.
    pub(crate) fn stall(&self, what: &str) {
        fs::write(self.host.directory().join(format!("stall-{what}")), "").unwrap();
    }

    /// Waits until that has happened.
    pub(crate) fn is_stalled(&self, what: &str) -> bool {
        self.host.directory().join(format!("stalled-{what}")).exists()
    }
}

/// The volume is alone in its directory, so that a test can see that nothing beside it has changed.
fn volume_of(scratch: &TempDir) -> PathBuf {
    scratch.path().join("around/volume")
}

/// Waits for something to be so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The platform's containers, for a host that runs the database.
pub(crate) const PLATFORM: &[&str] = host::PLATFORM;
/// Those of a host that does not.
pub(crate) const STORE: &[&str] = host::STORE;
