//! A Ceph of one monitor and one OSD in memory, with one or two radosgw over it.
//!
//! Comments explain the settings that are not obvious. Each setting was needed.

use std::fmt::Write;
use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::process::{Goodbye, Server, program, run};
use crate::release::Release;
use crate::{http, port, random};

const START_LIMIT: Duration = Duration::from_mins(1);
/// Deis gives all gateways the one radosgw user of this name.
const GATEWAY_USER: &str = "deis";

/// The running servers.
#[derive(Debug)]
pub struct Ceph {
    // Dropped in this order, so that a server stops before the server that it uses.
    _gateways: Vec<Server>,
    _osd: Server,
    _monitor: Server,
    files: Files,
}

/// The addresses and keys that are chosen before any server runs, so that other parts can be set up at the same time.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Name of this Ceph.
    pub fsid: String,
    /// HOST:PORT of each gateway. Each has a host of its own, as in Deis.
    pub gateways: Vec<String>,
    /// Key of the radosgw user.
    pub access_key: String,
    /// Secret of the radosgw user.
    pub secret_key: String,
}

impl Plan {
    /// Chooses ports and keys for this number of gateways.
    pub fn new(gateways: u8) -> Result<Self> {
        // In a Deis cluster all gateways listen on the same port of different hosts.
        let port = port::free()?;
        let gateways = (1..=gateways).map(|host| format!("127.0.0.{host}:{port}")).collect();
        let (access_key, secret_key) = (random::access_key()?, random::secret_key()?);
        Ok(Self { fsid: random::uuid()?, gateways, access_key, secret_key })
    }
}

impl Ceph {
    /// Starts all servers with their files below `directory`, and makes the user. Returns when every gateway serves.
    pub fn start(directory: &Path, plan: &Plan) -> Result<Self> {
        Self::start_all(directory, plan, None)
    }

    /// Does the same with the servers of another release, which has a gateway for each of its frontends.
    pub fn start_release(directory: &Path, plan: &Plan, release: &Release) -> Result<Self> {
        Release::check(directory)?;
        Self::start_all(directory, plan, Some(release))
    }

    /// Makes a user of the gateways. Users do not see each other's buckets in their listings.
    pub fn create_user(&self, user: &str, access_key: &str, secret_key: &str) -> Result<()> {
        let command = self.files.tool("radosgw-admin", &["-n", "client.gateway1"], |_| ());
        make_user(command, user, access_key, secret_key)
    }

    fn start_all(directory: &Path, plan: &Plan, release: Option<&Release>) -> Result<Self> {
        let files = Files::prepare(directory, plan, release)?;
        files.make_keyring(plan.gateways.len())?;
        run(
            "monmaptool",
            files.tool("monmaptool", &["--create", "--fsid", &plan.fsid, "--addv", "a"], |c| {
                c.arg(&files.monitor_address).arg(files.path("monmap"));
            }),
        )?;
        run(
            "ceph-mon --mkfs",
            files.tool("ceph-mon", &["-i", "a", "--mkfs", "--monmap"], |c| {
                c.arg(files.path("monmap")).arg("--keyring").arg(files.path("keyring"));
            }),
        )?;
        let mut monitor = files.server("ceph-mon", &["-i", "a"])?;
        // Who asks a monitor that has ended hears of a time-out alone.
        monitor.wait_until(START_LIMIT, || files.monitor_listens())?;

        // Without the same UUID in both places the OSD never leaves "booting".
        let osd = random::uuid()?;
        run("ceph osd new", files.tool("ceph", &["--connect-timeout", "30", "osd", "new", &osd], |_| ()))?;
        run(
            "ceph auth import",
            files.tool("ceph", &["--connect-timeout", "30", "auth", "import", "-i"], |c| {
                c.arg(files.path("keyring"));
            }),
        )?;
        run("ceph-osd --mkfs", files.tool("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", &osd], |_| ()))?;
        let osd = files.server("ceph-osd", &["-i", "0"])?;

        let mut gateways = Vec::new();
        for (number, address) in (1..).zip(&plan.gateways) {
            let mut gateway = files.server("radosgw", &["-n", &format!("client.gateway{number}")])?;
            // The first gateway makes the pools: a second one at the same time would get in its way.
            gateway.wait_until(START_LIMIT, || http::serves(address))?;
            gateways.push(gateway);
        }
        let ceph = Self { _gateways: gateways, _osd: osd, _monitor: monitor, files };
        ceph.create_user(GATEWAY_USER, &plan.access_key, &plan.secret_key)?;
        Ok(ceph)
    }
}

