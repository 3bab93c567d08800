//! The units of the store, which write the keys that Deis' own write. Ceph itself runs already.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use super::boot::Boot;
use super::broken::Broken;
use super::fault::Fault;
use super::shared::lock;
use crate::ceph::FurtherGateway;
use crate::error::{Context, Error, Result};
use crate::keys::host_and_port;
use crate::{http, port};

const SETUP: &str = "/deis/store/monSetupComplete";
const FILE_SYSTEM: &str = "/deis/store/filesystemSetupComplete";
const GATEWAY: &str = "/deis/store/gateway";

/// The settings that a monitor writes where the operator has not.
const SETTINGS: [(&str, &str); 5] =
    [("delayStart", "15"), ("size", "3"), ("minSize", "1"), ("pgNum", "64"), ("maxPGsPerOSDWarning", "1536")];

/// The monitor. The first one of all machines sets the store up.
pub(super) fn monitor(boot: &Boot<'_>) -> Result<()> {
    let etcd = boot.etcd();
    etcd.set(&format!("/deis/store/hosts/{}", boot.machine.address()), boot.machine.name())?;
    remember_settings(boot)?;
    boot.running()?;
    for (name, value) in SETTINGS {
        etcd.create(&format!("/deis/store/{name}"), value)?;
    }
    if etcd.value(SETUP)?.is_none() && takes(boot, "/deis/store/monSetupLock")? {
        boot.say("store-monitor: obtained the lock to proceed with setting up.");
        boot.pause(boot.delay())?;
        let site = boot.site();
        etcd.set("/deis/store/fsid", &site.plan.fsid)?;
        etcd.set("/deis/store/monKeyring", &site.keyrings.monitor)?;
        etcd.set("/deis/store/adminKeyring", &site.keyrings.admin)?;
        boot.say("store-monitor: setup complete.");
        etcd.set(SETUP, "youBetcha")?;
    }
    boot.values([SETUP])?;
    boot.publish(&[])
}

/// The daemon, which gets a number.
pub(super) fn daemon(boot: &Boot<'_>) -> Result<()> {
    boot.running()?;
    boot.values([SETUP])?;
    boot.pause(boot.delay())?;
    boot.defaults(&[(&format!("/deis/store/osds/{}", boot.machine.address()), &boot.number.to_string())])?;
    boot.say("store-daemon: running...");
    boot.publish(&[])
}

/// The metadata server. The first one of all machines makes the file system.
pub(super) fn metadata(boot: &Boot<'_>) -> Result<()> {
    boot.running()?;
    boot.values([SETUP])?;
    let etcd = boot.etcd();
    if etcd.value(FILE_SYSTEM)?.is_none() && takes(boot, "/deis/store/filesystemSetupLock")? {
        boot.say("store-metadata: obtained the lock to proceed with setting up.");
        boot.until("an OSD", || has_osd(boot))?;
        boot.pause(boot.delay())?;
        boot.say("store-metadata: filesystem setup complete.");
        etcd.set(FILE_SYSTEM, "youBetcha")?;
    }
    boot.values([FILE_SYSTEM])?;
    boot.say("store-metadata: running...");
    boot.publish(&[])
}

/// The gateway of this number. It runs only when it answers.
pub(super) fn gateway(boot: &Boot<'_>, number: usize) -> Result<()> {
    boot.machine.run_container("deis-store-gateway")?;
    let post = ("activating", "start-post");
    boot.enter(post);
    boot.say("Waiting for ceph gateway on 8888/tcp...");
    boot.may_go_on(post)?;
    boot.values([SETUP])?;
    boot.until("an OSD", || has_osd(boot))?;
    boot.pause(boot.delay())?;

    let (etcd, site) = (boot.etcd(), boot.site());
    etcd.create("/deis/store/gatewayKeyring", &site.keyrings.gateway)?;
    etcd.set(&format!("{GATEWAY}/accessKey"), &site.plan.access_key)?;
    etcd.set(&format!("{GATEWAY}/secretKey"), &site.plan.secret_key)?;
    boot.say("Starting RADOS gateway...");
    let address = serve(boot, number)?;
    boot.until("the gateway", || Ok(http::serves(&address)))?;
    boot.running()?;
    boot.say("deis-store-gateway running...");
    publish_gateway(boot, &address)
}

