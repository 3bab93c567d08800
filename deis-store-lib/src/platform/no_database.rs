//! The guard before the platform starts: no database runs, and none was left on a machine. One that was left would be started
//! instead of the one that was restored.

use super::database::INIT_ID;
use super::record::STARTED;
use super::stage::Stage;
use super::unit_names::DATABASE;
use crate::cluster::docker;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::fleet::Machine;

const DATA: &str = "deis-database-data";

/// All that stands in the way of a database that this restore has not started yet.
pub(super) async fn obstacles(stage: &Stage<'_>) -> Result<Vec<Error>> {
    let units = stage.fleet.read().await?;
    let mut obstacles = Vec::new();
    if units.is_launched(DATABASE) || units.is_active(DATABASE) {
        let what = "the database is started: it would not take what is restored, and write into its bucket meanwhile";
        let todo = "restore onto a new cluster; if this is one, stop it (deisctl stop database) and remove its data as below";
        obstacles.push(Error::new(ErrorKind::Guard, what).at(At::Unit, DATABASE).todo(todo));
    }
    let eligible = units.eligible(DATABASE);
    let machines: Vec<Machine> =
        if eligible.is_empty() { units.machines().to_vec() } else { eligible.into_iter().cloned().collect() };
    for machine in &machines {
        match has_data(stage, &machine.address).await {
            Ok(false) => {}
            Ok(true) => {
                let what = format!(
                    "a container {DATA} of another database is on this machine, and would be started instead of the restored one"
                );
                let todo = format!("if nobody needs it, remove it there: docker rm -v {DATA}");
                obstacles.push(Error::new(ErrorKind::Guard, what).at(At::Host, &machine.address).todo(todo));
            }
            Err(error) => obstacles.push(error),
        }
    }
    Ok(obstacles)
}

/// Whether this restore has started the database before: it was to be started, and has come as far as saying which one it is, or
/// is still to run.
pub(super) async fn was_started(stage: &Stage<'_>) -> Result<bool> {
    if !stage.record.has(STARTED) {
        return Ok(false);
    }
    if stage.fleet.read().await?.is_launched(DATABASE) {
        return Ok(true);
    }
    let now = stage.text(INIT_ID).await?;
    Ok(now.is_some() && now.as_deref() != stage.record.database_before())
}

/// Whether a machine has the data of a database.
async fn has_data(stage: &Stage<'_>, address: &str) -> Result<bool> {
    let todo = "it is not known whether a database is left there: let us log in to it, or look yourself and take it out of fleet";
    let host = stage.host(address).await.at(At::Host, address).todo(todo)?;
    docker::exists(&*host, DATA).await
}
