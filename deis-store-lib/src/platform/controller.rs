//! The step after which the controller's applications, domains and keys are in etcd, where routers and builder look for them.
//!
//! From 1.11 on the controller writes them when it starts; before, somebody has to save each of them once more. Either way they
//! are counted: a controller that does not reach etcd saves without a word and writes nothing.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::stage::Stage;
use super::unit_names::CONTROLLER;
use super::version::Version;
use super::wait::{Seen, until};
use super::{database, facts};
use crate::cluster::docker;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::remote::{Child, Input, Remote};

const CONTAINER: &str = "deis-controller";

/// More than a command of the controller says.
const MOST_SAID_BYTES: u64 = 1 << 20;

/// What is typed into the controller's shell. The page has all models saved once more; but an application, a domain or a
/// certificate that is not new is saved without being written into etcd, and settings are then deleted there. So the controller's
/// own functions that write are called, as they are for what is new, as far as the release has them. Of an application's settings
/// the latest alone, since the last ones written hold.
const WRITE_ALL: &str = "import api.models as m\n\
def w(name, x):\n    \
    try:\n        \
        getattr(m, name)(instance=x, created=True)\n    \
    except Exception as e:\n        \
        print(name + ': ' + repr(e)[:150])\n\
\n\
[w(f, x) for n, f in (('Key', '_etcd_publish_key'), ('App', '_etcd_create_app'), ('Domain', '_etcd_publish_domains'), ('Certificate', '_etcd_publish_cert')) if hasattr(m, n) and hasattr(m, f) for x in getattr(m, n).objects.all()] and None\n\
[w('_etcd_publish_config', a.config_set.latest()) for a in m.App.objects.all() if hasattr(m, '_etcd_publish_config') and a.config_set.count()] and None\n";

/// That it was typed, and written.
const WRITTEN: &str = "controller";

/// The numbers of what the controller writes into etcd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    apps: u64,
    domains: u64,
    keys: u64,
}

/// Has it written, and counts it.
pub(super) async fn go(stage: &mut Stage<'_>) -> Result<(bool, String)> {
    facts::refreshed(stage, "/deis/controller/host").await?;
    let wanted = wanted(stage).await?;
    // What was typed by half may have the numbers, and lack the rest.
    let is_typed = is_early(stage).await? && !stage.record.has(WRITTEN);
    if !is_typed && found(stage).await?.reaches(wanted) {
        return Ok((false, wanted.beside(wanted)));
    }
    let said = match write(stage).await {
        // It may go on there, for hours in some releases and without a word: whether it does is counted.
        Err(error) if matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unreachable) => error.what(),
        said => said?,
    };
    let counted = {
        let stage = &*stage;
        let seen = || async move {
            let found = found(stage).await?;
            Ok(if found.reaches(wanted) {
                Seen::Ready(found.beside(wanted))
            } else {
                Seen::NotYet(found.beside(wanted))
            })
        };
        until(("the controller's state", stage.wait), stage.run, seen).await
    };
    let what = counted.map_err(|error| {
        let text = format!("the controller has not written its state into etcd: {}; it said: {said}", error.what());
        Error::new(ErrorKind::NotReady, text).at(At::Unit, CONTROLLER).todo(
            "look at its journal (deisctl journal controller) and whether it reaches etcd from its container; then run this again: \
             it goes on from here",
        )
    })?;
    stage.record.keep(WRITTEN).await?;
    Ok((true, what))
}

/// Has the controller write its state. What it said is for people alone: it may say nothing and have written nothing.
async fn write(stage: &Stage<'_>) -> Result<String> {
    let machine = stage.machine_of(CONTROLLER).await?;
    let host = stage.host(&machine.address).await?;
    // The container's commands do not have the variable that its own process has.
    let etcd = format!("ETCD={}:{}", machine.address, port_of(stage));
    if !is_early(stage).await? {
        let line = format!("cd /app && {etcd} exec ./manage.py load_db_state_to_etcd");
        let said = typed(&*host, &line, "").await?;
        // Its release was not to be had, and is an early one.
        if !said.contains("Unknown command") {
            return Ok(said);
        }
    }
    let line = format!("cd /app && {etcd} exec ./manage.py shell");
    typed(&*host, &line, WRITE_ALL).await
}

/// Whether its release writes nothing by itself.
async fn is_early(stage: &Stage<'_>) -> Result<bool> {
    Ok(stage.version().await?.is_some_and(|version| version < Version::WRITES_STATE))
}