/// The mount of the volume. It is tried until the file system is there.
pub(super) fn volume(boot: &Boot<'_>) -> Result<()> {
    boot.values([SETUP])?;
    if boot.etcd().value(FILE_SYSTEM)?.is_none() {
        return Err(Error::new("mount error 5 = Input/output error"));
    }
    let volume = &boot.site().volume;
    let kind = boot.shared.find_fault(|fault| match fault {
        Fault::VolumeOfType(kind) => Some(*kind),
        _ => None,
    });
    if !boot.shared.is_faulty(&Fault::VolumeNotMounted) {
        boot.machine.mount(volume, kind.unwrap_or("ceph"))?;
        let logs = volume.join("logs");
        fs::create_dir_all(&logs).context(logs.display())?;
    }
    boot.enter(("active", "running"));
    boot.publish(&[])
}

fn remember_settings(boot: &Boot<'_>) -> Result<()> {
    let mut there = BTreeMap::new();
    for (name, _) in SETTINGS {
        if let Some(value) = boot.etcd().value(&format!("/deis/store/{name}"))? {
            there.insert(name.to_owned(), value);
        }
    }
    boot.shared.record().store_settings.get_or_insert(there);
    Ok(())
}

/// Takes a lock that lasts, or has it already.
fn takes(boot: &Boot<'_>, lock: &str) -> Result<bool> {
    let name = boot.machine.name();
    Ok(boot.etcd().create(lock, name)? || boot.etcd().value(lock)?.as_deref() == Some(name))
}

fn has_osd(boot: &Boot<'_>) -> Result<bool> {
    let osds = boot.etcd().tree("/deis/store/osds")?;
    Ok(osds.is_some_and(|osds| osds["nodes"].as_array().is_some_and(|osds| !osds.is_empty())))
}

/// Has a real gateway serve at the machine's address. That of the first machine runs already.
fn serve(boot: &Boot<'_>, number: usize) -> Result<String> {
    let site = boot.site();
    let first = site.plan.gateways.first().ok_or_else(|| Error::new("No gateway planned"))?;
    let (host, port) = host_and_port(first)?;
    let address = format!("{}:{port}", boot.machine.address());
    let mut gateways = lock(&boot.shared.gateways);
    if host != boot.machine.address() && !gateways.contains_key(&boot.number) {
        let scratch = site.directory.join(format!("gateway{number}-{}", boot.number));
        fs::create_dir_all(&scratch).context(scratch.display())?;
        gateways.insert(boot.number, FurtherGateway::start_at(&address, &site.directory, &scratch)?);
    }
    Ok(address)
}

/// Publishes a gateway, and the leading one once more, as the boot script does, and with the faults that are set.
fn publish_gateway(boot: &Boot<'_>, address: &str) -> Result<()> {
    let (etcd, ttl) = (boot.etcd(), boot.ttl());
    let (host, real_port) = host_and_port(address)?;
    let mut published: Option<(Instant, String)> = None;
    loop {
        let port = published_port(boot, host, real_port)?;
        let due = published.as_ref().is_none_or(|(time, old)| {
            *old != port
                || (time.elapsed() >= boot.refresh() && !boot.shared.is_faulty(&Fault::GatewayNotRefreshed))
        });
        if due {
            let lock = format!("{GATEWAY}/masterLock");
            if etcd.create_for(&lock, host, ttl)? || etcd.value(&lock)?.as_deref() == Some(host) {
                etcd.set_for(&format!("{GATEWAY}/host"), host, ttl)?;
                etcd.set_for(&format!("{GATEWAY}/port"), &port, ttl)?;
                etcd.set_for(&lock, host, ttl)?;
            }
            if !boot.shared.is_faulty(&Fault::LeaderOnly) && boot.site().options.release.numbers_gateways() {
                etcd.set_for(&format!("{GATEWAY}/hosts/{host}/host"), host, ttl)?;
                etcd.set_for(&format!("{GATEWAY}/hosts/{host}/port"), &port, ttl)?;
            }
            published = Some((Instant::now(), port));
        }
        boot.pause(std::time::Duration::from_millis(100))?;
    }
}

/// The port of the gateway, or of one that is set as a fault.
fn published_port(boot: &Boot<'_>, host: &str, port: &str) -> Result<String> {
    let status = boot.shared.find_fault(|fault| match fault {
        Fault::GatewayAnswers(status) => Some(Some(*status)),
        Fault::GatewayNowhere => Some(None),
        _ => None,
    });
    let mut broken = lock(&boot.shared.broken);
    let Some(status) = status else {
        broken.remove(host);
        return Ok(port.to_owned());
    };
    if broken.get(host).is_none_or(|broken| broken.status() != status) {
        broken.remove(host);
        broken.insert(host.to_owned(), Broken::start(host, port::free()?, status)?);
    }
    Ok(broken.get(host).map_or(String::new(), |broken| broken.port().to_string()))
}
