//! An etcd 3.4 with the v2 API, and the few calls with which a Deis component speaks to it.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::error::{Context, Error, Result};
use crate::http::Answer;
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
        Self::start_on(directory, &["127.0.0.1"])
    }

    /// Does the same on several addresses, always at the same port. The client uses the first.
    pub fn start_on(directory: &Path, hosts: &[&str]) -> Result<Self> {
        let port = port::free()?;
        let client = Client { address: format!("{}:{port}", hosts.first().unwrap_or(&"127.0.0.1")) };
        let urls = hosts.iter().map(|host| format!("http://{host}:{port}")).collect::<Vec<_>>().join(",");
        let peer = format!("http://127.0.0.1:{}", port::free()?);
        let mut command = process::program("etcd");
        command.args(["--name", "deis", "--enable-v2", "--log-level", "warn", "--logger", "zap"]);
        command.arg("--data-dir").arg(directory.join("etcd"));
        command.args(["--listen-client-urls", &urls, "--advertise-client-urls", &client.url()]);
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

    /// Sets a key only if it is not there. Tells whether it was set.
    pub fn create(&self, key: &str, value: &str) -> Result<bool> {
        self.create_with(key, &format!("value={}", http::encode(value, false)))
    }

    /// Does the same with a time to live.
    pub fn create_for(&self, key: &str, value: &str, ttl_seconds: u64) -> Result<bool> {
        self.create_with(key, &format!("value={}&ttl={ttl_seconds}", http::encode(value, false)))
    }

    /// Makes a directory if it is not there.
    pub fn ensure_directory(&self, key: &str) -> Result<()> {
        self.create_with(key, "dir=true").map(drop)
    }

    /// The value of a key, if there is one.
    pub fn value(&self, key: &str) -> Result<Option<String>> {
        let node = self.node(key, "")?;
        Ok(node.and_then(|node| Some(node.get("value")?.as_str()?.to_owned())))
    }

    /// The node of a directory with all that is below it, if there is one.
    pub fn tree(&self, key: &str) -> Result<Option<Value>> {
        self.node(key, "?recursive=true&sorted=true")
    }

    /// Removes a key, or a directory with all that is below it. It need not be there.
    pub fn remove(&self, key: &str) -> Result<()> {
        let answer = self.ask("DELETE", key, "?recursive=true", "")?;
        if matches!(answer.status, 200 | 404) { Ok(()) } else { Err(refused("Remove", key, &answer)) }
    }

    fn node(&self, key: &str, query: &str) -> Result<Option<Value>> {
        let answer = self.ask("GET", key, query, "")?;
        match answer.status {
            200 => {
                let mut body: Value = serde_json::from_str(&answer.body).context(key)?;
                Ok(Some(body["node"].take()))
            }
            404 => Ok(None),
            _ => Err(refused("Get", key, &answer)),
        }
    }

    fn create_with(&self, key: &str, form: &str) -> Result<bool> {
        let answer = self.ask("PUT", key, "?prevExist=false", form)?;
        match answer.status {
            200 | 201 => Ok(true),
            412 => Ok(false),
            _ => Err(refused("Create", key, &answer)),
        }
    }

    fn put(&self, key: &str, form: &str) -> Result<()> {
        let answer = self.ask("PUT", key, "", form)?;
        if matches!(answer.status, 200 | 201) { Ok(()) } else { Err(refused("Set", key, &answer)) }
    }

    fn ask(&self, method: &str, key: &str, query: &str, form: &str) -> Result<Answer> {
        http::request(&self.address, method, &format!("/v2/keys{}{query}", http::encode(key, true)), form)
    }
}

fn refused(what: &str, key: &str, answer: &Answer) -> Error {
    Error::new(format!("{what} {key} in etcd: {} {}", answer.status, answer.body.trim()))
}