/// The port of etcd on each host: as the tunnel's host has it, else Deis' own.
fn port_of<'s>(stage: &'s Stage<'_>) -> &'s str {
    if !stage.cluster.is_tunnelled() {
        return "4001";
    }
    stage.etcd.endpoint().authority().rsplit_once(':').map_or("4001", |(_, port)| port)
}

/// Runs a line in the controller's container with lines on its standard input, and gives the last that it said.
async fn typed(host: &dyn Remote, line: &str, input: &str) -> Result<String> {
    let command = docker::command(host, &["exec", "-i", CONTAINER, "sh", "-c", line]).await?;
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let Child { mut stdout, stdin, process } =
        host.spawn(&words, Input::Pipe).await?.idle_limited(host.login().teller());
    if let Some(mut stdin) = stdin {
        // If it has ended already, what it said tells why.
        let _ = stdin.write_all(input.as_bytes()).await;
        let _ = stdin.shutdown().await;
    }
    let mut said = Vec::new();
    let mut limited = (&mut stdout).take(MOST_SAID_BYTES);
    limited.read_to_end(&mut said).await.map_err(|error| {
        Error::new(ErrorKind::Unreachable, "the output of the controller's command broke off").because(error)
    })?;
    drop(stdout);
    let exit = process.finish().await?;
    let said = format!("{}\n{}", String::from_utf8_lossy(&said), exit.stderr);
    let lines: Vec<&str> = said.lines().map(str::trim).filter(|line| !is_greeting(line)).collect();
    let last = lines[lines.len().saturating_sub(3)..].join(" | ");
    Ok(printable(&crate::error::words_without_secrets(&last)))
}

/// Whether it is what a shell of Python says of itself, with its prompts, and not of what was typed.
fn is_greeting(line: &str) -> bool {
    let begins = ["Python ", "[GCC ", "Type \"help\"", "(InteractiveConsole)"];
    begins.iter().any(|begin| line.starts_with(begin)) || line.chars().all(|sign| sign == '>' || sign == ' ')
}

/// What the database has.
async fn wanted(stage: &Stage<'_>) -> Result<Counts> {
    // Early releases have one key for all domains of an application.
    let each = stage.version().await?.is_none_or(|version| version >= Version::NAMES_DATABASE);
    let domains = if each { "count(*)" } else { "count(distinct app_id)" };
    let sql = format!(
        "select (select count(*) from api_app), (select {domains} from api_domain), (select count(*) from api_key)"
    );
    let answer = database::ask(stage, &sql).await?;
    let numbers: Vec<u64> = answer.trim().split('|').filter_map(|number| number.parse().ok()).collect();
    match numbers[..] {
        [apps, domains, keys] => Ok(Counts { apps, domains, keys }),
        _ => Err(Error::new(ErrorKind::Protocol, "the database's answer has not three numbers")),
    }
}

/// What etcd has.
async fn found(stage: &Stage<'_>) -> Result<Counts> {
    let members = async |key: &str| Ok::<_, Error>(stage.directory(key).await?.nodes);
    let users = members("/deis/builder/users").await?;
    Ok(Counts {
        apps: members("/deis/services").await?.iter().filter(|node| node.directory).count() as u64,
        domains: members("/deis/domains").await?.len() as u64,
        keys: users.iter().map(|user| user.nodes.len() as u64).sum(),
    })
}

impl Counts {
    fn reaches(self, wanted: Self) -> bool {
        self.apps >= wanted.apps && self.domains >= wanted.domains && self.keys >= wanted.keys
    }

    fn beside(self, wanted: Self) -> String {
        format!(
            "{} of {} applications, {} of {} domains, {} of {} keys are in etcd",
            self.apps, wanted.apps, self.domains, wanted.domains, self.keys, wanted.keys
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_says_of_itself_is_no_answer_to_what_was_typed() {
        let said = "Cannot synchronize with etcd cluster\nPython 2.7.10 (default, Jun 30 2015)\n[GCC 4.9.2] on linux2\n\
                    Type \"help\", \"copyright\" for more information.\n(InteractiveConsole)\n>>> >>> \n\n";
        let kept: Vec<&str> = said.lines().map(str::trim).filter(|line| !is_greeting(line)).collect();
        assert_eq!(kept, ["Cannot synchronize with etcd cluster"]);
    }
}
