//! The components that a backup or a restore runs commands in: on which host each is, and whether it runs there.

use super::check::{Check, bad, failed, good, told, unknown};
use super::etcd::Facts;
use super::host::Site;
use crate::cluster::docker;
use crate::error::Result;
use crate::etcd::Etcd;
use crate::fleet::Fleet;

/// A component that runs once in a cluster.
pub(super) struct Component {
    name: &'static str,
    /// Where it publishes its address.
    key: &'static str,
    unit: &'static str,
    container: &'static str,
}

pub(super) const DATABASE: Component = Component {
    name: "database",
    key: "/deis/database/host",
    unit: "deis-database.service",
    container: "deis-database",
};
pub(super) const CONTROLLER: Component = Component {
    name: "controller",
    key: "/deis/controller/host",
    unit: "deis-controller.service",
    container: "deis-controller",
};

impl Component {
    /// Looks for it.
    pub(super) async fn look(&self, site: &Site, facts: &Facts) -> Check {
        let Self { name, container, .. } = self;
        let etcd = match facts.known(name) {
            Ok((etcd, _)) => etcd,
            Err(check) => return check,
        };
        let (address, by) = match facts.text(self.key) {
            Some(address) => (address.to_owned(), self.key),
            None => match self.by_fleet(etcd).await {
                Ok(Some(address)) => (address, "fleet"),
                Ok(None) => {
                    let what = format!("neither {} nor fleet says where it runs", self.key);
                    let todo =
                        format!("deisctl list shows its unit; on a running platform: deisctl start {name}");
                    return bad(*name, what, todo);
                }
                Err(error) => return unknown(*name, told(&error), format!("deisctl status {name}")),
            },
        };
        let host = match site.silent(name) {
            Ok(host) => host,
            Err(check) => {
                return Check { what: format!("it is on {address} ({by}); {}", check.what), ..check };
            }
        };
        let runs = async { docker::runs(&*host.beyond(&address).await?, container).await };
        match runs.await {
            Ok(Some(true)) => {
                good(*name, format!("it runs on {address} ({by}), which {} reaches", host.host()))
            }
            Ok(Some(false)) => bad(
                *name,
                format!("the container {container} is on {address} ({by}) and does not run"),
                format!("deisctl status {name}; deisctl start {name}"),
            ),
            Ok(None) => bad(
                *name,
                format!("it should be on {address} ({by}), and there is no container {container}"),
                format!("deisctl list shows its unit; deisctl start {name}"),
            ),
            Err(error) => failed(*name, &error, "see that ssh and docker work there"),
        }
    }

    /// The machine that fleet runs it on.
    async fn by_fleet(&self, etcd: &Etcd) -> Result<Option<String>> {
        let units = Fleet::new(etcd).read().await?;
        Ok(units.machines_of(self.unit).first().map(|machine| machine.address.clone()))
    }
}
