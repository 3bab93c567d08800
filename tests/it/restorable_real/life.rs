//! The life of a real database, which WAL-E archives into a bucket: what was committed in it, and until where.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use deis_store_tests::environment::Postgres;
use deis_store_tests::process::{Server, run};
use deis_store_tests::wal_e::WalE;
use tempfile::TempDir;

use super::replay::{NOT_ARCHIVED, Reached, Restored, place_of};
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};
use crate::program::{Ran, at_gateway};

/// More than a segment of the log.
pub(super) const MORE_THAN_A_SEGMENT: u32 = 60_000;
const LIMIT: Duration = Duration::from_mins(3);

/// A running database, and what it has committed. It stops when dropped.
pub(super) struct Life {
    bucket: String,
    postgres: Postgres,
    wal_e: WalE,
    log: PathBuf,
    /// Dropped before its directory.
    server: Server,
    place: TempDir,
    commits: Vec<Commit>,
    promotions: u32,
}

/// One transaction.
struct Commit {
    /// The log holds it before this place.
    by: u64,
    rows: u32,
}

impl Life {
    /// A new database, and a new bucket of cluster A.
    pub(super) fn begin(name: &str) -> Self {
        let a = a();
        block(client(&a).create_bucket(&bucket(name))).unwrap();
        let place = place();
        let directory = place.path().join("first");
        let postgres = Postgres::prepare(&directory).unwrap();
        postgres.initialize().unwrap();
        let address = a.gateway_address().unwrap();
        let wal_e = WalE::of_bucket(name, &directory, address, &a.access_key, &a.secret_key).unwrap();
        postgres.configure(&wal_e.archive_settings()).unwrap();
        let log = directory.join("postgres.log");
        let server = postgres.start(&log).unwrap();
        postgres.query("postgres", "CREATE TABLE kept (stage int, n int, filler text)").unwrap();
        let bucket = name.to_owned();
        Self { bucket, postgres, wal_e, log, server, place, commits: Vec::new(), promotions: 0 }
    }

    /// Commits so many rows in one transaction.
    pub(super) fn insert(&mut self, rows: u32) {
        let commit = self.inserted(rows);
        self.commits.push(commit);
    }

    fn inserted(&self, rows: u32) -> Commit {
        // A filler of this length makes more than a segment of `MORE_THAN_A_SEGMENT` rows.
        let sql = format!(
            "INSERT INTO kept SELECT {}, n, repeat(chr(65 + n % 26), 300) FROM generate_series(1, {rows}) n;
             SELECT pg_current_wal_insert_lsn();",
            self.commits.len()
        );
        Commit { by: place_of(&self.postgres.query("postgres", &sql).unwrap()), rows }
    }

    /// Ends the segment.
    pub(super) fn switch(&self) {
        self.postgres.query("postgres", "SELECT pg_switch_wal()").unwrap();
    }

    /// Waits until all that is ready is in the bucket.
    pub(super) fn archived(&self) {
        let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
        let begun = Instant::now();
        while self.postgres.query("postgres", waiting).unwrap() != "0" {
            assert!(begun.elapsed() < LIMIT, "the archiver does not get through: {}", self.log.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn base_backup(&self) {
        self.wal_e.push_base_backup(&self.postgres, &self.log.with_file_name("wal-e.log")).unwrap();
    }

    /// A base backup during which rows are committed and a segment ends: it stops in a later one than it starts in.
    pub(super) fn base_backup_over_two_segments(&mut self) {
        let label = self.postgres.data_dir.join("backup_label");
        let this = &*self;
        let commit = std::thread::scope(|threads| {
            let push = threads.spawn(|| this.base_backup());
            while !label.exists() {
                assert!(!push.is_finished(), "it ends without a label");
                std::thread::sleep(Duration::from_millis(5));
            }
            let commit = this.inserted(5);
            this.switch();
            push.join().unwrap();
            commit
        });
        self.commits.push(commit);
    }

    /// Keeps so many base backups, and what they need of the log.
    pub(super) fn retain(&self, count: &str) {
        run("wal-e delete", self.wal_e.command(&["delete", "--confirm", "retain", count])).unwrap();
    }

    /// Loses the server. A new one is restored from the bucket, and goes on as a timeline of its own.
    pub(super) fn promoted(self) -> (Self, Reached) {
        let Self { bucket, server, place, mut commits, promotions, .. } = self;
        drop(server);
        let directory = place.path().join(format!("promoted-{promotions}"));
        let restored = Restored::start(&bucket, &a(), &directory, WalE::archive_settings);
        let reached = restored.reached();
        commits.retain(|commit| commit.by <= place_of(&reached.end));
        let Restored { postgres, wal_e, log, server } = restored;
        let promotions = promotions + 1;
        (Self { bucket, postgres, wal_e, log, server, place, commits, promotions }, reached)
    }

    /// What a database is to hold to which the log was replayed up to this place, in the words of `Reached`.
    pub(super) fn rows_by(&self, end: &str) -> String {
        let by = place_of(end);
        let mut rows = String::new();
        for (stage, commit) in self.commits.iter().enumerate().filter(|(_, commit)| commit.by <= by) {
            let count = u64::from(commit.rows);
            writeln!(rows, "{stage}|{count}|{}", count * (count + 1) / 2).unwrap();
        }
        rows.trim_end().to_owned()
    }

    /// What `verify` says of the bucket.
    pub(super) fn verified(&self) -> Ran {
        let a = a();
        let place = format!("s3://{}", self.bucket);
        let words = ["verify", &place, "--as", "wal-e", "--json"];
        at_gateway(&a.gateways[0], &a, &a.secret_key, &words)
    }

    /// What `verify` says of the bucket, and where a real replay of it ends.
    pub(super) fn verified_and_replayed(&self) -> (Ran, Reached) {
        std::thread::scope(|threads| {
            let said = threads.spawn(|| self.verified());
            let place = place();
            let directory = place.path().join("replayed");
            let restored = Restored::start(&self.bucket, &a(), &directory, |_| NOT_ARCHIVED.to_owned());
            let reached = restored.reached();
            (said.join().unwrap(), reached)
        })
    }
}

/// A new directory through which the user postgres may go.
pub(super) fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    std::fs::set_permissions(place.path(), Permissions::from_mode(0o711)).unwrap();
    place
}
