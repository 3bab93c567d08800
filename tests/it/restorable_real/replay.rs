//! A real replay: WAL-E fetches the newest base backup and the segments, and `PostgreSQL` says where it has come to.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use deis_store_tests::environment::{Environment, Postgres};
use deis_store_tests::postgres::hand_over;
use deis_store_tests::process::{Server, run};
use deis_store_tests::wal_e::WalE;
use serde_json::Value;

/// The setting of a database that is only looked at.
pub(super) const NOT_ARCHIVED: &str = "archive_mode = off";

/// Where a replay has ended, in the words of the report of `verify`, and what the database holds then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) end: String,
    /// To the millisecond. Empty if no transaction was replayed.
    pub(super) last_commit: String,
    pub(super) last_segment: String,
    /// Of each stage its number, the number of its rows, and their sum.
    pub(super) rows: String,
}

/// A database that has replayed its archive to the end, and runs. It stops when dropped.
pub(super) struct Restored {
    pub(super) postgres: Postgres,
    pub(super) wal_e: WalE,
    pub(super) log: PathBuf,
    pub(super) server: Server,
}

impl Restored {
    /// Restores into a new directory, and waits until the database may be written. `settings` are further lines of its
    /// configuration.
    pub(super) fn start(
        bucket: &str,
        from: &Environment,
        directory: &Path,
        settings: impl FnOnce(&WalE) -> String,
    ) -> Self {
        let postgres = Postgres::prepare(directory).unwrap();
        let address = from.gateway_address().unwrap();
        let wal_e = WalE::of_bucket(bucket, directory, address, &from.access_key, &from.secret_key).unwrap();
        let data = &postgres.data_dir;
        run("wal-e backup-fetch", wal_e.command(&["backup-fetch", data.to_str().unwrap(), "LATEST"]))
            .unwrap();
        let latest = "recovery_target_timeline = 'latest'";
        postgres.configure(&format!("{}\n{}\n{latest}", settings(&wal_e), wal_e.restore_settings())).unwrap();
        let status = data.join("pg_wal/archive_status");
        fs::create_dir_all(&status).unwrap();
        let signal = data.join("recovery.signal");
        fs::write(&signal, "").unwrap();
        for path in [&data.join("pg_wal"), &status, &signal] {
            hand_over(path).unwrap();
        }
        fs::set_permissions(data, Permissions::from_mode(0o700)).unwrap();
        let log = directory.join("postgres.log");
        let server = postgres.start(&log).unwrap();
        Self { postgres, wal_e, log, server }
    }

    /// Where the replay has ended: after it the server still knows.
    pub(super) fn reached(&self) -> Reached {
        let ask = |sql| self.postgres.query("postgres", sql).unwrap();
        let time = ask(
            "SELECT to_char(pg_last_xact_replay_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')",
        );
        Reached {
            end: ask("SELECT pg_last_wal_replay_lsn()"),
            last_commit: to_the_millisecond(&time).to_owned(),
            last_segment: self.last_segment(),
            rows: ask("SELECT stage, count(*), sum(n) FROM kept GROUP BY stage ORDER BY stage"),
        }
    }

    /// The furthest segment that it has fetched. Its last record may have begun in the one before, which is then read again.
    fn last_segment(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap();
        let fetched = log
            .lines()
            .filter_map(|line| Some(line.split_once("restored log file \"")?.1.split_once('"')?.0));
        let segments = fetched.filter(|name| name.len() == 24);
        segments.max_by_key(|name| (&name[8..], &name[..8])).expect("it has fetched a segment").to_owned()
    }
}

/// What the report of `verify` says of the newest base backup.
pub(super) fn latest(report: &Value) -> &Value {
    report["restorable"]["databases"][0]["base_backups"].as_array().unwrap().last().unwrap()
}

/// Whether the report says of the newest base backup what a replay of it has reached.
#[track_caller]
pub(super) fn says(report: &Value, reached: &Reached, when: &str) {
    let latest = latest(report);
    let word = |name: &str| latest[name].as_str().unwrap_or_default();
    let said = (word("end"), to_the_millisecond(word("last_commit")), word("last_segment"));
    let real = (&*reached.end, &*reached.last_commit, &*reached.last_segment);
    assert_eq!(said, real, "{when}: said, and replayed: {report:#}");
    assert_eq!(latest["timeline"], u32::from_str_radix(&real.2[..8], 16).unwrap(), "{when}: {report:#}");
}

/// A place of the log as a number.
pub(super) fn place_of(text: &str) -> u64 {
    let (high, low) = text.split_once('/').expect("a place has two halves");
    u64::from_str_radix(high, 16).unwrap() << 32 | u64::from_str_radix(low, 16).unwrap()
}

/// `2026-11-27T09:06:05.406` of more digits; the program cuts them off too.
fn to_the_millisecond(time: &str) -> &str {
    time.get(..23).unwrap_or(time)
}
