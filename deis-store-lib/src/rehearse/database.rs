//! Proof that a database comes back: WAL-E fetches the base backup from a gateway, PostgreSQL replays the log, and what it then holds
//! is dumped.
//!
//! Nothing of the machine's own is touched: the server listens on a socket of its own alone, has no settings of the old one, and
//! archives nowhere.

use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::pieces::each_piece;
use super::programs::{self, User};
use super::tables::{Tables, TablesCompared};
use crate::contents::wal_e::SEGMENT_BYTES;
use crate::disk::Root;
use crate::error::{At, Error, ErrorKind, Result, disk_error, printable};
use crate::remote::{Child, Host as _, Input, Local, Process, Stdin, ask, run_long};
use crate::report::in_one_line;
use crate::run::{Run, milliseconds};
use crate::secret::Credentials;

/// Ends the server when our end of its standard input is closed, however we end.
const KEEPER: &str = r#"exec 3<&0; log=$1; shift; "$@" >"$log" 2>&1 3<&- & pid=$!
(cat <&3 >/dev/null; kill -QUIT $pid) >/dev/null 2>&1 & exec 3<&-; wait $pid; echo $? >"$log.ended""#;
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A path of a socket has so many bytes at most, with its name.
const LONGEST_SOCKET_DIRECTORY_BYTES: usize = 80;

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

/// Where WAL-E finds a database.
pub(super) struct Source<'a> {
    /// `HOST:PORT` of the gateway.
    pub(super) gateway: String,
    pub(super) credentials: &'a Credentials,
    /// The bucket in the gateway.
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) base_backup: String,
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

/// Whether a server could not even have another segment of its log there. WAL-E and the server say it in many ways, or not at all.
pub(super) fn is_full(scratch: &Path) -> bool {
    let room = Root::open(scratch).and_then(|root| root.room());
    room.is_ok_and(|room| !room.has_room_for(1, 2 * SEGMENT_BYTES))
}

/// The error of a database for which there is no room.
pub(super) fn no_room(scratch: &Path, error: Error) -> Error {
    let full = Error::new(ErrorKind::Disk, "there is no room left to bring a database back");
    let full = full.at(At::Path, scratch.display()).because(error);
    full.todo("free some space, or give a directory for it that has more")
}

async fn bring_back(
    source: &Source<'_>,
    tools: &Tools<'_>,
    run: &Run,
    proof: &mut DatabaseProof,
) -> Result<Tables, NotProved> {
    let lacks = |what: &str| NotProved::Lacks(what.to_owned());
    let (host, started) = (Local::default(), Instant::now());
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
    let script = place.wal_e(&wal_e, source)?;
    let data = place.data.to_string_lossy().into_owned();
    let fetch = place.user.command(&[&script, "backup-fetch", &data, &source.base_backup]);
    run.stop.cancels(run_long(&host, &fetch)).await?.exit.require_success(ErrorKind::Damaged, "WAL-E")?;

    let version = std::fs::read_to_string(place.data.join("PG_VERSION"));
    let version =
        version.map_err(|_| Error::new(ErrorKind::Damaged, "the base backup has no file PG_VERSION"))?;
    let version = version.trim();
    let bin = programs::postgres(&host, tools.postgres, version).await?;
    let bin = bin.ok_or_else(|| NotProved::Lacks(format!("PostgreSQL {version} is not installed here")))?;
    if let Some(link) = place.take_links(version)? {
        let why = format!("its directory has the symbolic link {link}, which leads to files of this machine");
        return Err(NotProved::Lacks(why));
    }
    place.configure(&script, version)?;
    let server = Server::start(&host, &place, bin).await?;
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

/// The files of a server's settings.
const SETTINGS: [&str; 4] = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];

fn log_directory(version: &str) -> &'static str {
    if is_ten_or_later(version) { "pg_wal" } else { "pg_xlog" }
}

/// Whether a version has `wal` in its names, and not `xlog`.
fn is_ten_or_later(version: &str) -> bool {
    !version.contains('.')
}

/// The directories of a server. Removed by whoever removes the scratch directory.
struct Place {
    top: PathBuf,
    data: PathBuf,
    socket: PathBuf,
    user: User,
}

impl Place {
    fn make(scratch: &Path, user: User) -> Result<Self> {
        let top =
            (0..u32::MAX).map(|number| scratch.join(format!("database-{number}"))).find(|top| !top.exists());
        let top = top.ok_or_else(|| Error::new(ErrorKind::Internal, "too many databases"))?;
        let place = Self { data: top.join("data"), socket: top.join("socket"), top, user };
        if place.socket.as_os_str().len() > LONGEST_SOCKET_DIRECTORY_BYTES {
            let error =
                Error::new(ErrorKind::Usage, "the path of the scratch directory is too long for a socket");
            return Err(error.at(At::Path, scratch.display()).todo("choose a shorter one"));
        }
        for directory in [&place.top, &place.data, &place.socket] {
            let made = std::fs::DirBuilder::new().mode(0o700).create(directory);
            made.and_then(|()| place.user.give(directory))
                .map_err(|error| disk_error("make the directory", directory.display(), error))?;
        }
        Ok(place)
    }

