//! The one radosgw against which all programs are measured, over a Ceph in memory. Nothing else runs beside it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::secret::Credentials;
use deis_store_tests::ceph::{Ceph, Plan};
use deis_store_tests::error::{Context as _, Error, Result};
use deis_store_tests::process::{program, run};
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

/// The running gateway, with a client of ours for the work that is not measured. It stops when dropped.
pub(crate) struct Gateway {
    pub(crate) client: Client,
    pub(crate) credentials: Credentials,
    pub(crate) runtime: Runtime,
    plan: Plan,
    // Dropped before the directory.
    _ceph: Ceph,
    directory: TempDir,
}

impl Gateway {
    pub(crate) fn start() -> Result<Self> {
        let directory =
            tempfile::Builder::new().prefix("peers-ceph-").tempdir().context("Temporary directory")?;
        fs::set_permissions(directory.path(), Permissions::from_mode(0o711)).context("Permissions")?;
        let plan = Plan::new(1)?;
        eprintln!("Starting a radosgw");
        let ceph = Ceph::start(directory.path(), &plan)?;
        let credentials = Credentials::new(&plan.access_key, &plan.secret_key);
        let transport = connect(&format!("http://{}", plan.gateways[0]), Timeouts::default());
        let client = transport
            .and_then(|http| {
                Client::new(vec![http], credentials.clone(), ClientOptions::default(), &Run::silent())
            })
            .context("Client")?;
        let runtime = Builder::new_current_thread().enable_all().build().context("Runtime")?;
        Ok(Self { client, credentials, runtime, plan, _ceph: ceph, directory })
    }

    /// HOST:PORT.
    pub(crate) fn address(&self) -> &str {
        &self.plan.gateways[0]
    }

    pub(crate) fn access_key(&self) -> &str {
        &self.plan.access_key
    }

    pub(crate) fn secret_key(&self) -> &str {
        &self.plan.secret_key
    }

    /// Removes a bucket and its objects at once: memory is short, and the garbage collector would disturb the next run.
    pub(crate) fn remove(&self, bucket: &str) -> Result<()> {
        let mut command = program("radosgw-admin");
        command.env("CEPH_CONF", self.directory.path().join("ceph/ceph.conf"));
        command.args(["-n", "client.gateway1", "bucket", "rm", "--purge-objects", "--bypass-gc"]);
        command.args(["--bucket", bucket]);
        run("radosgw-admin bucket rm", command).map(drop)
    }

    /// Runs a request of our own client.
    pub(crate) fn block_on<T>(
        &self,
        work: impl Future<Output = std::result::Result<T, deis_store::Error>>,
    ) -> Result<T> {
        self.runtime.block_on(work).map_err(|error| Error::new(error.to_string()))
    }
}
