//! The step that has deisctl install the platform's units, where a deisctl is found.
//!
//! deisctl ends with 0 whatever happens, so that the units themselves are looked for afterwards. We submit none ourselves:
//! their texts are deisctl's, and differ from release to release.

use super::stage::Stage;
use super::unit_names::{for_deisctl, launched, missing};
use super::wait::{Seen, until};
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::remote::{Local, Remote, ask, run_within};

const INSTALL: &str = "deisctl install platform";

/// What would be done, for people, and whether it is done; what stands in its way.
pub(super) async fn look(stage: &Stage<'_>, obstacles: &mut Vec<Error>) -> Result<(bool, String)> {
    let units = stage.fleet.read().await?;
    let missing = missing(&units);
    if missing.is_empty() {
        return Ok((true, "all units are installed".to_owned()));
    }
    let launched = launched(&units);
    if !launched.is_empty() {
        obstacles.push(some_run(&missing, &launched));
        return Ok((false, format!("install {}", missing.join(", "))));
    }
    if stage.text("/deis/platform/domain").await?.is_none_or(|domain| domain.is_empty()) {
        obstacles.push(without_domain(stage));
    }
    if let Some(deisctl) = deisctl(stage).await? {
        return Ok((false, format!("{INSTALL} {}: {}", deisctl.place, missing.join(", "))));
    }
    obstacles.push(without_deisctl(&missing));
    Ok((false, format!("install {}", missing.join(", "))))
}

/// Has what is missing installed.
pub(super) async fn go(stage: &Stage<'_>) -> Result<(bool, String)> {
    let units = stage.fleet.read().await?;
    let before = missing(&units);
    if before.is_empty() {
        return Ok((false, "all units were installed".to_owned()));
    }
    let launched = launched(&units);
    if !launched.is_empty() {
        return Err(some_run(&before, &launched));
    }
    let deisctl = deisctl(stage).await?.ok_or_else(|| without_deisctl(&before))?;
    let words: Vec<&str> = deisctl.words.iter().map(String::as_str).chain(["install", "platform"]).collect();
    // It waits without a limit of its own.
    let said = match run_within(stage.wait, &*deisctl.on, &words).await {
        Ok(output) => {
            let said = [&output.stdout[..], output.exit.stderr.as_bytes()].concat();
            printable(String::from_utf8_lossy(&said).trim().lines().last().unwrap_or_default())
        }
        Err(error) if error.kind() == ErrorKind::Timeout => error.what(),
        Err(error) => return Err(error),
    };
    let installed = until(("the installation", stage.wait.min(SETTLED)), stage.run, || async {
        let missing = missing(&stage.fleet.read().await?);
        Ok(if missing.is_empty() {
            Seen::Ready(())
        } else {
            Seen::NotYet(format!("{} not there", missing.join(", ")))
        })
    });
    installed.await.map_err(|error| {
        let text = format!(
            "`{INSTALL}` {} did not install all units: {}; it said: {said}",
            deisctl.place,
            error.what()
        );
        Error::new(ErrorKind::NotReady, text)
            .todo(format!("run `{INSTALL}` by hand, then run this again: it goes on from here"))
    })?;
    Ok((true, format!("`{INSTALL}` {} installed {}", deisctl.place, before.join(", "))))
}

/// How long units may take to be seen after deisctl has ended.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(30);

/// A deisctl, with what it needs to be told.
struct Deisctl {
    on: std::sync::Arc<dyn Remote>,
    words: Vec<String>,
    place: String,
}

/// The deisctl on the host, else the one on this machine.
async fn deisctl(stage: &Stage<'_>) -> Result<Option<Deisctl>> {
    let host = stage.cluster.host.clone();
    let words = vec!["deisctl".to_owned()];
    let there = match ask(&*host, &["deisctl", "--version"]).await {
        // On this machine the program itself cannot be started.
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        output => output?.exit.success(),
    };
    if there {
        let place = format!("on {}", host.host());
        return Ok(Some(Deisctl { on: host, words, place }));
    }
    if !stage.cluster.is_tunnelled() {
        return Ok(None);
    }
    let here = Local::default();
    // It logs in as core by itself.
    let tunnel = format!("DEISCTL_TUNNEL={}", host.host().rsplit('@').next().unwrap_or_default());
    Ok(match ask(&here, &["deisctl", "--version"]).await {
        Ok(output) if output.exit.success() => Some(Deisctl {
            on: std::sync::Arc::new(here),
            words: [vec!["env".to_owned(), tunnel], words].concat(),
            place: "on this machine".to_owned(),
        }),
        _ => None,
    })
}

/// deisctl sets the target of units that are there to `loaded`, which stops those that run.
fn some_run(missing: &[String], launched: &[String]) -> Error {
    let what = format!(
        "units are not installed: {}; others are started ({}), and `{INSTALL}` would stop these",
        missing.join(", "),
        launched.join(", ")
    );
    let names: Vec<&str> = missing.iter().map(|unit| for_deisctl(unit)).collect();
    Error::new(ErrorKind::Guard, what)
        .todo(format!("install them alone: deisctl install {}; then run this again", names.join(" ")))
}

fn without_deisctl(missing: &[String]) -> Error {
    Error::new(ErrorKind::NotReady, format!("units are not installed: {}", missing.join(", "))).todo(format!(
        "run `{INSTALL}` where deisctl is, with the release's unit files (deisctl refresh-units); then run this again"
    ))
}

fn without_domain(stage: &Stage<'_>) -> Error {
    let old = stage.configuration.and_then(|configuration| configuration.text("/deis/platform/domain"));
    let was = old.map_or(String::new(), |domain| format!("; the snapshot's was {}", printable(domain)));
    Error::new(ErrorKind::NotReady, format!("the platform has no domain yet{was}"))
        .at(At::Key, "/deis/platform/domain")
        .todo("set it: deisctl config platform set domain=DOMAIN")
}
