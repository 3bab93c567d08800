//! A host of the cluster that can be reached by ssh: an sshd in a mount namespace of its own. There,
//! /var/lib/deis/store is really a mount, and PATH has a `docker`.
//!
//! The host has a process namespace of its own, too: when its first process ends, the kernel ends every session.

use std::fs::{self, File, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
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

/// The id of the user `core`, as on `CoreOS`.
const CORE: u32 = 500;
/// As operators have it: a shell that greets before every command, on both streams, and as a command's output begins.
const GREETING: &str =
    "echo 'Welcome to this host!'; echo 0; echo 'bash: warning: a warning of each login' >&2\n";

/// The running sshd.
#[derive(Debug)]
pub struct Host {
    setup: Setup,
    user: &'static str,
    port: u16,
    server: Option<Server>,
    mounted: Option<PathBuf>,
    // Dropped after the server.
    _mount_point: mount_point::Lease,
}

/// The place of a host, and its user's key.
#[derive(Debug, Clone)]
pub struct Setup {
    /// The address on which it listens.
    pub address: String,
    /// The directory with all its files.
    pub directory: PathBuf,
    /// The key of those who may log in; made if it is not there.
    pub login_key: PathBuf,
}

impl Host {
    /// Starts the one host of a cluster: the sshd with its files below `directory/host`, and `volume` mounted as the
    /// store volume.
    pub fn start(
        directory: &Path,
        volume: &Path,
        containers: &[&str],
        database: Option<&Postgres>,
    ) -> Result<Self> {
        let directory = directory.join("host");
        let login_key = directory.join("login_key");
        let setup = Setup { address: "127.0.0.1".to_owned(), directory, login_key };
        let bin = setup.bin();
        let host = Self::start_with(setup, Some(volume), containers, database)?;
        // The volume is shown as one of Ceph.
        let cat = include_str!("../fixtures/cat.sh").replace("@DIRECTORY@", &format!("'{}'", bin.display()));
        write(&bin.join("mount-kind"), "ceph\n", 0o644)?;
        write(&bin.join("cat"), &cat, 0o755)?;
        Setup::write_client_configuration(&host.setup.login_key, &[&host])?;
        Ok(host)
    }

    /// The same with a user `core`, who logs in and has these rights of sudo. The directory must let others through.
    pub fn start_for_core(
        directory: &Path,
        volume: &Path,
        containers: &[&str],
        sudoers: &str,
    ) -> Result<Self> {
        let (etc, home) = (directory.join("host/etc"), directory.join("host/home"));
        fs::create_dir_all(&etc).context("Make the host's directories")?;
        let with = |name: &str, line: &str, mode| {
            let text = fs::read_to_string(Path::new("/etc").join(name)).context(name)?;
            write(&etc.join(name), &format!("{text}{line}\n"), mode)
        };
        with("passwd", &format!("core:x:{CORE}:{CORE}::{}:/bin/bash", home.display()), 0o644)?;
        with("group", &format!("core:x:{CORE}:"), 0o644)?;
        with("shadow", "core:*:19000:0:99999:7:::", 0o640)?;
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        write(&etc.join("sudoers"), &format!("Defaults secure_path=\"{path}\"\n{sudoers}"), 0o440)?;
        Ok(Self { user: "core", ..Self::start(directory, volume, containers, None)? })
    }

    /// Starts a host of a cluster that has several. The caller writes the configuration for ssh.
    pub fn start_with(
        setup: Setup,
        volume: Option<&Path>,
        containers: &[&str],
        database: Option<&Postgres>,
    ) -> Result<Self> {
        let mount_point = mount_point::Lease::take()?;
        let bin = setup.bin();
        for path in [&bin, &setup.directory.join("home"), Path::new("/run/sshd")] {
            fs::create_dir_all(path).context("Make the host's directories")?;
        }
        install_docker(&bin, containers, database)?;
        write(&setup.directory.join("home/.bashrc"), GREETING, 0o644)?;
        make_key(&setup.directory.join("host_key"))?;
        if !setup.login_key.exists() {
            make_key(&setup.login_key)?;
        }
        let port = port::free()?;
        write(&setup.directory.join("sshd_config"), &setup.server_configuration(port), 0o600)?;
        write(&setup.directory.join("enter"), include_str!("../fixtures/host.sh"), 0o700)?;
        let mounted = volume.map(Path::to_owned);
        let mut host = Self { setup, user: "root", port, server: None, mounted, _mount_point: mount_point };
        host.start_again()?;
        Ok(host)
    }

    /// Kills the sshd at once, and with it all sessions and their commands.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts the sshd at the same port, with the same files and mounts.
    pub fn start_again(&mut self) -> Result<()> {
        let directory = &self.setup.directory;
        let log = directory.join("sshd.log");
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
        command.arg("/bin/sh").arg(directory.join("enter"));
        command.arg(self.mounted.as_deref().unwrap_or(Path::new(""))).arg(self.setup.bin());
        command.arg(directory.join("sshd_config")).arg(&log).arg(directory.join("etc"));
        let mut server = Server::start("sshd", command, &log, Goodbye::Kill)?;
        let address = (self.setup.address.as_str(), self.port);
        server.wait_until(Duration::from_secs(20), || TcpStream::connect(address).is_ok())?;
        self.server = Some(server);
        Ok(())
    }

    /// Mounts a directory as the store volume.
    pub fn mount(&mut self, volume: &Path) -> Result<()> {
        if self.mounted.is_none() {
            self.inside("mount", |command| _ = command.arg("--bind").arg(volume).arg(mount_point::STORE))?;
            self.mounted = Some(volume.to_owned());
        }
        Ok(())
    }

    /// Undoes `mount`, also where a command still works in the volume.
    pub fn unmount(&mut self) -> Result<()> {
        if self.mounted.take().is_some() {
            self.inside("umount", |command| _ = command.args(["--lazy", mount_point::STORE]))?;
        }
        Ok(())
    }

    /// `USER@HOST:PORT`, for `--tunnel`.
    #[must_use]
    pub fn tunnel(&self) -> String {
        format!("{}@{}:{}", self.user, self.setup.address, self.port)
    }

    /// The configuration for `ssh -F`, which stands beside the login's key.
    #[must_use]
    pub fn ssh_config(&self) -> PathBuf {
        self.setup.login_key.with_file_name("ssh_config")
    }

    /// The directory with all its files.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.setup.directory
    }

    /// The directory that comes first on the PATH.
    #[must_use]
    pub fn bin(&self) -> PathBuf {
        self.setup.bin()
    }

    /// Runs a program in the host's mount namespace.
    fn inside(&self, name: &str, arguments: impl FnOnce(&mut Command)) -> Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let mut command = program("nsenter");
        command.args(["--mount", "--target", &server.id().to_string(), "--", name]);
        arguments(&mut command);
        run(name, command).map(drop)
    }
}

