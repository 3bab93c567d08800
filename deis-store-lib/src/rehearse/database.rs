//! Proof that a database comes back: WAL-E fetches the base backup from a gateway, PostgreSQL replays the log, and what it then holds
//! is dumped.
//!
//! Nothing of the machine's own is touched: the server listens on a socket of its own alone, has no settings of the old one, and
//! archives nowhere.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::pieces::each_piece;
use super::place::{Place, Source, is_ten_or_later};
use super::programs::{self, User};
use super::tables::{Tables, TablesCompared};
use crate::error::{Error, ErrorKind, Result};
use crate::remote::{Child, Host as _, Input, Local, Process, Stdin, ask, run_long};
use crate::report::in_one_line;
use crate::run::{Run, milliseconds};

/// Ends the server when our end of its standard input is closed, however we end. What a shell starts in the background ignores
/// SIGQUIT until it heeds it by itself, so the signal is sent until the server has ended.
const KEEPER: &str = r#"exec 3<&0; log=$1; shift; "$@" >"$log" 2>&1 3<&- & pid=$!
(cat <&3 >/dev/null; while kill -QUIT $pid; do sleep 0.2; done) >/dev/null 2>&1 & exec 3<&-; wait $pid; echo $? >"$log.ended""#;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A database that was brought back, or why it was not.
#[derive(Debug, Default, Serialize)]
#[non_exhaustive]
pub struct DatabaseProof {
    /// The bucket in the snapshot.
    pub bucket: String,
    /// The prefix below which WAL-E wrote, with its slash; empty for the whole bucket.
    pub prefix: String,
    /// Whether a server came up with it, all of the log replayed.
    pub given: bool,
    /// Why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The base backup: WAL-E's `LATEST`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_backup: Option<String>,
    /// The server's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<String>,
    /// The end of the log that was replayed, such as `0/5000060`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed_to: Option<String>,
    /// The time of the last transaction that was replayed; none if there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transaction: Option<String>,
    /// How its tables differ from those of the snapshot's dump.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tables: Option<TablesCompared>,
    /// From nothing to a server that takes writes.
    pub milliseconds: u64,
}

/// Why a database was not brought back.
pub(super) enum NotProved {
    /// This machine lacks something for it. Nothing was tried.
    Lacks(String),
    /// It was tried and failed.
    Failed(Error),
}

impl From<Error> for NotProved {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a database is brought back with.
pub(super) struct Tools<'a> {
    pub(super) postgres: Option<&'a Path>,
    pub(super) wal_e: Option<&'a Path>,
    /// A directory that is there, of which other users see nothing but what is given to them.
    pub(super) scratch: &'a Path,
}

/// Brings a database back, and gives the tables that it has then.
pub(super) async fn prove(
    source: &Source<'_>,
    tools: &Tools<'_>,
    run: &Run,
) -> (DatabaseProof, Result<Tables, NotProved>) {
    let mut proof = DatabaseProof {
        bucket: source.bucket.clone(),
        prefix: source.prefix.clone(),
        base_backup: Some(source.base_backup.clone()),
        ..DatabaseProof::default()
    };
    let tables = bring_back(source, tools, run, &mut proof).await;
    (proof, tables)
}

async fn bring_back(
    source: &Source<'_>,
    tools: &Tools<'_>,
    run: &Run,
    proof: &mut DatabaseProof,
) -> Result<Tables, NotProved> {
    let lacks = |what: &str| NotProved::Lacks(what.to_owned());
    let host = Local::default();
    let wal_e =
        programs::wal_e(&host, tools.wal_e).await?.ok_or_else(|| lacks("WAL-E is not installed here"))?;
    let user = User::find(&host)
        .await?
        .ok_or_else(|| lacks("a server does not run as root, and there is no user `postgres` here"))?;
    let place = Place::make(tools.scratch, user).map_err(|error| match error.kind() {
        ErrorKind::Disk => NotProved::Lacks(in_one_line(&error)),
        _ => NotProved::Failed(error),
    })?;
    let reaches = ask(&host, &place.user.command(&["test", "-w", &place.data.to_string_lossy()])).await?;
    if !reaches.exit.success() {
        let scratch = tools.scratch.display();
        return Err(NotProved::Lacks(format!("the user `postgres` may not go into {scratch}")));
    }
    if !ask(&host, &place.user.command(&["sh", "-c", "command -v lzop"])).await?.exit.success() {
        return Err(lacks("lzop is not installed here"));
    }
    place.write_wal_e(&wal_e, source)?;
    match replay(&place, source, tools, run, proof).await {
        Err(NotProved::Failed(error)) => Err(NotProved::Failed(place.no_room(&host, error).await)),
        ended => ended,
    }
}