/// Makes a user of the gateways of a cluster that another process has started.
pub fn create_user(directory: &Path, user: &str, access_key: &str, secret_key: &str) -> Result<()> {
    let mut command = program("radosgw-admin");
    command.env("CEPH_CONF", directory.join("ceph/ceph.conf")).args(["-n", "client.gateway1"]);
    make_user(command, user, access_key, secret_key)
}

fn make_user(mut command: Command, user: &str, access_key: &str, secret_key: &str) -> Result<()> {
    command.args(["user", "create", "--uid", user, "--display-name", user]);
    command.args(["--access-key", access_key, "--secret-key", secret_key]);
    run("radosgw-admin user create", command).map(drop)
}

/// One more radosgw over a running Ceph, for a test to kill and start again. It stops when dropped.
#[derive(Debug)]
pub struct FurtherGateway {
    name: String,
    address: String,
    scratch: PathBuf,
    server: Option<Server>,
}

impl FurtherGateway {
    /// Starts a gateway for the cluster in this directory. Its own files go to `scratch`.
    pub fn start(cluster: &Path, scratch: &Path) -> Result<Self> {
        Self::start_at(&format!("127.0.0.1:{}", port::free()?), cluster, scratch)
    }

    /// Does the same at this HOST:PORT.
    pub fn start_at(address: &str, cluster: &Path, scratch: &Path) -> Result<Self> {
        let address = address.to_owned();
        let name = format!("client.further{}", address.replace([':', '.'], "-"));
        let directory = scratch.display();
        let common = fs::read_to_string(cluster.join("ceph/ceph.conf")).context("Read ceph.conf")?;
        let own = format!(
            "{common}\n[{name}]\nkeyring = {directory}/keyring\nlog file = {directory}/log\n\
             rgw frontends = beast endpoint={address}\nrgw data = {directory}\n"
        );
        fs::write(scratch.join("ceph.conf"), own).context("Write ceph.conf")?;
        let mut gateway = Self { name, address, scratch: scratch.to_owned(), server: None };
        let arguments = ["--connect-timeout", "30", "auth", "get-or-create", &gateway.name];
        let mut authorise = gateway.program("ceph", &arguments);
        authorise.args(["mon", "allow *", "osd", "allow *", "mgr", "allow *", "-o"]);
        authorise.arg(gateway.scratch.join("keyring"));
        run("ceph auth get-or-create", authorise)?;
        gateway.start_again()?;
        Ok(gateway)
    }

    /// The gateway's URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Kills the gateway at once. Requests under way get no answer.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts the gateway, and waits until it serves.
    pub fn start_again(&mut self) -> Result<()> {
        let command = self.program("radosgw", &["-f", "-n", &self.name]);
        let mut server = Server::start("radosgw", command, &self.scratch.join("out"), Goodbye::Kill)?;
        server.wait_until(START_LIMIT, || http::serves(&self.address))?;
        self.server = Some(server);
        Ok(())
    }

    fn program(&self, name: &str, arguments: &[&str]) -> Command {
        let mut command = program(name);
        command.env("CEPH_CONF", self.scratch.join("ceph.conf")).args(arguments);
        command
    }
}

/// The keyrings that a Deis store keeps in etcd, as the text of keyring files.
#[derive(Debug)]
pub struct Keyrings {
    /// The keyring of `mon.`.
    pub monitor: String,
    /// The keyring of `client.admin`.
    pub admin: String,
    /// The keyring of the first gateway.
    pub gateway: String,
}

impl Keyrings {
    /// Reads the keyrings from a started Ceph's files.
    pub fn read(directory: &Path) -> Result<Self> {
        let text = fs::read_to_string(directory.join("ceph/keyring")).context("Read Ceph's keyring")?;
        let section = |name: &str| {
            let header = format!("[{name}]");
            let begin =
                text.find(&header).ok_or_else(|| Error::new(format!("No {header} in Ceph's keyring")))?;
            let length = text[begin + 1..].find('[').map_or(text.len() - begin, |next| next + 1);
            Ok(text[begin..begin + length].to_owned())
        };
        Ok(Self {
            monitor: section("mon.")?,
            admin: section("client.admin")?,
            gateway: section("client.gateway1")?,
        })
    }

    /// The key itself in a keyring's text.
    #[must_use]
    pub fn key(keyring: &str) -> Option<&str> {
        keyring.lines().find_map(|line| line.trim().strip_prefix("key = "))
    }
}

