//! Brings a Deis platform up around its data, step by step, each proved by facts: what fleet says of every machine, what
//! components write into etcd, what gateways and the database answer.
//!
//! Each step looks before it acts and is looked at afterwards, so that it can be gone again. No exit status is believed. This
//! module knows units, hosts and the database, and does not know how a part of a snapshot is restored.

mod base_backup;
mod body_size;
mod controller;
mod database;
mod facts;
mod gateways;
mod install;
mod latest;
mod launch;
mod left;
mod lock;
mod no_database;
mod record;
mod settings;
mod stage;
mod step;
mod unit_names;
mod version;
mod wait;

use std::time::Instant;

use serde::Serialize;

use crate::error::{At, Error, Result};
use crate::run::{TaskKind, TaskResult, milliseconds};

pub use gateways::ScaledGateways;
pub use step::StepName;

pub(crate) use body_size::{put_back, raise};
pub(crate) use gateways::put_back_left;
pub(crate) use latest::{listed, named};
pub(crate) use lock::Lock;
pub(crate) use stage::Stage;
pub(crate) use version::Version;

/// That the logger was started by a restore: what is in the volume is then no longer what was unpacked.
pub(crate) const LOGGING: &str = "logging";

/// A step, as it is before anything is done.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlannedStep {
    /// Which one.
    pub name: StepName,
    /// Whether there is nothing to do any more.
    pub done: bool,
    /// What it would do, or has found done; for people.
    pub does: String,
}

/// A step that was gone.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DoneStep {
    /// Which one.
    pub name: StepName,
    /// Whether it had nothing to do.
    pub already: bool,
    /// What was done and seen; for people.
    pub did: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// Which part of it is gone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent {
    /// The first step.
    pub(crate) from: Option<StepName>,
    /// Whether the data are restored between the steps.
    pub(crate) with_data: bool,
}

/// The steps in order, with what each would do, and what stands in the way.
pub(crate) async fn plan(
    stage: &Stage<'_>,
    extent: Extent,
    obstacles: &mut Vec<Error>,
) -> Result<Vec<PlannedStep>> {
    let mut steps = Vec::new();
    for name in names(stage, extent) {
        let (done, does) = look(stage, name, obstacles).await?;
        steps.push(PlannedStep { name, done, does });
    }
    Ok(steps)
}

fn names(stage: &Stage<'_>, extent: Extent) -> impl Iterator<Item = StepName> + use<> {
    let behind_router = stage.cluster.is_behind_router();
    StepName::ALL.into_iter().filter(move |name| {
        extent.from.is_none_or(|from| *name >= from)
            && (*name != StepName::Data || extent.with_data)
            && (*name != StepName::Router || behind_router)
    })
}

async fn look(stage: &Stage<'_>, name: StepName, obstacles: &mut Vec<Error>) -> Result<(bool, String)> {
    Ok(match name {
        StepName::Units => install::look(stage, obstacles).await?,
        StepName::StoreSettings => settings::look(stage).await?,
        StepName::Data => (false, "restore the parts of the snapshot".to_owned()),
        StepName::Latest => (false, format!("see that LATEST is {}", latest::meant(stage)?)),
        StepName::NoDatabase => {
            let started = no_database::was_started(stage).await?;
            let found = if started { Vec::new() } else { no_database::obstacles(stage).await? };
            let done = found.is_empty();
            obstacles.extend(found);
            (done, "no database runs, and none is left on a machine".to_owned())
        }
        StepName::Database => {
            (false, "see that the database came back from LATEST, and was not made anew".to_owned())
        }
        StepName::Controller => (
            false,
            "have the controller write its applications, domains and keys into etcd, and count them"
                .to_owned(),
        ),
        StepName::BaseBackup => (false, "push a base backup of the new cluster".to_owned()),
        StepName::Left => {
            (false, "say what is left to do by hand: deis scale, for each application".to_owned())
        }
        _ => launch::look(stage, name).await?,
    })
}

/// Whether a logger is started, or is to be: it writes into the volume.
pub(crate) async fn is_logging(stage: &Stage<'_>) -> Result<bool> {
    let units = stage.fleet.read().await?;
    let loggers = unit_names::started_by(StepName::Logger, &units);
    Ok(loggers.iter().any(|unit| units.is_launched(unit) || units.is_active(unit)))
}

/// Waits until the leading gateway is one that lives: the one before may have been taken away.
pub(crate) async fn published(stage: &Stage<'_>) -> Result<()> {
    facts::refreshed(stage, facts::GATEWAY_HOST).await
}

/// Goes one step, but for the data. What is left to do by hand is added to `left`.
pub(crate) async fn go(stage: &mut Stage<'_>, name: StepName, left: &mut Vec<String>) -> Result<DoneStep> {
    let task = stage.run.begin(None, TaskKind::Platform, name.as_str());
    let start = Instant::now();
    let (acted, did) = act(stage, name, left).await.map_err(|error| error.at(At::Step, name))?;
    task.done(TaskResult::Good);
    Ok(DoneStep { name, already: !acted, did, milliseconds: milliseconds(start.elapsed()) })
}

async fn act(stage: &mut Stage<'_>, name: StepName, left: &mut Vec<String>) -> Result<(bool, String)> {
    match name {
        StepName::Units => install::go(stage).await,
        StepName::StoreSettings => settings::go(stage).await,
        StepName::Latest if no_database::was_started(stage).await? => {
            Ok((false, "the database was started before: it has taken it".to_owned()))
        }
        StepName::Latest => Ok((false, latest::check(stage).await?)),
        StepName::NoDatabase => guard(stage).await,
        StepName::Database => Ok((false, database::check(stage).await?)),
        StepName::Logger => {
            // It writes into the volume.
            stage.record.keep(LOGGING).await?;
            launch::go(stage, name).await
        }
        StepName::Controller => controller::go(stage).await,
        StepName::BaseBackup => base_backup::go(stage).await,
        StepName::Left => {
            *left = left::commands(stage).await?;
            stage.record.forget().await?;
            Ok((false, format!("{} applications have processes to start", left.len())))
        }
        StepName::ControlPlane => {
            start_database(stage).await?;
            launch::go(stage, name).await
        }
        _ => launch::go(stage, name).await,
    }
}

/// The guard before the platform starts.
async fn guard(stage: &Stage<'_>) -> Result<(bool, String)> {
    if no_database::was_started(stage).await? {
        return Ok((false, "this restore has started the database before".to_owned()));
    }
    require_no_database(stage).await?;
    Ok((false, "no database runs, and none is left on a machine".to_owned()))
}

async fn require_no_database(stage: &Stage<'_>) -> Result<()> {
    no_database::obstacles(stage).await?.into_iter().next().map_or(Ok(()), Err)
}

/// Directly before the database is started all that it depends on is looked at once more: hours may have passed, and the steps
/// before may have been left out. From then on a database that runs is ours.
async fn start_database(stage: &mut Stage<'_>) -> Result<()> {
    if no_database::was_started(stage).await? {
        return Ok(());
    }
    latest::check(stage).await?;
    require_no_database(stage).await?;
    let before = stage.text(database::INIT_ID).await?.unwrap_or_default();
    stage.record.keep_started(&before).await
}
