//! The life of one unit on one machine, from its start to its stop.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::fleet::State;
use super::machine::Machine;
use super::shared::{Shared, Site, lock, report};
use super::{controller, database, platform, store, units};
use crate::buckets;
use crate::error::{Error, Result};
use crate::etcd::Client;

const STEP: Duration = Duration::from_millis(50);
/// The time after which a unit that has failed is started again.
const RESTART_AFTER: Duration = Duration::from_secs(1);

/// What the agent and a unit's thread tell each other.
#[derive(Debug)]
pub(super) struct Progress {
    /// The state that the unit is in.
    pub(super) state: Mutex<State>,
    /// Whether it shall stop.
    pub(super) stop: AtomicBool,
}

/// The store as a unit finds it, with the bucket of its own.
pub(super) struct Store {
    pub(super) gateway: String,
    pub(super) access_key: String,
    pub(super) secret_key: String,
    pub(super) bucket: String,
}

/// Runs a unit until it is stopped.
pub(super) fn run(shared: &Shared, unit: &str, machine: usize, progress: &Progress) {
    let boot = Boot { shared, unit, machine: &shared.site.machines[machine], number: machine, progress };
    loop {
        let Err(error) = boot.once() else { continue };
        if boot.stopped() {
            break;
        }
        boot.say(&error.to_string());
        boot.say("Main process exited, code=exited, status=1/FAILURE");
        report(unit, boot.fall());
        boot.enter(("activating", "auto-restart"));
        let _ = boot.pause(RESTART_AFTER);
    }
    if shared.ending.load(Ordering::SeqCst) {
        return;
    }
    boot.enter(("deactivating", "stop"));
    if units::component(unit).0 == "database" {
        database::stop(&boot);
    }
    report(unit, boot.fall());
    *shared.record().counts.stops.entry((unit.to_owned(), boot.machine.address().to_owned())).or_default() +=
        1;
    boot.say("Stopped.");
    boot.enter(("inactive", "dead"));
}

/// One unit on one machine.
pub(super) struct Boot<'a> {
    pub(super) shared: &'a Shared,
    pub(super) unit: &'a str,
    pub(super) machine: &'a Machine,
    /// The machine's number.
    pub(super) number: usize,
    progress: &'a Progress,
}

