//! Starts the units of a step, and waits until they run on every machine and the facts are there that say so.
//!
//! Not even that a unit runs is believed: the store's components are ready when they have written what they write then.

use std::time::Duration;

use tokio::time::Instant;

use super::facts;
use super::stage::Stage;
use super::step::StepName;
use super::unit_names::{for_deisctl, started_by};
use super::wait::{Seen, Waiting, until};
use crate::error::{At, Error, ErrorKind, Result};
use crate::fleet::{Health, Machine, Target, Units};

/// systemd restarts what fails: a unit that stays failed for this long was given up.
const GIVEN_UP_AFTER: Duration = Duration::from_secs(10);

const GOES_ON: &str = "mend it, then run it again: it goes on from here";

/// What would be started, for people; and whether all of it runs.
pub(super) async fn look(stage: &Stage<'_>, step: StepName) -> Result<(bool, String)> {
    let units = stage.fleet.read().await?;
    let own = started_by(step, &units);
    let waiting: Vec<&str> =
        own.iter().filter(|unit| !is_running(&units, unit)).map(String::as_str).collect();
    if !waiting.is_empty() {
        return Ok((false, format!("start {}", waiting.join(", "))));
    }
    Ok(match facts::missing(stage, step, &units).await? {
        None => (true, format!("{} runs", own.join(", "))),
        Some(why) => (false, format!("wait: {why}")),
    })
}

/// Starts what does not run, and waits for it. Whether anything was started.
pub(super) async fn go(stage: &Stage<'_>, step: StepName) -> Result<(bool, String)> {
    let units = stage.fleet.read().await?;
    let own = started_by(step, &units);
    let mut started = false;
    for unit in own.iter().filter(|unit| !units.is_launched(unit)) {
        stage.fleet.set(unit, Target::Launched).await?;
        started = true;
    }
    for unit in &own {
        wait_for(stage, unit).await?;
    }
    let what = own.join(", ");
    let ready = until((&what, stage.wait), stage.run, || facts_of(stage, step));
    if let Err(error) = ready.await {
        return Err(diagnosed(stage, error, &own).await);
    }
    facts::prove(stage, step).await.map_err(|error| error.todo(GOES_ON))?;
    Ok((started, if started { format!("started {what}") } else { format!("{what} ran") }))
}

fn is_running(units: &Units, unit: &str) -> bool {
    units.is_launched(unit) && units.health(unit) == Health::Running
}

async fn facts_of(stage: &Stage<'_>, step: StepName) -> Result<Seen<()>> {
    let units = stage.fleet.read().await?;
    Ok(facts::missing(stage, step, &units).await?.map_or(Seen::Ready(()), Seen::NotYet))
}

/// Waits until a unit runs wherever it should.
async fn wait_for(stage: &Stage<'_>, unit: &str) -> Result<()> {
    let mut failed_since: Option<Instant> = None;
    let mut waiting = Waiting::new(unit, stage.wait, stage.run);
    loop {
        let health = stage.fleet.read().await.map(|units| units.health(unit));
        if !matches!(health, Ok(Health::Failed(_))) {
            failed_since = None;
        }
        let seen = health.map(|health| match health {
            Health::Running => Seen::Ready(()),
            Health::Waiting(why) => Seen::NotYet(why),
            Health::Failed(why) => {
                if failed_since.get_or_insert_with(Instant::now).elapsed() < GIVEN_UP_AFTER {
                    Seen::NotYet(why)
                } else {
                    let name = for_deisctl(unit);
                    let todo = format!("mend its cause, and start it anew: deisctl restart {name}");
                    Seen::Never(
                        Error::new(ErrorKind::NotReady, format!("a unit has failed: {why}")).todo(todo),
                    )
                }
            }
        });
        match waiting.after(seen).await {
            Ok(None) => {}
            Ok(Some(())) => return Ok(()),
            Err(error) => return Err(diagnosed(stage, error, &[unit.to_owned()]).await),
        }
    }
}

/// An error with what the units say where they do not run, or everywhere if they do.
async fn diagnosed(stage: &Stage<'_>, error: Error, units: &[String]) -> Error {
    if error.kind() != ErrorKind::NotReady {
        return error;
    }
    let now = stage.fleet.read().await.unwrap_or_default();
    let mut text = error.what();
    let mut culprit = None;
    for unit in units {
        let silent: Vec<Machine> = now.not_running_on(unit).into_iter().cloned().collect();
        if !silent.is_empty() {
            culprit = culprit.or(Some(unit));
            text.push_str(&stage.journals(unit, &silent).await);
        }
    }
    if let (None, Some(unit)) = (culprit, units.first()) {
        let all: Vec<Machine> = now.machines_of(unit).into_iter().cloned().collect();
        text.push_str(&stage.journals(unit, &all).await);
    }
    let unit = culprit.or(units.first()).map_or("", String::as_str);
    let advice = error.advice().map_or_else(|| GOES_ON.to_owned(), |advice| format!("{advice}; {GOES_ON}"));
    Error::new(ErrorKind::NotReady, text).at(At::Unit, unit).todo(advice)
}
