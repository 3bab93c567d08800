//! Proof that a bucket `db_wal` can be restored: WAL-E fetches the newest base backup, `PostgreSQL` replays the log.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::environment::{Environment, Postgres};
use crate::error::{Context, Error, Result};
use crate::interrupt;
use crate::postgres::hand_over;
use crate::process::{Server, run};
use crate::wal_e::WalE;

/// A database that came back from a cluster's gateway. It stops when dropped.
#[derive(Debug)]
pub struct Recovered {
    postgres: Postgres,
    _server: Server,
}

impl Recovered {
    /// The output of `pg_dumpall`, for a comparison with the live database.
    pub fn dump(&self) -> Result<String> {
        self.postgres.dump()
    }

    /// Ends the segment, and waits until the last one is in the bucket. An archiver that fails meanwhile tries again.
    pub fn archive_all(&self, limit: Duration) -> Result<()> {
        self.query("postgres", "SELECT pg_switch_wal()")?;
        let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
        let begun = Instant::now();
        while self.query("postgres", waiting)? != "0" {
            interrupt::check()?;
            if begun.elapsed() > limit {
                return Err(Error::new("The archiver does not get through"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// The answer of psql in one of its databases.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        self.postgres.query(database, sql)
    }
}

/// Restores the database from `db_wal` of this cluster, as a new Deis database would, and runs it on a free port.
///
/// `scratch` must exist and be new. Its parents must let the user postgres through; `scratch` itself is made to.
pub fn recover(environment: &Environment, scratch: &Path) -> Result<Recovered> {
    recover_from("db_wal", environment, scratch)
}

/// The same from a bucket of another name.
pub fn recover_from(bucket: &str, environment: &Environment, scratch: &Path) -> Result<Recovered> {
    come_up(bucket, environment, scratch, |_| "archive_mode = off".to_owned())
}

/// Does the same, and has it archive into the same bucket from then on, as the database of a platform does.
pub fn recover_and_archive(environment: &Environment, scratch: &Path) -> Result<Recovered> {
    come_up("db_wal", environment, scratch, WalE::archive_settings)
}

fn come_up(
    bucket: &str,
    environment: &Environment,
    scratch: &Path,
    settings: impl FnOnce(&WalE) -> String,
) -> Result<Recovered> {
    let mode = fs::metadata(scratch).context(scratch.display())?.permissions().mode();
    fs::set_permissions(scratch, Permissions::from_mode(mode | 0o011)).context(scratch.display())?;
    let directory = scratch.join("recovery");
    let postgres = Postgres::prepare(&directory)?;
    let wal_e = WalE::of_bucket(
        bucket,
        &directory,
        environment.gateway_address()?,
        &environment.access_key,
        &environment.secret_key,
    )?;
    fetch(&postgres, &wal_e, &settings(&wal_e))?;
    let server = postgres.start(&directory.join("postgres.log"))?;
    Ok(Recovered { postgres, _server: server })
}

/// Fetches the newest base backup into the empty data directory, and has the next start replay the log. `settings` are
/// further lines of the server's configuration.
pub(crate) fn fetch(postgres: &Postgres, wal_e: &WalE, settings: &str) -> Result<()> {
    let data = &postgres.data_dir;
    run("wal-e backup-fetch", wal_e.command(&["backup-fetch", &data.to_string_lossy(), "LATEST"]))?;

    // The files that WAL-E leaves out of a base backup.
    postgres.configure(&format!("{settings}\n{}", wal_e.restore_settings()))?;
    let status = data.join("pg_wal/archive_status");
    fs::create_dir_all(&status).context(status.display())?;
    hand_over(&data.join("pg_wal"))?;
    hand_over(&status)?;
    let signal = data.join("recovery.signal");
    fs::write(&signal, "").context(signal.display())?;
    hand_over(&signal)?;
    fs::set_permissions(data, Permissions::from_mode(0o700)).context(data.display())
}
