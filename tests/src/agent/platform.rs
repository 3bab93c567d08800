//! The units of a platform that do little here: they wait for what they need, and publish themselves.

use super::boot::Boot;
use crate::error::Result;

/// A unit of the platform besides database and controller.
pub(super) fn run(boot: &Boot<'_>, component: &str) -> Result<()> {
    let address = boot.machine.address();
    let key = |name: &str, value: &str| (format!("/deis/{component}/{name}"), value.to_owned());
    boot.running()?;
    match component {
        "logger" => {
            // Their time to live is so long by mistake that they stay.
            boot.etcd().set("/deis/logs/host", address)?;
            boot.etcd().set("/deis/logs/port", "514")?;
            boot.publish(&[])
        }
        "registry" => {
            make_bucket(boot)?;
            boot.publish(&[
                key("host", address),
                key("port", "5000"),
                key("masterLock", address),
                key(&format!("hosts/{address}/host"), address),
                key(&format!("hosts/{address}/port"), "5000"),
            ])
        }
        "router" => {
            for name in ["config", "controller", "services", "domains", "builder", "certs", "router"] {
                boot.etcd().ensure_directory(&format!("/deis/{name}"))?;
            }
            boot.publish(&[
                key(&format!("hosts/{address}/host"), address),
                key(&format!("hosts/{address}/port"), "80"),
            ])
        }
        "builder" => boot.publish(&[key("host", address), key("port", "2223")]),
        _ => boot.publish(&[]),
    }
}

fn make_bucket(boot: &Boot<'_>) -> Result<()> {
    boot.defaults(&[("/deis/registry/protocol", "http"), ("/deis/registry/bucketName", "registry")])?;
    boot.pause(boot.delay())?;
    boot.bucket("/deis/registry/bucketName")?.1
}