/// Fetches the base backup and lets a server replay the log.
async fn replay(
    place: &Place,
    source: &Source<'_>,
    tools: &Tools<'_>,
    run: &Run,
    proof: &mut DatabaseProof,
) -> Result<Tables, NotProved> {
    let (host, started) = (Local::default(), Instant::now());
    let (wal_e, data) = (place.wal_e(), place.data.to_string_lossy().into_owned());
    let fetch = place.user.command(&[&wal_e, "backup-fetch", &data, &source.base_backup]);
    run.stop.cancels(run_long(&host, &fetch)).await?.exit.require_success(ErrorKind::Damaged, "WAL-E")?;

    let version = std::fs::read_to_string(place.data.join("PG_VERSION"));
    let version =
        version.map_err(|_| Error::new(ErrorKind::Damaged, "the base backup has no file PG_VERSION"))?;
    let version = version.trim();
    let bin = programs::postgres(&host, tools.postgres, version).await?;
    let bin = bin.ok_or_else(|| NotProved::Lacks(format!("PostgreSQL {version} is not installed here")))?;
    if let Some(link) = place.link_elsewhere(version)? {
        let why = format!("its directory has the symbolic link {link}, which leads to files of this machine");
        return Err(NotProved::Lacks(why));
    }
    place.configure(version)?;
    let server = Server::start(&host, place, bin).await?;
    server.wait(run).await?;
    proof.milliseconds = milliseconds(started.elapsed());
    let location =
        if is_ten_or_later(version) { "pg_last_wal_replay_lsn()" } else { "pg_last_xlog_replay_location()" };
    proof.postgres = Some(server.query("SHOW server_version").await?);
    proof.replayed_to = Some(server.query(&format!("SELECT {location}")).await?);
    let time = r#"SELECT to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')"#;
    proof.last_transaction = Some(server.query(time).await?).filter(|time| !time.is_empty());
    Ok(run.stop.cancels(server.tables()).await?)
}

/// A server that runs until it is dropped.
struct Server<'a> {
    host: &'a Local,
    place: &'a Place,
    bin: PathBuf,
    log: PathBuf,
    /// The server ends when its keeper's input does.
    _keeper: (Option<Stdin>, Process),
}

impl<'a> Server<'a> {
    async fn start(host: &'a Local, place: &'a Place, bin: PathBuf) -> Result<Self> {
        let log = place.top.join("log");
        let (server, data, log_path) = (
            bin.join("postgres").to_string_lossy().into_owned(),
            place.data.to_string_lossy(),
            log.to_string_lossy(),
        );
        let server = place.user.command(&[&server, "-D", &data]);
        let keeper = ["sh", "-c", KEEPER, "sh", &log_path];
        let child = host.spawn(&[&keeper[..], &server].concat(), Input::Pipe).await?;
        let Child { stdin, process, .. } = child;
        Ok(Self { host, place, bin, log, _keeper: (stdin, process) })
    }

    /// Waits until it takes writes: all of the log is replayed then.
    async fn wait(&self, run: &Run) -> Result<()> {
        let ended = self.log.with_extension("ended");
        loop {
            run.stop.check()?;
            if ended.exists() {
                let log = self.log();
                let words: Vec<&str> = log
                    .lines()
                    .rev()
                    .filter(|line| line.contains("FATAL") || line.contains("PANIC"))
                    .take(3)
                    .collect();
                let what = format!("the server ended before all was replayed: {}", words.join("; "));
                return Err(Error::new(ErrorKind::Damaged, what));
            }
            // Before that no client is let in: a replay of hours is not asked ten times a second.
            if self.is_ready() && self.query("SELECT pg_is_in_recovery()").await? == "f" {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether the server says that it takes connections.
    fn is_ready(&self) -> bool {
        self.log().contains("database system is ready to accept connections")
    }

    /// What it has said so far.
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// A client of this server alone, whatever the environment says of others.
    fn client(&self, program: &str) -> Vec<String> {
        const OF_OTHERS: [&str; 7] =
            ["PGHOSTADDR", "PGOPTIONS", "PGTZ", "PGSERVICE", "PGSSLMODE", "PGREQUIRESSL", "PGDATABASE"];
        let program = self.bin.join(program).to_string_lossy().into_owned();
        let socket = self.place.socket.to_string_lossy().into_owned();
        let words = OF_OTHERS.iter().flat_map(|name| ["-u", name]);
        let words = ["env"].into_iter().chain(words).map(str::to_owned);
        let server = ["-h", &socket, "-p", "5432", "-U", "postgres"].map(str::to_owned);
        words.chain([program]).chain(server).collect()
    }

    async fn query(&self, sql: &str) -> Result<String> {
        let client = self.client("psql");
        let mut command: Vec<&str> = client.iter().map(String::as_str).collect();
        command.extend(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", sql]);
        let output = ask(self.host, &command).await?;
        output.exit.require_success(ErrorKind::NotReady, "psql")?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The tables of all databases.
    async fn tables(&self) -> Result<Tables> {
        let client = self.client("pg_dumpall");
        let command: Vec<&str> = client.iter().map(String::as_str).collect();
        let Child { mut stdout, process, .. } = self.host.spawn(&command, Input::Nothing).await?;
        let mut tables = Tables::default();
        let read = each_piece(&mut stdout, |piece| {
            tables.push(piece);
            Ok(())
        });
        read.await
            .map_err(|error| Error::new(ErrorKind::Unreachable, "the dump broke off").because(error))?;
        process.finish().await?.require_success(ErrorKind::NotReady, "pg_dumpall")?;
        Ok(tables)
    }
}