impl Boot<'_> {
    /// One start. It returns only with an error, at the latest when the unit is stopped.
    fn once(&self) -> Result<()> {
        let (component, number) = units::component(self.unit);
        self.enter(("activating", "start-pre"));
        self.say(&format!("Starting deis-{component}..."));
        self.pause(self.delay())?;
        // A gateway's container runs before it is known whether it answers.
        if component != "store-gateway" {
            self.may_go_on(("activating", "start-pre"))?;
        }
        match component {
            "store-monitor" => store::monitor(self),
            "store-daemon" => store::daemon(self),
            "store-metadata" => store::metadata(self),
            "store-gateway" => store::gateway(self, number.unwrap_or(1)),
            "store-volume" => store::volume(self),
            "database" => database::run(self),
            "controller" => controller::run(self),
            _ => platform::run(self, component),
        }
    }

    /// What ends with the unit, however it ends.
    fn fall(&self) -> Result<()> {
        self.machine.remove_container(&units::container(self.unit))?;
        match units::component(self.unit).0 {
            "store-volume" => self.machine.host().unmount(),
            "database" => {
                lock(&self.shared.database).server = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn site(&self) -> &Site {
        &self.shared.site
    }

    pub(super) fn etcd(&self) -> &Client {
        &self.shared.site.etcd
    }

    pub(super) fn delay(&self) -> Duration {
        self.shared.site.options.delay
    }

    /// Writes into the unit's journal.
    pub(super) fn say(&self, message: &str) {
        self.machine.say(self.unit, message);
    }

    /// Enters a state, which the agent publishes.
    pub(super) fn enter(&self, state: State) {
        *lock(&self.progress.state) = state;
    }

    /// The container runs, and so does the unit.
    pub(super) fn running(&self) -> Result<()> {
        self.machine.run_container(&units::container(self.unit))?;
        self.enter(("active", "running"));
        self.say(&format!("Started {}.", units::container(self.unit)));
        Ok(())
    }

    /// Holds the unit as long as a fault wants that, in this state if it is stuck.
    pub(super) fn may_go_on(&self, state: State) -> Result<()> {
        let address = |fault: &Fault| match fault {
            Fault::Stuck { unit, address } => self.is(unit, address).then_some(state),
            Fault::Fails { unit, address } => self.is(unit, address).then_some(("failed", "failed")),
            _ => None,
        };
        let mut said = None;
        while let Some(state) = self.shared.find_fault(address) {
            self.enter(state);
            if said.replace(state) != Some(state) {
                self.say(&match state.0 {
                    "failed" => format!("{}: cannot go on, the disk is broken", self.unit),
                    _ => format!("{}: waiting for a lock that never comes...", self.unit),
                });
            }
            self.pause(STEP)?;
        }
        self.enter(state);
        Ok(())
    }

    /// Waits until something is so, and says each second that it waits.
    pub(super) fn until(&self, what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
        let mut said: Option<Instant> = None;
        while !is_so()? {
            if said.is_none_or(|time| time.elapsed() > Duration::from_secs(1)) {
                self.say(&format!("waiting for {what}..."));
                said = Some(Instant::now());
            }
            self.go_on()?;
            self.pause(STEP)?;
        }
        Ok(())
    }

    /// Waits until all these keys are there, and returns their values.
    pub(super) fn values<const N: usize>(&self, keys: [&str; N]) -> Result<[String; N]> {
        let mut found = keys.map(|_| String::new());
        self.until(&keys.join(", "), || {
            for (key, place) in keys.iter().zip(&mut found) {
                let Some(value) = self.etcd().value(key)? else { return Ok(false) };
                *place = value;
            }
            Ok(true)
        })?;
        Ok(found)
    }

    /// Waits for the store's gateway and keys, and for the name of a bucket; makes that bucket, and says whether that worked.
    pub(super) fn bucket(&self, key: &str) -> Result<(Store, Result<()>)> {
        let [access_key, secret_key, host, port, bucket] = self.values([
            "/deis/store/gateway/accessKey",
            "/deis/store/gateway/secretKey",
            "/deis/store/gateway/host",
            "/deis/store/gateway/port",
            key,
        ])?;
        let gateway = format!("{host}:{port}");
        let made = buckets::make_one(&bucket, &gateway, &access_key, &secret_key);
        Ok((Store { gateway, access_key, secret_key, bucket }, made))
    }

    /// Writes each key that is not there yet.
    pub(super) fn defaults(&self, keys: &[(&str, &str)]) -> Result<()> {
        for (key, value) in keys {
            self.etcd().create(key, value)?;
        }
        Ok(())
    }

    /// Publishes keys with a time to live until the unit stops or fails.
    pub(super) fn publish(&self, keys: &[(String, String)]) -> Result<()> {
        loop {
            for (key, value) in keys {
                self.etcd().set_for(key, value, self.ttl())?;
            }
            self.pause(self.refresh())?;
        }
    }

    /// The time to live of published keys, in seconds.
    pub(super) fn ttl(&self) -> u64 {
        self.shared.site.options.ttl_seconds
    }

    /// The time between two publications.
    pub(super) fn refresh(&self) -> Duration {
        Duration::from_millis(self.ttl() * 500)
    }

    /// Waits. Returns an error when the unit is stopped meanwhile, or when it runs and has to fail.
    pub(super) fn pause(&self, time: Duration) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < time {
            self.go_on()?;
            std::thread::sleep(STEP.min(time));
        }
        self.go_on()
    }

    /// An error when the unit is stopped, or when it runs and has to fail.
    pub(super) fn go_on(&self) -> Result<()> {
        if self.stopped() {
            return Err(Error::new("Stopping"));
        }
        let fails = |fault: &Fault| match fault {
            Fault::Fails { unit, address } => self.is(unit, address).then_some(()),
            _ => None,
        };
        if *lock(&self.progress.state) == ("active", "running") && self.shared.find_fault(fails).is_some() {
            return Err(Error::new("cannot go on, the disk is broken"));
        }
        Ok(())
    }

    fn stopped(&self) -> bool {
        self.progress.stop.load(Ordering::SeqCst) || self.shared.ending.load(Ordering::SeqCst)
    }

    fn is(&self, unit: &str, address: &str) -> bool {
        unit == self.unit && address == self.machine.address()
    }
}