impl Setup {
    fn bin(&self) -> PathBuf {
        self.directory.join("bin")
    }

    /// Writes the configuration with which ssh knows these hosts, each at its own port, beside the login's key.
    pub fn write_client_configuration(login_key: &Path, hosts: &[&Host]) -> Result<()> {
        let place = login_key.parent().unwrap_or(Path::new("/")).display();
        let (mut known, mut ports) = (String::new(), String::new());
        for (number, host) in hosts.iter().enumerate() {
            let key =
                fs::read_to_string(host.setup.directory.join("host_key.pub")).context("Read host key")?;
            known += &format!("[{}]:{} {key}", host.setup.address, host.port);
            // The first host is named with its port. Of the others only the address is known.
            if number > 0 {
                ports += &format!("Host {}\n    Port {}\n", host.setup.address, host.port);
            }
        }
        let text = format!(
            "{ports}Host *
    IdentityFile {}
    IdentitiesOnly yes
    IdentityAgent none
    UserKnownHostsFile {place}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
",
            login_key.display()
        );
        write(Path::new(&format!("{place}/known_hosts")), &known, 0o600)?;
        write(Path::new(&format!("{place}/ssh_config")), &text, 0o600)
    }

    fn server_configuration(&self, port: u16) -> String {
        let (directory, login_key) = (self.directory.display(), self.login_key.display());
        let address = &self.address;
        format!(
            "ListenAddress {address}
Port {port}
HostKey {directory}/host_key
AuthorizedKeysFile {login_key}.pub
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
}

fn install_docker(bin: &Path, containers: &[&str], database: Option<&Postgres>) -> Result<()> {
    let docker =
        include_str!("../fixtures/docker.sh").replace("@DIRECTORY@", &format!("'{}'", bin.display()));
    write(&bin.join("docker"), &docker, 0o755)?;
    let names: String = containers.iter().map(|name| format!("{name}\n")).collect();
    write(&bin.join("containers"), &names, 0o644)?;
    write(&bin.join("stopped"), "", 0o644)?;
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

/// Writes a file of this mode.
pub(crate) fn write(path: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(path, text).context(path.display())?;
    let file = File::open(path).context(path.display())?;
    file.set_permissions(Permissions::from_mode(mode)).context(path.display())
}
