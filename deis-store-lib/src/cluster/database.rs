//! A dump of all databases, from the container that runs `PostgreSQL`.
//!
//! A dump has password hashes, so it goes to its reader and nowhere else.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::docker::{self, Docker};
use crate::archive::sql::Checked;
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::remote::{Child, Input, Process, Remote, Stdout, privileged};

const CONTAINER: &str = "deis-database";

/// Begins a dump on the host that runs the database: this one, or the one beyond it that etcd names.
pub(crate) async fn dump(remote: &dyn Remote, database_host: Option<&str>) -> Result<Dump> {
    let here = match (require_running(remote, database_host).await, database_host) {
        (Err(error), Some(host)) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotReady) => {
            let other = remote.beyond(host).await.map_err(|beyond| unreached(&beyond, &error))?;
            if other.host() == remote.host() {
                return Err(error);
            }
            let docker = require_running(&*other, None).await?;
            return begin(&*other, docker).await;
        }
        (running, _) => running?,
    };
    begin(remote, here).await
}

/// The error of a host that cannot be reached, which is looked for since something is not here.
fn unreached(beyond: &Error, here: &Error) -> Error {
    let what = format!("{}; it was tried since here {}", beyond.what(), here.what());
    let todo = beyond.advice().or(here.advice()).unwrap_or("go through the database's host");
    let error = Error::new(beyond.kind(), what).todo(todo);
    beyond.place().iter().fold(error, |error, (at, value)| error.at(at, value))
}

async fn begin(remote: &dyn Remote, docker: Docker) -> Result<Dump> {
    let dump: &[&str] = &["docker", "exec", CONTAINER, "sudo", "-u", "postgres", "pg_dumpall"];
    let command = match docker {
        Docker::Plain => dump.to_vec(),
        Docker::Privileged => privileged(remote, dump).await?,
    };
    let Child { stdout, process, .. } =
        remote.spawn(&command, Input::Nothing).await?.idle_limited(remote.login().teller());
    Ok(Dump { reader: Checked::new(stdout), process, host: remote.host().to_owned() })
}

/// A dump that is being read.
#[derive(Debug)]
pub(crate) struct Dump {
    reader: Checked<Stdout>,
    process: Process,
    host: String,
}

impl Dump {
    /// The dump's length in bytes, if it is whole. To be called when the dump was read to its end.
    pub(crate) async fn finish(self) -> Result<u64> {
        // The command's own message comes first: it tells more than "the output is not whole".
        self.process.finish().await?.require_success(ErrorKind::NotReady, &self.host)?;
        self.reader.finish().map_err(|error| error.at(At::Host, &self.host))
    }
}

