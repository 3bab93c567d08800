//! A host of the cluster that can be reached by ssh: an sshd in a mount namespace of its own. There,
//! /var/lib/deis/store is really a mount, and PATH has a `docker`.
//!
//! The host has a process namespace of its own, too: when its first process ends, the kernel ends every session.

use std::fs::{self, File, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::environment::Postgres;
use crate::error::{Context, Result};
use crate::process::{Goodbye, Server, program, run};
use crate::{mount_point, port};

/// Names of the containers in a cluster whose platform runs.
pub const PLATFORM: &[&str] = &[
    "deis-store-monitor",
    "deis-store-daemon",
    "deis-store-metadata",
    "deis-store-gateway",
    "deis-store-admin",
    "deis-logger",
    "deis-logspout",
    "deis-database",
    "deis-registry",
    "deis-controller",
    "deis-builder",
    "deis-publisher",
    "deis-router",
];
/// Names of the containers where only the store was started.
pub const STORE: &[&str] = PLATFORM.split_at(5).0;

/// As operators have it: a shell that greets before every command, on both streams, and as a command's output begins.
const GREETING: &str =
    "echo 'Welcome to this host!'; echo 0; echo 'bash: warning: a warning of each login' >&2\n";

/// The running sshd.
#[derive(Debug)]
pub struct Host {
    port: u16,
    ssh_config: PathBuf,
    _server: Server,
    // Dropped after the server.
    _mount_point: mount_point::Lease,
}

impl Host {
    /// Starts the sshd with its files below `directory/host`, and `volume` mounted as the store volume.
    pub fn start(
        directory: &Path,
        volume: &Path,
        containers: &[&str],
        database: Option<&Postgres>,
    ) -> Result<Self> {
        let mount_point = mount_point::Lease::take()?;
        let directory = directory.join("host");
        let (bin, log) = (directory.join("bin"), directory.join("sshd.log"));
        for path in [&bin, &directory.join("home"), Path::new("/run/sshd")] {
            fs::create_dir_all(path).context("Make the host's directories")?;
        }
        install_docker(&bin, containers, database)?;
        write(&directory.join("home/.bashrc"), GREETING, 0o644)?;
        make_key(&directory.join("host_key"))?;
        make_key(&directory.join("login_key"))?;
        let port = port::free()?;
        let ssh_config = directory.join("ssh_config");
        write(&ssh_config, &client_configuration(&directory), 0o600)?;
        write(&directory.join("sshd_config"), &server_configuration(&directory, port), 0o600)?;
        let host_key = fs::read_to_string(directory.join("host_key.pub")).context("Read host key")?;
        write(&directory.join("known_hosts"), &format!("[127.0.0.1]:{port} {host_key}"), 0o600)?;
        let entry = directory.join("enter");
        write(&entry, include_str!("../fixtures/host.sh"), 0o700)?;

        let mut command = program("unshare");
        command.args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
            "--",
        ]);
        command.arg("/bin/sh").arg(&entry).arg(volume).arg(&bin).arg(directory.join("sshd_config")).arg(&log);
        let mut server = Server::start("sshd", command, &log, Goodbye::Kill)?;
        server.wait_until(Duration::from_secs(20), || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        Ok(Self { port, ssh_config, _server: server, _mount_point: mount_point })
    }

    /// `USER@HOST:PORT`, for `--tunnel`.
    #[must_use]
    pub fn tunnel(&self) -> String {
        format!("root@127.0.0.1:{}", self.port)
    }

    /// The configuration for `ssh -F`.
    #[must_use]
    pub fn ssh_config(&self) -> &Path {
        &self.ssh_config
    }
}

fn install_docker(bin: &Path, containers: &[&str], database: Option<&Postgres>) -> Result<()> {
    let docker =
        include_str!("../fixtures/docker.sh").replace("@DIRECTORY@", &format!("'{}'", bin.display()));
    write(&bin.join("docker"), &docker, 0o755)?;
    write(&bin.join("containers"), &format!("{}\n", containers.join("\n")), 0o644)?;
    if let Some(database) = database {
        let inside = bin.join("exec-deis-database");
        fs::create_dir_all(&inside).context("Make the container's directory")?;
        let variables =
            format!("export PGHOST='{}' PGPORT={}\n", database.socket_dir.display(), database.port);
        write(&inside.join("environment"), &variables, 0o644)?;
        write(&inside.join("sudo"), include_str!("../fixtures/sudo.sh"), 0o755)?;
    }
    Ok(())
}

fn make_key(file: &Path) -> Result<()> {
    let mut command = program("ssh-keygen");
    command.args(["-q", "-t", "ed25519", "-N", "", "-C", "development cluster", "-f"]).arg(file);
    run("ssh-keygen", command).map(drop)
}

fn server_configuration(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    format!(
        "ListenAddress 127.0.0.1
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {directory}/login_key.pub
PidFile none
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
PermitRootLogin prohibit-password
AllowTcpForwarding yes
AllowStreamLocalForwarding yes
MaxSessions 100
MaxStartups 100
PrintMotd no
# Its home has a .bashrc that greets. No ETCD in the environment, as on a real host.
SetEnv PATH={directory}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME={directory}/home LANG=C.UTF-8
"
    )
}

fn client_configuration(directory: &Path) -> String {
    let directory = directory.display();
    format!(
        "Host *
    IdentityFile {directory}/login_key
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {directory}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
"
    )
}

fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).context(path.display())?;
    let file = File::open(path).context(path.display())?;
    file.set_permissions(Permissions::from_mode(mode)).context(path.display())
}
