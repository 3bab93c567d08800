//! The verb `rehearse`: the whole way of a backup and a restore on this machine alone, and proof that what came back is
//! what was there.
//!
//! A made cluster goes into one embedded gateway, is backed up, verified, restored into a second one and compared. The
//! verbs are the real ones, over real HTTP; only the hosts are made: they answer the commands that the verbs run.

mod compare;
mod damaged;
mod fill;
mod host;
pub mod made;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use crate::backup::{BackupOptions, BackupReport, backup};
use crate::cluster::{Cluster, Configuration, Discovery};
use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::{Etcd, Memory, Node};
use crate::gateway::{Gateway, GatewayOptions, Store};
use crate::http::{HttpSend, Timeouts, connect};
use crate::part::Part;
use crate::rehearse::made::Sample;
use crate::report::{Finding, FindingKind, Findings, Verdict};
use crate::restore::{RestoreOptions, RestoreReport, plan, restore};
use crate::run::{Run, TaskKind, TaskResult, milliseconds};
use crate::s3::Client;
use crate::s3::client::ClientOptions;
use crate::secret::Credentials;
use crate::snapshot::{Repository, Snapshot};
use crate::verify::{VerifyOptions, verify};
use damaged::Damaged;
use host::MadeHost;

/// Bodies from this size on are kept in a file and not in memory.
const SPOOLED_FROM_BYTES: u64 = 4 << 10;

/// Requests in flight at most: the gateways are within this process, and more would only take its memory.
const IN_FLIGHT: usize = 6;

/// What to rehearse.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RehearseOptions {
    /// A directory that is there and is the caller's to remove; some 100 MiB are written to it.
    pub scratch: PathBuf,
    /// The seed of the made cluster.
    pub seed: u64,
    /// The key of an object of which a byte is changed on the way, to see that it is found.
    pub damage: Option<String>,
}

impl RehearseOptions {
    /// A rehearsal in a directory.
    #[must_use]
    pub fn new(scratch: impl Into<PathBuf>) -> Self {
        Self { scratch: scratch.into(), seed: 1, damage: None }
    }
}

/// What a rehearsal has shown.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RehearseReport {
    /// Whether what came back is what was there.
    pub verdict: Verdict,
    /// The steps that were gone.
    pub steps: Vec<Step>,
    /// What differs, by name.
    #[serde(flatten)]
    pub findings: Findings,
    /// How long it took.
    pub milliseconds: u64,
}

/// A step of a rehearsal.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// `made`, `backed up`, `verified`, `restored` or `compared`.
    pub name: &'static str,
    /// Objects or files.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took.
    pub milliseconds: u64,
}

/// Rehearses. It ends at the first step that is not good, and the report says why.
pub async fn rehearse(options: &RehearseOptions, run: &Run) -> Result<RehearseReport> {
    let verb = run.begin(None, TaskKind::Verb, "rehearse");
    let start = Instant::now();
    let mut report = RehearseReport {
        verdict: Verdict::Good,
        steps: Vec::new(),
        findings: Findings::default(),
        milliseconds: 0,
    };
    check(options)?;
    let old = Site::old(options, run).await?;
    let new = Site::new(options, run).await?;
    let result = run.stop.cancels(act(&old, &new, options, run, &mut report)).await;
    old.gateway.stop().await;
    new.gateway.stop().await;
    result?;
    report.verdict = report.verdict.max(report.findings.verdict());
    report.milliseconds = milliseconds(start.elapsed());
    verb.done(if report.verdict == Verdict::Good { TaskResult::Good } else { TaskResult::Incomplete });
    Ok(report)
}

/// A damage that hits nothing would prove nothing.
fn check(options: &RehearseOptions) -> Result<()> {
    let Some(key) = &options.damage else { return Ok(()) };
    let buckets = Sample::new(options.seed).buckets();
    let mut objects = buckets.iter().flat_map(|bucket| &bucket.objects).filter(|object| object.key == *key);
    let error = |what: &str| {
        let example = buckets[0].objects.first().map_or("", |object| object.key.as_str());
        Error::new(ErrorKind::Usage, what)
            .at(At::Key, key)
            .todo(format!("name another one, such as {example}"))
    };
    match objects.next() {
        None => Err(error("the made cluster has no such object")),
        Some(object) if object.bytes().is_empty() => Err(error("an empty object has no byte to change")),
        Some(_) => Ok(()),
    }
}

