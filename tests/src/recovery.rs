//! Proof that a bucket `db_wal` can be restored: WAL-E fetches the newest base backup, `PostgreSQL` replays the log.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::environment::{Environment, Postgres};
use crate::error::{Context, Result};
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

    /// The answer of psql in one of its databases.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        self.postgres.query(database, sql)
    }
}

/// Restores the database from `db_wal` of this cluster, as a new Deis database would, and runs it on a free port.
///
/// `scratch` must exist and be new. Its parents must let the user postgres through; `scratch` itself is made to.
pub fn recover(environment: &Environment, scratch: &Path) -> Result<Recovered> {
    let mode = fs::metadata(scratch).context(scratch.display())?.permissions().mode();
    fs::set_permissions(scratch, Permissions::from_mode(mode | 0o011)).context(scratch.display())?;
    let directory = scratch.join("recovery");
    let postgres = Postgres::prepare(&directory)?;
    let wal_e = WalE::new(
        &directory,
        environment.gateway_address()?,
        &environment.access_key,
        &environment.secret_key,
    )?;
    fetch(&postgres, &wal_e, "archive_mode = off")?;
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
