//! The description of a running cluster for a test: `environment.json` in the cluster's directory.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Context, Error, Result};

/// The file's name in the cluster's directory.
pub const FILE: &str = "environment.json";
/// `dev-cluster run` names the filled cluster's file in this variable.
pub const VARIABLE_A: &str = "DEIS_STORE_TEST_A";
/// `dev-cluster run` names the empty cluster's file in this variable.
pub const VARIABLE_B: &str = "DEIS_STORE_TEST_B";

/// A running cluster, as seen from outside.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Environment {
    /// Name of the cluster.
    pub name: String,
    /// The directory with all its files.
    pub directory: PathBuf,
    /// URL of each gateway; the first one is the leader.
    pub gateways: Vec<String>,
    /// Key of the radosgw user `deis`.
    pub access_key: String,
    /// Secret of the radosgw user `deis`; it holds `/` and `+`.
    pub secret_key: String,
    /// URL of etcd.
    pub etcd: String,
    /// `root@127.0.0.1:PORT`: the host with the store volume and `docker`.
    pub tunnel: String,
    /// The file with which `ssh -F FILE` reaches that host without a question.
    pub ssh_config: PathBuf,
    /// The directory that the host sees as /var/lib/deis/store.
    pub volume: PathBuf,
    /// The database, where there is one.
    pub postgres: Option<Postgres>,
    /// All planted secrets. None may be printed, and most may not be kept in a snapshot either.
    pub secrets: Vec<Secret>,
}

/// A running `PostgreSQL`. The user `postgres` connects through the socket without a password.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Postgres {
    /// PGDATA.
    pub data_dir: PathBuf,
    /// PGHOST.
    pub socket_dir: PathBuf,
    /// PGPORT; it is also open on 127.0.0.1, with a password.
    pub port: u16,
}

/// A value to look for in output, logs and snapshots.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Secret {
    /// The place of the secret: an etcd key, or table and column.
    pub what: String,
    /// One line that occurs nowhere else.
    pub value: String,
    /// Whether a snapshot may hold the secret: one of the operator's configuration or of the database, but not one of
    /// the store's own keys.
    pub may_be_in_snapshot: bool,
}

impl Environment {
    /// Reads a file that `save` wrote.
    pub fn load(file: &Path) -> Result<Self> {
        let context = || format!("Read {}", file.display());
        serde_json::from_str(&fs::read_to_string(file).context(context())?).context(context())
    }

    /// Reads the file that this variable names; `None` if the variable is not set.
    pub fn from_variable(variable: &str) -> Result<Option<Self>> {
        std::env::var_os(variable).map(|file| Self::load(Path::new(&file))).transpose()
    }

    /// Writes the file to a cluster's directory, for this user only.
    pub fn save(&self, directory: &Path) -> Result<()> {
        // Renamed into place, because the file's presence says that the cluster is ready.
        let (new, file) = (directory.join("environment.new"), directory.join(FILE));
        let text = serde_json::to_string_pretty(self).context("Write environment")?;
        let mut open = OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(0o600);
        open.open(&new).and_then(|mut file| file.write_all(text.as_bytes())).context("Write environment")?;
        fs::rename(&new, &file).context("Write environment")
    }

    /// HOST:PORT of the leading gateway.
    pub fn gateway_address(&self) -> Result<&str> {
        let url = self.gateways.first().ok_or_else(|| Error::new("Cluster without gateway"))?;
        Ok(url.trim_start_matches("http://"))
    }

    /// The database, or an error that says there is none.
    pub fn postgres(&self) -> Result<&Postgres> {
        self.postgres.as_ref().ok_or_else(|| Error::new(format!("Cluster {} has no database", self.name)))
    }
}