async fn act(
    old: &Site,
    new: &Site,
    options: &RehearseOptions,
    run: &Run,
    report: &mut RehearseReport,
) -> Result<()> {
    let sample = Sample::new(options.seed);
    let mut clock = Instant::now();
    let mut step = |report: &mut RehearseReport, name, objects, bytes| {
        report.steps.push(Step { name, objects, bytes, milliseconds: milliseconds(clock.elapsed()) });
        clock = Instant::now();
    };
    let (objects, bytes) = fill::fill(&old.client, &sample, run).await?;
    step(report, "made", objects, bytes);

    let repository = Repository::create(options.scratch.join("repository"), run)?;
    let taken = backup(&old.cluster, &repository, &BackupOptions::default(), run).await?;
    let (objects, bytes) = totals(&taken);
    step(report, "backed up", objects, bytes);
    report.findings = taken.findings;
    report.verdict = taken.verdict;
    if taken.verdict != Verdict::Good {
        return Ok(());
    }

    let snapshot = Snapshot::open(Path::new(&taken.snapshot))?;
    let verified = verify(&snapshot, &VerifyOptions::default(), run).await?;
    step(report, "verified", verified.files_checked, verified.bytes_checked);
    absorb(report, verified.verdict, &verified.findings);
    if verified.verdict != Verdict::Good {
        return Ok(());
    }

    let all = RestoreOptions::default();
    let planned = plan(&new.cluster, &snapshot, &all, run).await?;
    let restored = restore(&new.cluster, &snapshot, &planned, run).await?;
    let (objects, bytes) = restored_totals(&restored);
    step(report, "restored", objects, bytes);
    absorb(report, restored.verdict, &restored.findings);
    if restored.verdict != Verdict::Good {
        return Ok(());
    }

    let mut findings = Findings::default();
    let (objects, bytes) = compare::buckets(&old.client, &new.client, run, &mut findings).await?;
    compare_rest(new, sample, &mut findings)?;
    step(report, "compared", objects, bytes);
    absorb(report, findings.verdict(), &findings);
    Ok(())
}

/// The volume as its tar stream, and every key of the configuration.
fn compare_rest(new: &Site, sample: Sample, findings: &mut Findings) -> Result<()> {
    let mut differs = |part, name: &str, what: &str| {
        let what = what.to_owned();
        findings.push(Finding { part: Some(part), name: name.to_owned(), kind: FindingKind::Changed, what });
    };
    if new.host.received() != Some(MadeHost::sent(sample)?) {
        differs(
            Part::Volume,
            "store_file_backup.tar.gz",
            "the volume that came back is not the one that was there",
        );
    }
    let configuration = Configuration::from_tree(&sample.configuration());
    for key in configuration.keys() {
        let expected = configuration.value(key).map(|value| value.expose().to_owned());
        if new.etcd.value(key) != expected {
            differs(Part::Config, key, "the key has not its value");
        }
    }
    Ok(())
}

fn absorb(report: &mut RehearseReport, verdict: Verdict, findings: &Findings) {
    report.verdict = report.verdict.max(verdict);
    findings.list().iter().for_each(|finding| report.findings.push(finding.clone()));
}

fn totals(report: &BackupReport) -> (u64, u64) {
    let parts = report.parts.values();
    parts.fold((0, 0), |(objects, bytes), part| (objects + part.counts.listed.max(1), bytes + part.bytes))
}

fn restored_totals(report: &RestoreReport) -> (u64, u64) {
    let files = report.parts.iter().filter(|(part, _)| **part != Part::Config);
    files.fold((0, 0), |(objects, bytes), (_, part)| (objects + part.restored, bytes + part.bytes))
}

/// A made cluster: a gateway, an etcd and a host.
struct Site {
    gateway: Gateway,
    /// Straight to the gateway.
    client: Client,
    etcd: Arc<Memory>,
    host: Arc<MadeHost>,
    cluster: Cluster,
}

impl Site {
    async fn old(options: &RehearseOptions, run: &Run) -> Result<Self> {
        let sample = Sample::new(options.seed);
        let host = Arc::new(MadeHost::old(sample));
        Self::start(options, run, "old", &sample.configuration(), host, options.damage.as_deref()).await
    }

    async fn new(options: &RehearseOptions, run: &Run) -> Result<Self> {
        let etcd = Node::directory("/deis");
        Self::start(options, run, "new", &etcd, Arc::new(MadeHost::new()), None).await
    }

    async fn start(
        options: &RehearseOptions,
        run: &Run,
        name: &str,
        tree: &Node,
        host: Arc<MadeHost>,
        damage: Option<&str>,
    ) -> Result<Self> {
        let scratch = options.scratch.join(name);
        std::fs::create_dir(&scratch)
            .map_err(|error| crate::error::disk_error("make the directory", scratch.display(), error))?;
        let credentials = Credentials::new(format!("REHEARSE{name}"), format!("secret/of+{name}"));
        let store = Store::spooling(&scratch, SPOOLED_FROM_BYTES)?;
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let options = GatewayOptions::new(run.clock.clone());
        let gateway = Gateway::start(listen, store, credentials.clone(), options).await?;
        let transport = connect(&gateway.url(), Timeouts::default())?;
        let client = |transport: Arc<dyn HttpSend>| {
            let options = ClientOptions { in_flight: IN_FLIGHT, ..ClientOptions::default() };
            Client::new(vec![transport], credentials.clone(), options, run)
        };
        let straight = client(transport.clone())?;
        let on_the_way: Arc<dyn HttpSend> = match damage {
            Some(key) => Arc::new(Damaged::new(transport, key)),
            None => transport,
        };
        let etcd = Arc::new(Memory::of(tree));
        let pair = (Etcd::new(etcd.clone()), Discovery::from_tree(tree));
        let cluster = Cluster::new(client(on_the_way)?, Some(pair), host.clone())?;
        Ok(Self { gateway, client: straight, etcd, host, cluster })
    }
}

/// What is never to happen, since everything here is our own.
fn internal(what: &str) -> Error {
    Error::new(ErrorKind::Internal, what)
}
