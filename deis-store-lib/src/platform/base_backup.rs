//! The step that has the database push a base backup, so that the new cluster does not depend on the log of the old one.

use super::latest;
use super::stage::Stage;
use super::unit_names::DATABASE;
use super::wait::{Seen, until};
use crate::cluster::docker;
use crate::error::{At, Error, ErrorKind, Result};
use crate::remote::{connection_broke, run_long};

/// The command of Deis' own loop of backups.
const PUSH: [&str; 10] = [
    "exec",
    "deis-database",
    "sudo",
    "-u",
    "postgres",
    "envdir",
    "/etc/wal-e.d/env",
    "wal-e",
    "backup-push",
    "/var/lib/postgresql/9.3/main",
];

/// Whether there is one, and what is said of it.
pub(super) async fn look(stage: &Stage<'_>) -> Result<(bool, String)> {
    let now = latest::now(stage).await?;
    Ok(if latest::is_of_snapshot(stage, &now)? {
        (false, "push a base backup".to_owned())
    } else {
        (true, format!("LATEST is {now}"))
    })
}

/// Has one pushed, and looks for it in the bucket.
pub(super) async fn go(stage: &Stage<'_>) -> Result<(bool, String)> {
    let (there, what) = look(stage).await?;
    if there {
        return Ok((false, what));
    }
    let machine = stage.machine_of(DATABASE).await?;
    let host = stage.host(&machine.address).await?;
    let command = docker::command(&*host, &PUSH).await?;
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let failed = |error: Error| {
        error.at(At::Host, &machine.address).todo("look at the database's journal (deisctl journal database), then run this again: it goes on from here")
    };
    match run_long(&*host, &words).await {
        Ok(output) => drop(output.exit.require_success(ErrorKind::NotReady, host.host()).map_err(failed)?),
        // It may go on there: whether it does is seen in the bucket.
        Err(error) if connection_broke(&error) || error.kind() == ErrorKind::Timeout => {}
        Err(error) => return Err(failed(error)),
    }
    let seen = until(("the base backup", stage.wait), stage.run, || async {
        let (there, what) = look(stage).await?;
        Ok(if there {
            Seen::Ready(what)
        } else {
            Seen::NotYet("it was pushed, and is not listed as the latest".to_owned())
        })
    });
    seen.await.map(|what| (true, what)).map_err(failed)
}
