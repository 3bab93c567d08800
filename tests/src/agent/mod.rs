//! A stand-in for fleet and for what it starts: it watches the jobs in a real etcd and plays the machines of a cluster.
//!
//! Each unit of each machine is a thread, which does what the unit and the boot script of its container do: it waits for
//! keys, writes keys, and publishes itself with a time to live. The gateways, the database, its base backups and its
//! recovery are real. Containers are names in a file of the machine, and journals are files.
//!
//! A test sets faults while all this runs, and reads what was done and how often.

mod boot;
mod broken;
mod controller;
mod database;
mod fault;
mod fleet;
mod machine;
mod options;
mod platform;
mod record;
mod requests;
mod shared;
mod store;
mod units;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub use fault::Fault;
pub use machine::Machine;
pub use options::{Options, Release};
pub use record::Counts;
use shared::Shared;
pub(crate) use shared::Site;
pub use units::PLATFORM as UNITS;

use crate::error::{Error, Result};

/// The running agent. Dropped, it stops all that it has started.
#[derive(Debug)]
pub struct Agent {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Agent {
    /// Begins to watch.
    pub(crate) fn start(site: Site) -> Self {
        let shared = Arc::new(Shared::new(site));
        let watched = Arc::clone(&shared);
        let thread = std::thread::spawn(move || watch::watch(&watched));
        Self { shared, thread: Some(thread) }
    }

    /// From now on this is wrong.
    pub fn fault(&self, fault: Fault) {
        self.shared.set_fault(fault);
    }

    /// From now on this is right again.
    pub fn mend(&self, fault: &Fault) {
        self.shared.mend(fault);
    }

    /// Installs all units, as `deisctl install platform` does, and returns when each is loaded.
    pub fn install(&self) -> Result<()> {
        let names = units::platform(self.shared.site.options.release);
        units::install(&self.shared, &names)?;
        names.iter().try_for_each(|name| self.wait_for(name, "dead", Duration::from_secs(20)))
    }

    /// Launches units, one after the other, and waits until each runs on all its machines.
    pub fn launch(&self, units: &[&str]) -> Result<()> {
        for unit in units {
            self.set_target(unit, "launched")?;
            self.wait_for(unit, "running", Duration::from_mins(1))?;
        }
        Ok(())
    }

    /// Sets the state that a unit shall be in: `launched`, `loaded` or `inactive`.
    pub fn set_target(&self, unit: &str, state: &str) -> Result<()> {
        self.shared.site.etcd.set(&fleet::key(&format!("job/{unit}/target-state")), state)
    }

    /// The sub state of a unit on each machine that has it, by address, as it is in etcd.
    pub fn states(&self, unit: &str) -> Result<BTreeMap<String, String>> {
        let states = fleet::states(&self.shared.site.etcd, unit)?;
        let address = |id: &str| self.machines().iter().find(|machine| machine.id() == id);
        Ok(states
            .into_iter()
            .filter_map(|(id, sub)| Some((address(&id)?.address().to_owned(), sub)))
            .collect())
    }

    /// Waits until a unit is in this sub state on each machine that has it.
    pub fn wait_for(&self, unit: &str, sub: &str, limit: Duration) -> Result<()> {
        let begun = Instant::now();
        loop {
            let states = self.states(unit)?;
            if !states.is_empty() && states.values().all(|state| state == sub) {
                return Ok(());
            }
            if begun.elapsed() > limit {
                let journal = self.journal(unit);
                return Err(Error::new(format!(
                    "{unit} is not {sub}, but {states:?}; its journal:\n{journal}"
                )));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// How often each thing was done until now.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut counts = self.shared.record().counts.clone();
        for command in self.machines().iter().flat_map(Machine::manage_runs) {
            match command.as_str() {
                "shell" => counts.shells += 1,
                "load_db_state_to_etcd" => counts.loads += 1,
                _ => {}
            }
        }
        counts
    }

    /// What happened, in its order: `running UNIT ADDRESS` and the like.
    #[must_use]
    pub fn events(&self) -> Vec<String> {
        self.shared.record().events.clone()
    }

    /// The settings of the store that were there when its first monitor started, before it added its own: `size` and so on.
    #[must_use]
    pub fn store_settings_at_first_start(&self) -> Option<BTreeMap<String, String>> {
        self.shared.record().store_settings.clone()
    }

    /// The messages in a unit's journal, of all machines.
    #[must_use]
    pub fn journal(&self, unit: &str) -> String {
        self.shared.site.machines.iter().map(|machine| machine.messages(unit)).collect()
    }

    /// The machines: the first one is the tunnel's.
    #[must_use]
    pub fn machines(&self) -> &[Machine] {
        &self.shared.site.machines
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
