//! An etcd 3.4 with the v2 API, and the few calls with which a Deis component speaks to it.

use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::process::{Goodbye, Server};
use crate::{http, port, process};

/// The server.
#[derive(Debug)]
pub struct Etcd {
    client: Client,
    _server: Server,
}

impl Etcd {
    /// Starts an empty etcd with its data below `directory`.
    pub fn start(directory: &Path) -> Result<Self> {
        let client = Client { address: format!("127.0.0.1:{}", port::free()?) };
        let peer = format!("http://127.0.0.1:{}", port::free()?);
        let mut command = process::program("etcd");
        command.args(["--name", "deis", "--enable-v2", "--log-level", "warn", "--logger", "zap"]);
        command.arg("--data-dir").arg(directory.join("etcd"));
        command.args(["--listen-client-urls", &client.url(), "--advertise-client-urls", &client.url()]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("deis={peer}")]);
        let log = directory.join("etcd.log");
        let mut server = Server::start("etcd", command, &log, Goodbye::Terminate)?;
        server.wait_until(Duration::from_secs(30), || {
            http::request(&client.address, "GET", "/health", "").is_ok_and(|answer| answer.status == 200)
        })?;
        Ok(Self { client, _server: server })
    }

    /// A client of this etcd.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Calls of the v2 keys API.
#[derive(Debug, Clone)]
pub struct Client {
    address: String,
}

impl Client {
    /// The base URL for `deis-store --etcd`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sets a key.
    pub fn set(&self, key: &str, value: &str) -> Result<()> {
        self.put(key, &format!("value={}", http::encode(value, false)))
    }

    /// Sets a key that etcd removes after its time to live.
    pub fn set_for(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<()> {
        self.put(key, &format!("value={}&ttl={ttl_seconds}", http::encode(value, false)))
    }

    /// Makes an empty directory.
    pub fn make_directory(&self, key: &str) -> Result<()> {
        self.put(key, "dir=true")
    }

    fn put(&self, key: &str, form: &str) -> Result<()> {
        let target = format!("/v2/keys{}", http::encode(key, true));
        let answer = http::request(&self.address, "PUT", &target, form)?;
        match answer.status {
            200 | 201 => Ok(()),
            status => Err(Error::new(format!("Set {key} in etcd: {status} {}", answer.body.trim()))),
        }
    }
}
