//! The facts that say that a component of the store is ready: what it writes into etcd, what it answers, what it mounts.

use std::time::Duration;

use tokio::time::Instant;

use super::stage::Stage;
use super::step::StepName;
use super::unit_names::STORE_VOLUME;
use super::wait::{Seen, Waiting, until};
use crate::error::{At, Result};
use crate::fleet::Units;
use crate::run::Level;
use crate::volume;

/// Where the leading gateway is published.
pub(super) const GATEWAY_HOST: &str = "/deis/store/gateway/host";

/// The time after which a key that nobody refreshes is gone, and some more.
const LONGER_THAN_A_TTL: Duration = Duration::from_mins(1);
/// Times to live are told in whole seconds.
const A_LOOK: Duration = Duration::from_secs(1);

/// What is not there yet of what a step's components write when they are ready.
pub(super) async fn missing(stage: &Stage<'_>, step: StepName, units: &Units) -> Result<Option<String>> {
    let on = |unit: &str| units.machines_of(unit).len();
    match step {
        StepName::StoreMonitor => {
            match keys(stage, &["/deis/store/monSetupComplete", "/deis/store/adminKeyring"]).await? {
                None => members(stage, "/deis/store/hosts", on("deis-store-monitor.service")).await,
                missing => Ok(missing),
            }
        }
        StepName::StoreDaemon => members(stage, "/deis/store/osds", on("deis-store-daemon.service")).await,
        StepName::StoreMetadata => keys(stage, &["/deis/store/filesystemSetupComplete"]).await,
        StepName::StoreGateway => {
            keys(stage, &["accessKey", "secretKey", "host"].map(|key| format!("/deis/store/gateway/{key}")))
                .await
        }
        StepName::StoreVolume => unmounted(stage, units).await,
        StepName::ControlPlane => {
            keys(stage, &["/deis/database/host", "/deis/registry/host", "/deis/controller/host"]).await
        }
        _ => Ok(None),
    }
}

/// What takes longer to see: that the gateways' address is kept up, and that they list buckets for the platform's keys.
pub(super) async fn prove(stage: &Stage<'_>, step: StepName) -> Result<()> {
    match step {
        StepName::StoreGateway => {
            refreshed(stage, GATEWAY_HOST).await?;
            // Behind a router it is asked when that runs.
            if stage.cluster.is_behind_router() { Ok(()) } else { listed(stage).await }
        }
        StepName::Router => listed(stage).await,
        StepName::ControlPlane => {
            refreshed(stage, "/deis/database/host").await?;
            refreshed(stage, "/deis/controller/host").await
        }
        _ => Ok(()),
    }
}

async fn listed(stage: &Stage<'_>) -> Result<()> {
    until(("the store's gateway", stage.wait), stage.run, || lists(stage)).await
}

/// Whether the gateway that the platform's own components use lists buckets for their keys.
async fn lists(stage: &Stage<'_>) -> Result<Seen<()>> {
    stage.cluster.again(stage.run).await?.leader(stage.run).await?.buckets().await.map(|_| Seen::Ready(()))
}

/// Waits until a key that expires was there for longer than it would be if nobody kept it up.
pub(super) async fn refreshed(stage: &Stage<'_>, key: &str) -> Result<()> {
    let mut refresh = Refresh::default();
    let mut waiting = Waiting::new(key, stage.wait.min(LONGER_THAN_A_TTL), stage.run);
    loop {
        let node = stage.etcd.find(key).await;
        let node =
            node.map(|node| node.map_or(Key::NotThere, |node| node.ttl.map_or(Key::ForEver, Key::For)));
        let seen = node.map(|key| refresh.look(&key));
        if waiting.after(seen).await.map_err(|error| error.at(At::Key, key))?.is_some() {
            return Ok(());
        }
    }
}

/// What a look at a key that expires has shown.
enum Key {
    NotThere,
    ForEver,
    For(Duration),
}

/// What was seen of a key that expires.
#[derive(Default)]
struct Refresh {
    /// Since when it was there at each look, and the longest time that it had left.
    there: Option<(Instant, Duration)>,
    has_expired: bool,
}

impl Refresh {
    /// Another look at it.
    fn look(&mut self, key: &Key) -> Seen<()> {
        let there = self.there.take();
        match key {
            Key::NotThere => {
                self.has_expired |= there.is_some();
                let why = if self.has_expired {
                    "it expired: who published it does not keep it up"
                } else {
                    "it is not there"
                };
                Seen::NotYet(why.to_owned())
            }
            // Somebody has set it for good.
            Key::ForEver => Seen::Ready(()),
            Key::For(ttl) => {
                let (since, longest) = there.unwrap_or((Instant::now(), *ttl));
                let longest = longest.max(*ttl);
                if since.elapsed() > longest + A_LOOK {
                    return Seen::Ready(());
                }
                self.there = Some((since, longest));
                Seen::NotYet("it was not there for as long as it takes to expire".to_owned())
            }
        }
    }
}

/// The first of these keys that is not there.
async fn keys<K: AsRef<str>>(stage: &Stage<'_>, keys: &[K]) -> Result<Option<String>> {
    for key in keys {
        if stage.text(key.as_ref()).await?.is_none_or(|value| value.is_empty()) {
            return Ok(Some(format!("{} is not in etcd", key.as_ref())));
        }
    }
    Ok(None)
}

/// Whether a directory of etcd has too few members.
async fn members(stage: &Stage<'_>, directory: &str, wanted: usize) -> Result<Option<String>> {
    let found = stage.directory(directory).await?.nodes.len();
    Ok((found < wanted).then(|| format!("{directory} has {found} of {wanted} hosts")))
}

/// The first machine on which the store volume is not mounted. One where we cannot look is named, and only its unit's state is
/// known: but not the one on which the volume is restored.
async fn unmounted(stage: &Stage<'_>, units: &Units) -> Result<Option<String>> {
    let own = &*stage.cluster.volume_host().await?;
    if let Some(why) = volume::not_ceph(own).await? {
        return Ok(Some(format!("{why} on {}", own.host())));
    }
    for machine in units.machines_of(STORE_VOLUME) {
        let looked = async { volume::not_ceph(&*stage.host(&machine.address).await?).await };
        match looked.await {
            Ok(None) => {}
            Ok(Some(why)) => return Ok(Some(format!("{why} on {}", machine.address))),
            Err(error) => {
                let text = format!(
                    "the mount of the store volume could not be looked at on {}: {error}",
                    machine.address
                );
                stage.run.note(Level::Warning, "volume-mount", &text);
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_is_kept_up_if_it_is_there_for_longer_than_it_would_be_by_itself() {
        let ready = |seen: &Seen<()>| matches!(seen, Seen::Ready(()));
        let for_seconds = |seconds| Key::For(Duration::from_secs(seconds));
        let mut refresh = Refresh::default();
        // Set twice, and then no more.
        for ttl in [19, 20, 19, 10, 1] {
            assert!(!ready(&refresh.look(&for_seconds(ttl))), "{ttl}");
            tokio::time::advance(Duration::from_secs(4)).await;
        }
        let Seen::NotYet(why) = refresh.look(&Key::NotThere) else { panic!() };
        assert!(why.contains("expired"), "{why}");
        // One that was there and is published anew proves nothing yet.
        for ttl in [20, 12, 20, 12] {
            assert!(!ready(&refresh.look(&for_seconds(ttl))), "{ttl}");
            tokio::time::advance(Duration::from_secs(6)).await;
        }
        assert!(ready(&refresh.look(&for_seconds(19))));
        assert!(ready(&Refresh::default().look(&Key::ForEver)));
    }
}