    fn write(&self, path: &Path, text: &str, mode: u32) -> Result<()> {
        let failed = |error| disk_error("write", path.display(), error);
        // One that a base backup has brought may be a link to a file of this machine.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        self.user.give(path).map_err(failed)
    }

    /// Writes a script that is WAL-E with the keys of the gateway: no argument is a secret.
    fn wal_e(&self, program: &Path, source: &Source<'_>) -> Result<String> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let Source { gateway, credentials, bucket, prefix, .. } = source;
        let secret = String::from_utf8_lossy(credentials.secret_key());
        let place = format!("s3://{bucket}/{}", prefix.trim_end_matches('/'));
        let text = zeroize::Zeroizing::new(format!(
            "#!/bin/sh\nunset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY\n\
             export no_proxy='*' AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} AWS_REGION=us-east-1\n\
             export WALE_S3_PREFIX={} WALE_S3_ENDPOINT=http+path://{gateway} WALE_LOG_DESTINATION=stderr\n\
             exec {} --terse \"$@\"\n",
            quoted(credentials.access_key()),
            quoted(&secret),
            quoted(place.trim_end_matches('/')),
            quoted(&program.to_string_lossy()),
        ));
        let script = self.top.join("wal-e");
        self.write(&script, &text, 0o500)?;
        Ok(script.to_string_lossy().into_owned())
    }

    /// Removes the links that a base backup has brought and a server would follow: of the log's directory, which is empty in any case,
    /// and of settings, which are written anew. The name of another one.
    fn take_links(&self, version: &str) -> Result<Option<String>> {
        let failed = |error| disk_error("look at", self.data.display(), error);
        let is_ours = |name: &str| name == log_directory(version) || SETTINGS.contains(&name);
        for entry in std::fs::read_dir(&self.data).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !entry.file_type().map_err(failed)?.is_symlink() {
                continue;
            }
            if !is_ours(&name) {
                return Ok(Some(printable(&name)));
            }
            std::fs::remove_file(entry.path()).map_err(failed)?;
        }
        Ok(None)
    }

    /// Gives the server settings of our own, and tells it to replay. Those of the old server are not taken over: they could have it
    /// archive into the old bucket, or replicate.
    fn configure(&self, script: &str, version: &str) -> Result<()> {
        let mut text = format!(
            "listen_addresses = ''\nport = 5432\nunix_socket_directories = '{}'\nfsync = off\nautovacuum = off\n\
             hot_standby = off\narchive_mode = off\nlogging_collector = off\nlog_destination = 'stderr'\nssl = off\n\
             shared_preload_libraries = ''\nmax_wal_senders = 0\n\
             max_prepared_transactions = 1000\nlc_messages = 'C'\n",
            self.socket.display()
        );
        let restore = format!("restore_command = '\"{script}\" wal-fetch -p 0 \"%f\" \"%p\"'\n");
        let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        if is_ten_or_later(version) {
            text.push_str("max_logical_replication_workers = 0\n");
        }
        if major >= 12 {
            let _ = write!(text, "{restore}");
            self.write(&self.data.join("recovery.signal"), "", 0o600)?;
        } else {
            self.write(&self.data.join("recovery.conf"), &restore, 0o600)?;
        }
        for (name, text) in SETTINGS.into_iter().zip([text.as_str(), "", "local all all trust\n", ""]) {
            self.write(&self.data.join(name), text, 0o600)?;
        }
        let log = log_directory(version);
        for directory in [self.data.join(log), self.data.join(log).join("archive_status")] {
            std::fs::create_dir_all(&directory)
                .and_then(|()| self.user.give(&directory))
                .map_err(|error| disk_error("make the directory", directory.display(), error))?;
        }
        let only_ours = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.data, only_ours)
            .map_err(|error| disk_error("change the mode of", self.data.display(), error))
    }
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_of_a_base_backup_lead_to_no_file_of_this_machine() {
        let (scratch, machine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = Place::make(scratch.path(), User::Own).unwrap();
        for name in ["postgresql.conf", "pg_hba.conf", "postmaster.opts"] {
            std::fs::write(machine.path().join(name), "of the machine").unwrap();
        }
        std::fs::create_dir(machine.path().join("pg_wal")).unwrap();
        for name in ["postgresql.conf", "pg_hba.conf", "pg_wal"] {
            symlink(machine.path().join(name), place.data.join(name)).unwrap();
        }
        assert_eq!(place.take_links("15").unwrap(), None);
        place.configure("/script", "15").unwrap();
        symlink(machine.path().join("postgresql.conf"), place.top.join("log")).unwrap();
        place.write(&place.top.join("log"), "ours", 0o600).unwrap();
        assert_eq!(std::fs::read_dir(machine.path().join("pg_wal")).unwrap().count(), 0);
        for name in ["postgresql.conf", "pg_hba.conf"] {
            assert_eq!(std::fs::read_to_string(machine.path().join(name)).unwrap(), "of the machine");
            assert!(!place.data.join(name).is_symlink());
        }
        assert!(place.data.join("pg_wal/archive_status").is_dir());

        symlink(machine.path(), place.data.join("base")).unwrap();
        assert_eq!(place.take_links("15").unwrap().as_deref(), Some("base"));
    }
}
