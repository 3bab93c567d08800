//! The loop of the agent: it reads the jobs, starts and stops units as they say, and publishes their states.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::boot;
use super::fleet::{self, Job, State};
use super::requests;
use super::shared::{Shared, lock, report};
use super::units;
use crate::error::Result;

const EVERY: Duration = Duration::from_millis(100);
/// The time between two publications of a state that does not change.
const REFRESH_EVERY: Duration = Duration::from_secs(10);
const LOADED: State = ("inactive", "dead");

/// A unit on a machine.
struct Instance {
    job: Job,
    machine: usize,
    /// Its thread, while it is launched or stops.
    run: Option<Run>,
    published: Option<(State, Instant)>,
}

struct Run {
    progress: Arc<boot::Progress>,
    thread: JoinHandle<()>,
}

/// Watches until the agent ends. Then all units end, too.
pub(super) fn watch(shared: &Arc<Shared>) {
    let mut watcher = Watcher::default();
    while !shared.ending.load(Ordering::SeqCst) {
        report("watch", watcher.look(shared));
        watcher.requests.extend(requests::accept(shared));
        std::thread::sleep(EVERY);
    }
    let runs = watcher.instances.into_values().filter_map(|instance| instance.run);
    for thread in runs.map(|run| run.thread).chain(watcher.requests) {
        let _ = thread.join();
    }
    lock(&shared.database).server = None;
    lock(&shared.gateways).clear();
}

#[derive(Default)]
struct Watcher {
    instances: BTreeMap<(String, usize), Instance>,
    texts: BTreeMap<String, String>,
    machines_published: Option<Instant>,
    requests: Vec<JoinHandle<()>>,
}

impl Watcher {
    fn look(&mut self, shared: &Arc<Shared>) -> Result<()> {
        let etcd = &shared.site.etcd;
        if self.machines_published.is_none_or(|time| time.elapsed() > REFRESH_EVERY) {
            for machine in &shared.site.machines {
                fleet::publish_machine(etcd, machine)?;
            }
            self.machines_published = Some(Instant::now());
        }
        let jobs = fleet::jobs(etcd)?;
        if jobs.iter().any(|job| !self.texts.contains_key(&job.hash)) {
            self.texts = fleet::texts(etcd)?;
        }
        let wanted = self.wanted(shared, &jobs)?;
        self.remove(shared, &wanted)?;
        for (job, machine) in wanted {
            let key = (job.name.clone(), machine);
            let instance = self.instances.entry(key).or_insert_with(|| Instance {
                job: job.clone(),
                machine,
                run: None,
                published: None,
            });
            instance.job = job;
            instance.follow(shared)?;
        }
        Ok(())
    }

    /// The machines on which each job shall be. Schedules those that are not yet on one.
    fn wanted(&self, shared: &Shared, jobs: &[Job]) -> Result<Vec<(Job, usize)>> {
        let machines = &shared.site.machines;
        let (mut wanted, mut scheduled) = (Vec::new(), false);
        for job in jobs.iter().filter(|job| matches!(job.target_state.as_str(), "loaded" | "launched")) {
            let Some(text) = self.texts.get(&job.hash) else { continue };
            if units::is_global(text) {
                wanted.extend((0..machines.len()).map(|machine| (job.clone(), machine)));
                continue;
            }
            let at =
                |job: &Job| machines.iter().position(|machine| Some(machine.id()) == job.target.as_deref());
            if let Some(machine) = at(job) {
                wanted.push((job.clone(), machine));
            } else if !scheduled {
                let component = units::component(&job.name);
                let conflicts =
                    |other: &&Job| component.1.is_some() && units::component(&other.name).0 == component.0;
                let taken: Vec<usize> = jobs.iter().filter(conflicts).filter_map(at).collect();
                // One at a look, so that two jobs do not get one machine.
                if let Some(machine) = units::place(&job.name, machines.len(), &taken) {
                    fleet::schedule(&shared.site.etcd, &job.name, &machines[machine])?;
                    scheduled = true;
                }
            }
        }
        Ok(wanted)
    }

    /// Ends the instances that are wanted no more.
    fn remove(&mut self, shared: &Shared, wanted: &[(Job, usize)]) -> Result<()> {
        let stays = |(name, machine): &(String, usize)| {
            wanted.iter().any(|(job, on)| job.name == *name && on == machine)
        };
        let gone: Vec<_> = self.instances.keys().filter(|key| !stays(key)).cloned().collect();
        for key in gone {
            if let Some(mut instance) = self.instances.remove(&key)
                && !instance.stop()
            {
                // It is looked at again until it has stopped.
                self.instances.insert(key, instance);
                continue;
            }
            let others = self.instances.keys().any(|(name, _)| *name == key.0);
            if !others {
                fleet::remove_states(&shared.site.etcd, &key.0)?;
            }
        }
        Ok(())
    }
}

impl Instance {
    /// Starts or stops the unit as its job says, and publishes its state.
    fn follow(&mut self, shared: &Arc<Shared>) -> Result<()> {
        let site = &shared.site;
        let (machine, global) = (&site.machines[self.machine], self.job.target.is_none());
        if self.job.target_state == "launched" {
            if self.run.is_none() {
                self.run = Some(launch(shared, &self.job, self.machine));
            }
        } else if self.run.is_some() && self.stop() && !global {
            fleet::stop_beating(&site.etcd, &self.job.name)?;
        }
        let state = self.run.as_ref().map_or(LOADED, |run| *lock(&run.progress.state));
        let fresh = self.published.is_some_and(|(old, time)| old == state && time.elapsed() < REFRESH_EVERY);
        if !fresh {
            fleet::publish_state(&site.etcd, &self.job.name, &self.job.hash, machine, state)?;
            if !global && self.run.is_some() && self.job.target_state == "launched" {
                fleet::beat(&site.etcd, &self.job.name, machine)?;
            }
            if self.published.is_none_or(|(old, _)| old != state) {
                shared.event(format!("{} {} {}", state.1, self.job.name, machine.address()));
            }
            self.published = Some((state, Instant::now()));
        }
        Ok(())
    }

    /// Tells a running unit to stop. Tells whether it has stopped.
    fn stop(&mut self) -> bool {
        let Some(run) = &self.run else { return true };
        run.progress.stop.store(true, Ordering::SeqCst);
        if !run.thread.is_finished() {
            return false;
        }
        if let Some(run) = self.run.take() {
            let _ = run.thread.join();
        }
        true
    }
}

fn launch(shared: &Arc<Shared>, job: &Job, machine: usize) -> Run {
    let place = (job.name.clone(), shared.site.machines[machine].address().to_owned());
    *shared.record().counts.starts.entry(place).or_default() += 1;
    let progress = Arc::new(boot::Progress {
        state: std::sync::Mutex::new(("activating", "start-pre")),
        stop: AtomicBool::new(false),
    });
    let (shared, unit, seen) = (Arc::clone(shared), job.name.clone(), Arc::clone(&progress));
    let thread = std::thread::spawn(move || boot::run(&shared, &unit, machine, &seen));
    Run { progress, thread }
}
