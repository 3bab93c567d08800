//! The unit of the controller, and the keys that it derives from the database.

use std::time::Duration;

use serde_json::Value;

use super::boot::Boot;
use super::fault::Fault;
use super::shared::Shared;
use crate::database;
use crate::error::{Context, Result};
use crate::random;

/// The models of the controller whose rows are keys in etcd, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Model {
    Key,
    App,
    Domain,
    Certificate,
    /// Every configuration that an app has had; the last one counts.
    Config,
    /// The last configuration of each app.
    LastConfig,
}

impl Model {
    /// The models of a release, by the names that they have in its shell.
    pub(super) const NAMED: [(&str, Self); 5] = [
        ("Key", Self::Key),
        ("App", Self::App),
        ("Domain", Self::Domain),
        ("Certificate", Self::Certificate),
        ("Config", Self::Config),
    ];

    /// A query for all rows, each an array of texts.
    fn query(self) -> &'static str {
        match self {
            Self::Key => {
                "SELECT json_build_array(username, fingerprint, public) AS row
                 FROM api_key JOIN auth_user u ON u.id = owner_id ORDER BY uuid"
            }
            Self::App => "SELECT json_build_array(id) AS row FROM api_app ORDER BY id",
            Self::Domain => {
                "SELECT json_build_array(domain, a.id) AS row
                 FROM api_domain JOIN api_app a ON a.uuid = app_id ORDER BY domain"
            }
            Self::Certificate => {
                "SELECT json_build_array(common_name, certificate, key) AS row FROM api_certificate"
            }
            Self::Config => {
                "SELECT json_build_array(a.id, \"values\") AS row
                 FROM api_config c JOIN api_app a ON a.uuid = c.app_id ORDER BY a.id, c.ctid"
            }
            Self::LastConfig => {
                "SELECT DISTINCT ON (a.id) json_build_array(a.id, \"values\") AS row
                 FROM api_config c JOIN api_app a ON a.uuid = c.app_id ORDER BY a.id, c.ctid DESC"
            }
        }
    }
}

/// The unit, as `boot` in its container does it.
pub(super) fn run(boot: &Boot<'_>) -> Result<()> {
    boot.running()?;
    boot.pause(boot.delay())?;
    boot.defaults(&[
        ("/deis/controller/protocol", "http"),
        ("/deis/controller/secretKey", &random::hex()?),
        ("/deis/controller/builderKey", &random::hex()?),
        ("/deis/controller/registrationMode", "enabled"),
        ("/deis/controller/webEnabled", "0"),
        ("/deis/controller/unitHostname", "default"),
    ])?;
    for directory in ["domains", "platform", "scheduler", "services"] {
        boot.etcd().ensure_directory(&format!("/deis/{directory}"))?;
    }
    boot.values(["/deis/database/host", "/deis/database/port"])?;
    let (site, release) = (boot.site(), boot.site().options.release);
    if site.postgres.query("deis", "SELECT to_regclass('api_app') IS NULL")? == "t" {
        site.postgres.query("deis", &format!("SET ROLE deis; {}", database::tables()))?;
    }
    if release.publishes_at_boot() {
        boot.shared.record().counts.publications += 1;
        boot.say("Publishing DB state to etcd...");
        if boot.shared.is_faulty(&Fault::ControllerWithoutEtcd) {
            boot.say("Cannot synchronize with etcd cluster");
        } else {
            for model in at_boot(release.publishes_last_configurations()) {
                save(boot.shared, model, || boot.go_on())?;
            }
        }
        boot.say("Done Publishing DB state to etcd.");
    }
    boot.say("deis-controller running...");
    let here = |name: &str, value: &str| (format!("/deis/controller/{name}"), value.to_owned());
    boot.publish(&[here("host", boot.machine.address()), here("port", "8000")])
}

/// The models that the controller writes by itself.
pub(super) fn at_boot(only_last: bool) -> [Model; 5] {
    let config = if only_last { Model::LastConfig } else { Model::Config };
    [Model::App, config, Model::Key, Model::Domain, Model::Certificate]
}

/// Writes the keys of all rows of a model. `go_on` is asked before each.
pub(super) fn save(shared: &Shared, model: Model, mut go_on: impl FnMut() -> Result<()>) -> Result<()> {
    let query = format!("SELECT coalesce(json_agg(row), '[]') FROM ({}) rows", model.query());
    let rows = shared.site.postgres.query("deis", &query)?;
    let rows: Vec<Vec<String>> = serde_json::from_str(&rows).context("Rows of the controller")?;
    let etcd = &shared.site.etcd;
    for row in rows {
        go_on()?;
        if shared.site.options.key_delay > Duration::ZERO {
            std::thread::sleep(shared.site.options.key_delay);
        }
        match (model, &row[..]) {
            (Model::Key, [user, fingerprint, public]) => {
                etcd.set(&format!("/deis/builder/users/{user}/{fingerprint}"), public)?;
            }
            (Model::App, [app]) => etcd.ensure_directory(&format!("/deis/services/{app}"))?,
            (Model::Domain, [domain, app]) => etcd.set(&format!("/deis/domains/{domain}"), app)?,
            (Model::Certificate, [name, certificate, key]) => {
                etcd.set(&format!("/deis/certs/{name}/cert"), certificate)?;
                etcd.set(&format!("/deis/certs/{name}/key"), key)?;
            }
            (Model::Config | Model::LastConfig, [app, values]) => {
                etcd.remove(&format!("/deis/config/{app}"))?;
                let values: Value = serde_json::from_str(values).context("Configuration of an app")?;
                for (name, value) in values.as_object().into_iter().flatten() {
                    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                    etcd.set(&format!("/deis/config/{app}/{}", name.to_lowercase()), &text)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}
