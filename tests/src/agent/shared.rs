//! What all threads of an agent share: the cluster around them, the faults, and the record.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::broken::Broken;
use super::database::DATA;
use super::fault::Fault;
use super::machine::Machine;
use super::options::Options;
use super::record::Record;
use crate::ceph::{FurtherGateway, Keyrings, Plan};
use crate::environment::Postgres;
use crate::error::Result;
use crate::etcd::Client;
use crate::process::Server;
use crate::wal_e::WalE;

/// The cluster that an agent plays.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) options: Options,
    pub(crate) directory: PathBuf,
    pub(crate) etcd: Client,
    pub(crate) machines: Vec<Machine>,
    pub(crate) plan: Plan,
    pub(crate) keyrings: Keyrings,
    pub(crate) volume: PathBuf,
    pub(crate) postgres: Postgres,
}

/// All that the threads share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(super) site: Site,
    /// Set when all threads shall end.
    pub(super) ending: AtomicBool,
    faults: Mutex<Vec<Fault>>,
    record: Mutex<Record>,
    pub(super) database: Mutex<Database>,
    /// The gateways besides the first, by number.
    pub(super) gateways: Mutex<BTreeMap<usize, FurtherGateway>>,
    /// The gateways that are published instead of the real ones, by host.
    pub(super) broken: Mutex<BTreeMap<String, Broken>>,
}

/// The database while it runs, and what is left of it when it does not.
#[derive(Debug, Default)]
pub(super) struct Database {
    pub(super) server: Option<Server>,
    pub(super) wal_e: Option<WalE>,
    /// The machine whose data container holds the data, by number.
    pub(super) on: Option<usize>,
}

impl Shared {
    pub(super) fn new(site: Site) -> Self {
        Self {
            site,
            ending: AtomicBool::new(false),
            faults: Mutex::default(),
            record: Mutex::default(),
            database: Mutex::default(),
            gateways: Mutex::default(),
            broken: Mutex::default(),
        }
    }

    pub(super) fn set_fault(&self, fault: Fault) {
        self.apply(&fault, true);
        lock(&self.faults).push(fault);
    }

    pub(super) fn mend(&self, fault: &Fault) {
        self.apply(fault, false);
        lock(&self.faults).retain(|other| other != fault);
    }

    pub(super) fn is_faulty(&self, fault: &Fault) -> bool {
        lock(&self.faults).contains(fault)
    }

    /// What the first fault that this function knows says.
    pub(super) fn find_fault<T>(&self, find: impl Fn(&Fault) -> Option<T>) -> Option<T> {
        lock(&self.faults).iter().find_map(find)
    }

    pub(super) fn record(&self) -> MutexGuard<'_, Record> {
        lock(&self.record)
    }

    pub(super) fn event(&self, what: String) {
        self.record().events.push(what);
    }

    /// Some faults are files of the machines as long as they are set.
    fn apply(&self, fault: &Fault, set: bool) {
        for machine in &self.site.machines {
            let done = match fault {
                Fault::DataContainer { address, .. } if *address == machine.address() => {
                    if set {
                        machine.keep_data(DATA)
                    } else {
                        machine.remove_data(DATA)
                    }
                }
                Fault::ControllerWithoutEtcd => machine.lets_controller_reach_etcd(!set),
                _ => Ok(()),
            };
            report("fault", done);
        }
    }
}

/// Says an error that no thread is there to return to.
pub(super) fn report(what: &str, done: Result<()>) {
    if let Err(error) = done {
        eprintln!("Agent: {what}: {error}");
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
