//! The verb `doctor`: looks at all that a backup or a restore rests on, and says of each thing that it is good, or what to do now.
//!
//! It changes nothing on the cluster. A check that fails keeps no other one from being made; one that cannot be made says so.

mod buckets;
mod check;
mod component;
mod etcd;
mod gateway;
mod host;
mod s3cfg_file;
mod space;
mod stall;

use std::path::PathBuf;

use crate::cluster::ClusterOptions;
use crate::error::{Error, Result};
use crate::run::{Run, TaskKind, TaskResult};
use crate::secret::Credentials;

pub use check::{Check, DoctorReport, State};

use check::{bad, good, unknown};
use component::{CONTROLLER, DATABASE};
use etcd::Facts;
use gateway::Gateways;
use host::Site;

/// What is known about where the keys come from, and what else is looked at.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct DoctorOptions {
    /// Where the gateways' keys come from, if they are given; for people.
    pub keys_from: Option<String>,
    /// Where the keys come from that are used if etcd holds none; for people.
    pub fallback_from: Option<String>,
    /// A directory for snapshots, there or not: whether they have room there.
    pub repository: Option<PathBuf>,
    /// Where a configuration for s3cmd is written. It must not be there.
    pub s3cfg: Option<PathBuf>,
}

/// Looks at a cluster; or, if its host cannot be logged in to, at what can be seen without it.
pub async fn doctor(
    cluster: Result<ClusterOptions>,
    options: &DoctorOptions,
    run: &Run,
) -> Result<DoctorReport> {
    if let Some(path) = &options.s3cfg {
        crate::s3cfg_file::require_free(path)?;
    }
    let verb = run.begin(None, TaskKind::Verb, "doctor");
    let report = run.stop.cancels(async { Ok(look(cluster.as_ref(), options, run).await) }).await?;
    verb.done(if report.is_good() { TaskResult::Good } else { TaskResult::Incomplete });
    Ok(report)
}

async fn look(cluster: Result<&ClusterOptions, &Error>, options: &DoctorOptions, run: &Run) -> DoctorReport {
    let mut checks = Vec::new();
    let site = Site::look(cluster, &mut checks).await;
    let facts = Facts::look(cluster, run, &mut checks).await;
    checks.push(etcd::version(&site, &facts).await);
    let (urls, published) = gateway::published(cluster, &facts);
    checks.push(published);
    let (credentials, keys) = keys(cluster, options, &facts);
    checks.push(keys);
    let gateways = Gateways::look(cluster, &urls, credentials.as_ref(), run, &mut checks).await;
    let totals = buckets::look(gateways.answering(), &facts, &mut checks).await;
    for component in [DATABASE, CONTROLLER] {
        checks.push(component.look(&site, &facts).await);
    }
    checks.push(etcd::images(&facts));
    checks.push(etcd::logs(&facts));
    checks.push(site.volume(facts.known("etcd").ok().map(|(etcd, _)| etcd)).await);
    if let Some(repository) = &options.repository {
        checks.push(space::look(repository, totals).await);
    }
    if let Some(path) = &options.s3cfg {
        let tunnelled = cluster.is_ok_and(|cluster| cluster.tunnelled);
        checks.push(s3cfg_file::check(path, urls.first(), credentials.as_ref(), tunnelled).await);
    }
    DoctorReport { checks }
}

/// The keys that are used, and where they come from: in the order in which a connection takes them.
fn keys(
    cluster: Result<&ClusterOptions, &Error>,
    options: &DoctorOptions,
    facts: &Facts,
) -> (Option<Credentials>, Check) {
    const NAME: &str = "keys";
    let Ok(cluster) = cluster else { return (None, host::without(NAME)) };
    let in_etcd = facts.credentials();
    let said = |from: &Option<String>| from.clone().unwrap_or_else(|| "the caller".to_owned());
    match (&cluster.credentials, in_etcd, &cluster.fallback) {
        (Some(given), in_etcd, _) => {
            let others = in_etcd.is_some_and(|in_etcd| !given.are(in_etcd));
            let others = if others { "; etcd has others" } else { "" };
            let what = format!("they come from {}{others}", said(&options.keys_from));
            (Some(given.clone()), good(NAME, what))
        }
        (None, Some(in_etcd), _) => {
            let what = "they come from etcd (/deis/store/gateway/accessKey and secretKey)";
            (Some(in_etcd.clone()), good(NAME, what))
        }
        (None, None, Some(fallback)) => {
            let what = format!("they come from {}, since etcd gives none", said(&options.fallback_from));
            (Some(fallback.clone()), good(NAME, what))
        }
        (None, None, None) => {
            let check = match facts.why_unknown() {
                Some(why) => unknown(NAME, why, "give the gateways' keys, or make etcd answer"),
                None => bad(
                    NAME,
                    "the gateways' keys are not in etcd",
                    "wait until store-gateway has started, or give the gateways' keys",
                ),
            };
            (None, check)
        }
    }
}
