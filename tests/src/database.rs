//! The platform's database. It is filled like a controller's, and archived in `db_wal` by two base backups and the log.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::environment::Postgres;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::planted::Planted;
use crate::process::{Server, run_with_input};
use crate::wal_e::WalE;

const ARCHIVE_LIMIT: Duration = Duration::from_mins(2);

/// Makes, starts and fills the database. Nothing is archived yet, since the gateway may not be there.
pub fn start(postgres: &Postgres, planted: &Planted, directory: &Path) -> Result<Server> {
    postgres.initialize()?;
    // With an empty command, PostgreSQL keeps the segments until there is a real command.
    postgres.configure("archive_mode = on\narchive_command = ''")?;
    let server = postgres.start(&directory.join("postgres.log"))?;
    let mut command = postgres.psql("postgres")?;
    let password = planted.word("/deis/database/password")?;
    let admin_password = planted.word("/deis/database/adminPass")?;
    command
        .arg("-v")
        .arg(format!("password={password}"))
        .arg("-v")
        .arg(format!("admin_password={admin_password}"));
    for (variable, word) in planted.database_words() {
        command.arg("-v").arg(format!("{variable}={word}"));
    }
    run_with_input("Fill database", command, include_bytes!("../fixtures/database.sql"))?;
    Ok(server)
}

/// The statements that make the controller's empty tables in the database `deis`.
#[must_use]
pub(crate) fn tables() -> &'static str {
    let all = include_str!("../fixtures/database.sql");
    let from = all.find("CREATE TABLE").unwrap_or(0);
    let to = all.find("INSERT INTO").unwrap_or(all.len());
    &all[from..to]
}

/// Begins to archive: two base backups, with rows written between and after them. Returns when all is in the bucket.
pub fn push_backups(postgres: &Postgres, wal_e: &WalE, directory: &Path) -> Result<()> {
    postgres.configure(&wal_e.archive_settings())?;
    postgres.query("postgres", "SELECT pg_reload_conf()")?;
    for round in ["1", "2"] {
        wal_e.push_base_backup(postgres, &directory.join("wal-e.log"))?;
        let mut command = postgres.psql("deis")?;
        command.arg("-v").arg(format!("round={round}"));
        run_with_input("More rows", command, include_bytes!("../fixtures/more-rows.sql"))?;
        switch_segment(postgres)?;
    }
    wait_for_archiver(postgres)
}

fn switch_segment(postgres: &Postgres) -> Result<()> {
    postgres.query("postgres", "SELECT pg_switch_wal()").map(drop)
}

fn wait_for_archiver(postgres: &Postgres) -> Result<()> {
    let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    let begun = Instant::now();
    loop {
        if postgres.query("postgres", waiting)? == "0" {
            return Ok(());
        }
        interrupt::check()?;
        let failed = postgres.query("postgres", "SELECT failed_count FROM pg_stat_archiver")?;
        if failed != "0" || begun.elapsed() > ARCHIVE_LIMIT {
            return Err(Error::new(format!(
                "The archiver does not get through ({failed} failures): see postgres.log"
            )));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}