impl AsyncRead for Dump {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

/// The answer to a query, unaligned and without a header, of the running database on this host.
pub(crate) async fn query(remote: &dyn Remote, database: &str, sql: &str) -> Result<String> {
    let psql =
        ["exec", CONTAINER, "sudo", "-u", "postgres", "psql", "-X", "-A", "-t", "-d", database, "-c", sql];
    docker::output_of(remote, &psql, ErrorKind::NotReady).await
}

/// Asks docker for the container before anything is written, since its answer tells more than an empty dump.
async fn require_running(remote: &dyn Remote, database_host: Option<&str>) -> Result<Docker> {
    let (output, docker) =
        docker::ask(remote, &["inspect", "--format", "{{.State.Running}}", CONTAINER]).await?;
    let elsewhere = || match database_host {
        Some(host) => format!("etcd says that it runs on {host}: go through {host}"),
        None => "find its host with deisctl list, and go through that".to_owned(),
    };
    if docker::is_missing(&output.exit) {
        let error = Error::new(ErrorKind::NotFound, "there is no container deis-database on this host");
        return Err(error.at(At::Host, remote.host()).todo(elsewhere()));
    }
    output.exit.require_success(ErrorKind::NotReady, remote.host())?;
    // The answer is the last line: docker, sudo and a login shell may warn before it.
    let stdout = String::from_utf8_lossy(&output.stdout);
    match stdout.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some("true") => Ok(docker),
        Some("false") => {
            let what = "the container deis-database does not run on this host";
            Err(Error::new(ErrorKind::NotReady, what).at(At::Host, remote.host()).todo(elsewhere()))
        }
        answer => {
            let answer = printable(&answer.unwrap_or_default().chars().take(80).collect::<String>());
            let what = format!("docker does not say whether deis-database runs, but `{answer}`");
            let todo = "run it there by hand: docker inspect --format '{{.State.Running}}' deis-database";
            Err(Error::new(ErrorKind::NotReady, what).at(At::Host, remote.host()).todo(todo))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::remote::Host as _;
    use crate::remote::double::Double;

    const WHOLE: &str =
        "-- PostgreSQL database cluster dump\nSET x;\n-- PostgreSQL database cluster dump complete\n";
    const DENIED: &str = "Get http:///var/run/docker.sock/v1.20/containers/deis-database/json: dial unix \
                          /var/run/docker.sock: permission denied.";

    async fn read(remote: &Double) -> Result<u64> {
        let mut dump = dump(remote, Some("10.0.0.3")).await?;
        dump.read_to_end(&mut Vec::new()).await.unwrap();
        dump.finish().await
    }

    #[tokio::test]
    async fn a_whole_dump_passes_without_root_where_docker_allows() {
        let remote = Double::new().answer(0, "true\n", "").answer(0, WHOLE, "");
        assert_eq!(read(&remote).await.unwrap(), WHOLE.len() as u64);
        assert_eq!(remote.asked.lock().unwrap()[1], "docker exec deis-database sudo -u postgres pg_dumpall");
    }

    #[tokio::test]
    async fn where_docker_does_not_allow_it_takes_root() {
        let remote = Double::new()
            .answer(1, "", DENIED)
            .answer(0, "1000\n", "")
            .answer(0, "", "")
            .answer(0, "true\n", "")
            .answer(0, WHOLE, "");
        read(&remote).await.unwrap();
        let asked = remote.asked.lock().unwrap();
        assert_eq!(asked[4], "sudo -n docker exec deis-database sudo -u postgres pg_dumpall");
    }

    #[tokio::test]
    async fn a_container_that_is_elsewhere_is_told_with_its_host() {
        for stderr in [
            "Error: No such image or container: deis-database",
            "Error response from daemon: no such id: deis-database",
        ] {
            let error = read(&Double::new().answer(1, "\n", stderr)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.advice().unwrap().contains("go through 10.0.0.3"));
        }
        let error = read(&Double::new().answer(0, "false\n", "")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotReady);
    }

    #[tokio::test]
    async fn what_docker_warns_of_before_its_answer_is_no_answer() {
        let warned = "WARNING: Error loading config file: stat /root/.docker: permission denied\ntrue\n";
        read(&Double::new().answer(0, warned, "").answer(0, WHOLE, "")).await.unwrap();
        for (answer, says) in [("WARNING: x\nfalse\n", "does not run"), ("<nil>\n", "`<nil>`"), ("", "``")] {
            let error = read(&Double::new().answer(0, answer, "")).await.unwrap_err();
            assert!(error.kind() == ErrorKind::NotReady && error.to_string().contains(says), "{error}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_dump_that_stands_still_after_a_line_ends_with_an_error_that_names_the_command() {
        let mut dump = dump(&Double::new().answer(0, "true\n", "").stalls(&WHOLE[..50]), None).await.unwrap();
        let error = dump.read_to_end(&mut Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!(error.to_string().contains("docker exec deis-database"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_short_command_that_does_not_end_is_given_up_and_named() {
        let (run, heard) = crate::run::heard::Heard::run();
        let remote = Double::new().stalls("");
        remote.login().tells(&run);
        let error = dump(&remote, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
        let told = heard.notes();
        assert!(told.len() >= 2 && told[0].starts_with("`docker inspect"), "{told:?}");
        assert!(told[0].ends_with(" on double has not ended for 5 s"), "{told:?}");
        assert!(error.to_string().contains("docker inspect"), "{error}");
    }

    #[tokio::test]
    async fn a_dump_that_fails_or_is_cut_off_is_an_error() {
        let failed = Double::new().answer(0, "true\n", "").answer(1, WHOLE, "pg_dumpall: could not connect");
        let error = read(&failed).await.unwrap_err();
        assert!(error.to_string().contains("could not connect"), "{error}");
        let cut = Double::new().answer(0, "true\n", "").answer(0, &WHOLE[..50], "");
        assert_eq!(read(&cut).await.unwrap_err().kind(), ErrorKind::Damaged);
    }
}
