//! The unit of the controller, whose `manage.py` writes the keys that it derives from the database.

use super::boot::Boot;
use crate::database;
use crate::error::Result;
use crate::random;

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
        let etcd = boot.etcd().url();
        let port = etcd.rsplit(':').next().unwrap_or_default();
        let said =
            boot.machine.manage(&format!("{}:{port}", boot.machine.address()), "load_db_state_to_etcd")?;
        boot.say(&said);
    }
    boot.say("deis-controller running...");
    let here = |name: &str, value: &str| (format!("/deis/controller/{name}"), value.to_owned());
    boot.publish(&[here("host", boot.machine.address()), here("port", "8000")])
}