/// The directory with all files of a Ceph.
#[derive(Debug)]
struct Files {
    directory: PathBuf,
    monitor_address: String,
    /// The release whose programs are used, if it is not this machine's.
    release: Option<Release>,
}

impl Files {
    fn prepare(directory: &Path, plan: &Plan, release: Option<&Release>) -> Result<Self> {
        // A bare address makes clients try the wrong version of the messenger protocol.
        let monitor_address = format!("[v2:127.0.0.1:{},v1:127.0.0.1:{}]", port::free()?, port::free()?);
        let files = Self { directory: directory.join("ceph"), monitor_address, release: release.cloned() };
        for name in ["mon", "osd", "gateway", "run"] {
            fs::create_dir_all(files.path(name)).context("Make Ceph's directories")?;
        }
        fs::write(files.path("ceph.conf"), files.configuration(plan)).context("Write ceph.conf")?;
        Ok(files)
    }

    fn monitor_listens(&self) -> bool {
        let ports = self.monitor_address.split([':', ',', ']']).filter_map(|part| part.parse::<u16>().ok());
        ports.into_iter().any(|port| TcpStream::connect(("127.0.0.1", port)).is_ok())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn tool(&self, name: &str, arguments: &[&str], more: impl FnOnce(&mut Command)) -> Command {
        let mut command =
            self.release.as_ref().map_or_else(|| program(name), |release| release.program(name));
        command.env("CEPH_CONF", self.path("ceph.conf")).args(arguments);
        more(&mut command);
        command
    }

    fn server(&self, name: &str, arguments: &[&str]) -> Result<Server> {
        let log = self.path(&format!("{name}.out"));
        Server::start(name, self.tool(name, &["-f"], |c| _ = c.args(arguments)), &log, Goodbye::Terminate)
    }

    fn make_keyring(&self, gateways: usize) -> Result<()> {
        let all: &[&str] = &[
            "--cap", "mon", "allow *", "--cap", "osd", "allow *", "--cap", "mgr", "allow *", "--cap", "mds",
            "allow *",
        ];
        let osd: &[&str] = &["--cap", "mon", "allow profile osd", "--cap", "osd", "allow *"];
        let mut names =
            vec![("mon.".to_owned(), all), ("client.admin".to_owned(), all), ("osd.0".to_owned(), osd)];
        names.extend((1..=gateways).map(|number| (format!("client.gateway{number}"), all)));
        for (index, (name, capabilities)) in names.iter().enumerate() {
            run(
                "ceph-authtool",
                self.tool("ceph-authtool", &["--gen-key", "--name", name], |c| {
                    c.args(*capabilities)
                        .args((index == 0).then_some("--create-keyring"))
                        .arg(self.path("keyring"));
                }),
            )?;
        }
        Ok(())
    }

    fn configuration(&self, plan: &Plan) -> String {
        let directory = self.directory.display();
        let mut text = format!(
            "[global]
fsid = {}
mon host = {}
public network = 127.0.0.0/8
# With `none` instead of cephx radosgw hangs at its start.
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
keyring = {directory}/keyring
log file = {directory}/$name.log
mon cluster log file = {directory}/cluster.log
pid file =
# Programs that run beside the daemon of the same name would compete for its socket.
admin socket =
run dir = {directory}/run
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd pool default pgp num = 4
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
# A full disk must not stop the monitor: where a quota counts, one per cent of the disk may be more than there is room.
mon data avail crit = 0
mon data avail warn = 0
# Each new pool waits for the monitor: with these, radosgw's first start takes 5 s instead of 11 s.
paxos propose interval = 0.02
paxos min wait = 0.01
# Without this, radosgw refuses the name `db_wal`: 400 InvalidBucketName.
rgw relaxed s3 bucket names = true

[mon]
mon data = {directory}/mon

[osd]
osd data = {directory}/osd
",
            plan.fsid, self.monitor_address
        );
        let frontends = self.release.as_ref().map_or(&["beast"][..], Release::frontends);
        for ((number, address), frontend) in (1..).zip(&plan.gateways).zip(frontends.iter().cycle()) {
            let listens = if *frontend == "beast" { "endpoint" } else { "port" };
            let _ = write!(
                text,
                "\n[client.gateway{number}]\nrgw frontends = {frontend} {listens}={address}\nrgw data = {directory}/gateway\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_keyring() {
        assert_eq!(Keyrings::key("[mon.]\n\tkey = AQ/+==\n\tcaps mon = \"allow *\"\n"), Some("AQ/+=="));
    }
}
