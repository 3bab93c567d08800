//! An `OpenStack` Swift with `s3api`: proxy, account, container and object server, each one process, over one directory and
//! with one replica. A second real S3 server, by other people than radosgw.
//!
//! Comments explain the settings that are not obvious.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Context, Error, Result};
use crate::process::{Goodbye, Server, program, run};
use crate::{http, port, random};

const START_LIMIT: Duration = Duration::from_mins(1);
/// The user of `tempauth`, which is the access key as well.
const USER: &str = "test:tester";
/// Account, container and object server, by the names of their packages' programs, configurations and rings.
const STORES: [&str; 3] = ["account", "container", "object"];

/// The running servers. Dropping it stops them.
#[derive(Debug)]
pub struct Swift {
    address: String,
    secret_key: String,
    // Dropped in this order, so that the proxy stops before the servers that it uses.
    _proxy: Server,
    _stores: Vec<Server>,
    _memcached: Server,
}

impl Swift {
    /// Starts all servers with their files below `directory`, which is made, and returns when a bucket can be made.
    pub fn start(directory: &Path) -> Result<Self> {
        let files = Files::prepare(directory)?;
        let mut command = program("memcached");
        // Without a user, it refuses to be root.
        let port = files.memcached.to_string();
        command.args(["-u", "root", "-l", "127.0.0.1", "-U", "0", "-p", port.as_str()]);
        let memcached = files.server("memcached", command)?;
        let stores: Result<Vec<_>> = STORES.iter().map(|name| files.swift_server(name)).collect();
        let stores = stores?;
        // They start side by side, and the proxy needs none of them to start.
        let mut proxy = files.swift_server("proxy")?;
        let address = format!("127.0.0.1:{}", files.proxy);
        let answers = |port| {
            let address = format!("127.0.0.1:{port}");
            http::request(&address, "GET", "/healthcheck", "").is_ok_and(|answer| answer.status == 200)
        };
        proxy.wait_until(START_LIMIT, || {
            answers(files.proxy) && files.stores.iter().all(|port| answers(*port))
        })?;
        Ok(Self {
            address,
            secret_key: files.secret_key,
            _proxy: proxy,
            _stores: stores,
            _memcached: memcached,
        })
    }

    /// The URL of its S3 API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Key of its one user.
    #[must_use]
    pub fn access_key(&self) -> &'static str {
        USER
    }

    /// Secret of its one user.
    #[must_use]
    pub fn secret_key(&self) -> &str {
        &self.secret_key
    }
}

/// The directory with all files.
struct Files {
    directory: PathBuf,
    proxy: u16,
    memcached: u16,
    stores: [u16; 3],
    secret_key: String,
}

impl Files {
    fn prepare(directory: &Path) -> Result<Self> {
        let stores = [port::free()?, port::free()?, port::free()?];
        let (proxy, memcached) = (port::free()?, port::free()?);
        // A word for the file of tempauth, in which spaces separate.
        let secret_key = random::secret_key()?;
        let files = Self { directory: directory.to_owned(), proxy, memcached, stores, secret_key };
        fs::create_dir_all(directory.join("devices/one")).context("Make Swift's directories")?;
        files.check_attributes()?;
        files.make_rings()?;
        for (name, port) in STORES.iter().zip(stores) {
            files.write(&format!("{name}.conf"), &files.store(name, port))?;
        }
        files.write("proxy.conf", &files.proxy())?;
        // Where this file is found decides the hashes of all paths.
        files.write("swift.conf", "[swift-hash]\nswift_hash_path_suffix = deis\n")?;
        Ok(files)
    }

    /// Swift keeps what it knows of an object in extended attributes of its file.
    fn check_attributes(&self) -> Result<()> {
        let mut command = program("/usr/bin/python3");
        command.args(["-c", "import os, sys; os.setxattr(sys.argv[1], 'user.swift', b'x')"]);
        command.arg(self.directory.join("devices"));
        run("Set an extended attribute", command).map(drop).map_err(|error| {
            let directory = self.directory.display();
            Error::new(format!("{error}\nSwift needs them in {directory}: set TMPDIR to another file system"))
        })
    }

    /// By the library of swift-ring-builder, whose nine runs would take as long as all the rest.
    fn make_rings(&self) -> Result<()> {
        let mut command = program("/usr/bin/python3");
        command.arg("-c").arg(include_str!("../fixtures/swift_rings.py")).arg(&self.directory);
        for (name, port) in STORES.iter().zip(self.stores) {
            command.arg(format!("{name}:{port}"));
        }
        run("Make Swift's rings", command).map(drop)
    }

    fn swift_server(&self, name: &str) -> Result<Server> {
        let mut command = program(format!("/usr/bin/swift-{name}-server"));
        command.arg(self.directory.join(format!("{name}.conf"))).arg("--verbose");
        self.server(&format!("swift-{name}-server"), command)
    }

    fn server(&self, name: &str, command: std::process::Command) -> Result<Server> {
        let log = self.directory.join(format!("{name}.log"));
        Server::start(name, command, &log, Goodbye::Kill)
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.directory.join(name);
        fs::write(&path, text).context(path.display())
    }

    fn common(&self, port: u16) -> String {
        // No workers: the one process itself serves, so that nothing survives it.
        format!(
            "[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nworkers = 0\nuser = root\nswift_dir = {}\n",
            self.directory.display()
        )
    }

    fn store(&self, name: &str, port: u16) -> String {
        format!(
            "{}devices = {}/devices
# The device is a directory, not a disk of its own.
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
[pipeline:main]
pipeline = healthcheck {name}-server
[app:{name}-server]
use = egg:swift#{name}
[filter:healthcheck]
use = egg:swift#healthcheck
",
            self.common(port),
            self.directory.display()
        )
    }

    /// The pipeline that Swift's manual gives for `s3api` with `tempauth`.
    fn proxy(&self) -> String {
        let filters = [
            "catch_errors",
            "gatekeeper",
            "healthcheck",
            "cache",
            "listing_formats",
            "bulk",
            "s3api",
            "tempauth",
            "copy",
            "slo",
            "dlo",
            "versioned_writes",
        ];
        let mut text = format!(
            "{}[pipeline:main]\npipeline = {} proxy-server\n[app:proxy-server]\nuse = egg:swift#proxy\n\
             account_autocreate = true\n",
            self.common(self.proxy),
            filters.join(" ")
        );
        for name in filters {
            let memcached = format!("memcache_servers = 127.0.0.1:{}\n", self.memcached);
            let user = format!("user_{} = {} .admin\n", USER.replace(':', "_"), self.secret_key);
            let (egg, settings) = match name {
                "cache" => ("memcache", memcached.as_str()),
                "s3api" => (
                    name,
                    "location = us-east-1\ns3_acl = false\ncheck_bucket_owner = false\ndns_compliant_bucket_names = true\n",
                ),
                "tempauth" => (name, user.as_str()),
                "versioned_writes" => (name, "allow_versioned_writes = true\n"),
                name => (name, ""),
            };
            text.push_str(&format!("[filter:{name}]\nuse = egg:swift#{egg}\n{settings}"));
        }
        text
    }
}
