//! What programs on the machines ask of the agent: `deisctl`, and WAL-E beside the database.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::fault::Fault;
use super::fleet;
use super::shared::{Shared, report};
use super::{database, units};
use crate::error::{Context, Error, Result};

/// How long `deisctl` waits here for units that are to be loaded; the real one waits without end.
const LOAD_LIMIT: Duration = Duration::from_secs(10);

/// The answer of a program.
#[derive(Debug, Default)]
struct Answer {
    status: u8,
    output: String,
    errors: String,
}

/// Takes all new requests, each in a thread of its own.
pub(super) fn accept(shared: &Arc<Shared>) -> Vec<JoinHandle<()>> {
    let directories = shared.site.machines.iter().filter_map(|machine| fs::read_dir(machine.requests()).ok());
    let places = directories.flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let new = places
        .filter(|place| place.extension().is_some_and(|end| end == "asked") && !place.join("taken").exists());
    let start = |place: PathBuf| {
        report("request", fs::write(place.join("taken"), "").context(place.display()));
        let shared = Arc::clone(shared);
        std::thread::spawn(move || report("request", answer(&shared, &place)))
    };
    new.map(start).collect()
}

fn answer(shared: &Shared, place: &Path) -> Result<()> {
    let words = fs::read_to_string(place.join("words")).context(place.display())?;
    let words: Vec<&str> = words.lines().collect();
    let answer = match words[..] {
        ["deisctl", ref words @ ..] => deisctl(shared, words),
        ["wal-e", ref words @ ..] => wal_e(shared, words),
        _ => Err(Error::new("command not found")),
    };
    let answer = answer.unwrap_or_else(|error| Answer {
        status: 1,
        errors: format!("{error}\n"),
        ..Answer::default()
    });
    for (name, text) in
        [("output", answer.output), ("errors", answer.errors), ("status.new", answer.status.to_string())]
    {
        fs::write(place.join(name), text).context(place.display())?;
    }
    fs::rename(place.join("status.new"), place.join("status")).context(place.display())
}

/// `deisctl`, whose exit status says little.
fn deisctl(shared: &Shared, words: &[&str]) -> Result<Answer> {
    let etcd = &shared.site.etcd;
    let words: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with('-')).collect();
    match words[..] {
        ["install", "platform"] => {
            if etcd.value("/deis/platform/domain")?.is_none() {
                let output = "Error: Missing platform domain, use:\ndeisctl config platform set domain=<your-domain>\n";
                return Ok(Answer { status: 1, output: output.to_owned(), ..Answer::default() });
            }
            shared.record().counts.installs += u32::from(!shared.is_faulty(&Fault::DeisctlFails));
            install(shared, &units::platform(shared.site.options.release))
        }
        ["install", ref targets @ ..] if !targets.is_empty() => install(shared, &names(targets)),
        ["start", ref targets @ ..] => set_target(shared, &names(targets), "launched"),
        ["stop", ref targets @ ..] => set_target(shared, &names(targets), "loaded"),
        ["scale", target] => scale(shared, target),
        [] => Ok(said(format!("{}\n", shared.site.options.release.to_string().trim_start_matches('v')))),
        _ => Ok(Answer { status: 1, errors: "Found no matching command\n".to_owned(), ..Answer::default() }),
    }
}

fn install(shared: &Shared, names: &[String]) -> Result<Answer> {
    if shared.is_faulty(&Fault::DeisctlFails) {
        let errors = "Error creating: timed out while waiting for etcd\n".to_owned();
        return Ok(Answer { errors, ..Answer::default() });
    }
    units::install(shared, names)?;
    let begun = Instant::now();
    let mut output = String::new();
    for name in names {
        while fleet::states(&shared.site.etcd, name)?.is_empty() && begun.elapsed() < LOAD_LIMIT {
            std::thread::sleep(Duration::from_millis(50));
        }
        output += &format!("{name}: loaded\n");
    }
    Ok(said(output))
}

fn set_target(shared: &Shared, names: &[String], state: &str) -> Result<Answer> {
    let mut answer = Answer::default();
    for name in names {
        if fleet::states(&shared.site.etcd, name)?.is_empty() {
            answer.errors += &format!("Could not find unit: {name}\n");
        } else {
            shared.site.etcd.set(&fleet::key(&format!("job/{name}/target-state")), state)?;
        }
    }
    Ok(answer)
}

/// `scale COMPONENT=N`: makes and starts the missing units, or removes those of the highest numbers.
fn scale(shared: &Shared, target: &str) -> Result<Answer> {
    let (component, wanted) = target.split_once('=').ok_or_else(|| Error::new("Could not parse"))?;
    let wanted: usize = wanted.parse().context(target)?;
    let jobs = fleet::jobs(&shared.site.etcd)?;
    let numbers: Vec<usize> = jobs
        .iter()
        .map(|job| units::component(&job.name))
        .filter(|(of, _)| *of == component)
        .filter_map(|(_, number)| number)
        .collect();
    let name = |number: usize| format!("deis-{component}@{number}.service");
    let highest = numbers.iter().copied().max().unwrap_or(0);
    let new: Vec<String> = (highest + 1..=wanted).map(name).collect();
    units::install(shared, &new)?;
    for unit in new {
        shared.site.etcd.set(&fleet::key(&format!("job/{unit}/target-state")), "launched")?;
    }
    for number in numbers.into_iter().filter(|number| *number > wanted) {
        shared.site.etcd.remove(&fleet::key(&format!("job/{}", name(number))))?;
    }
    Ok(Answer::default())
}

fn names(targets: &[&str]) -> Vec<String> {
    targets.iter().map(|target| format!("deis-{}.service", target.trim_end_matches(".service"))).collect()
}

/// WAL-E beside the database.
fn wal_e(shared: &Shared, words: &[&str]) -> Result<Answer> {
    let words: Vec<&str> = words.iter().copied().filter(|word| *word != "--terse").collect();
    if words.first() != Some(&"backup-push") {
        return database::ask(shared, &words).map(said);
    }
    database::push(shared)?;
    shared.record().counts.base_backups += 1;
    shared.event("base backup".to_owned());
    Ok(Answer::default())
}

fn said(output: String) -> Answer {
    Answer { output, ..Answer::default() }
}
