//! The unit of the database: it restores a real one with WAL-E from the bucket, or makes a new one, and archives it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::boot::{Boot, Store};
use super::fault::Fault;
use super::shared::{Shared, lock};
use crate::error::{Context, Error, Result};
use crate::postgres::hand_over;
use crate::process::run as run_program;
use crate::random;
use crate::recovery;
use crate::wal_e::WalE;

/// The container that holds the data on a machine.
pub(super) const DATA: &str = "deis-database-data";
const INIT_ID: &str = "/deis/database/initId";
const ARCHIVE_LIMIT: Duration = Duration::from_mins(1);

/// The unit, as `boot` in its container does it.
pub(super) fn run(boot: &Boot<'_>) -> Result<()> {
    boot.machine.keep_data(DATA)?;
    boot.running()?;
    let wal_e = configure(boot)?;
    let made = prepare(boot, &wal_e)?;
    let (shared, site) = (boot.shared, boot.site());
    let server = site.postgres.start(&site.directory.join("postgres.log"))?;
    *lock(&shared.database) =
        super::shared::Database { server: Some(server), wal_e: Some(wal_e), on: Some(boot.number) };
    if made {
        site.postgres.query("postgres", "CREATE ROLE deis LOGIN")?;
        site.postgres.query("postgres", "CREATE DATABASE deis OWNER deis")?;
        boot.say("database: performing an initial backup...");
        push(shared)?;
        shared.record().counts.own_base_backups += 1;
    }
    boot.say("database: postgres is running...");
    let here = |name: &str, value: &str| (format!("/deis/database/{name}"), value.to_owned());
    boot.publish(&[here("host", boot.machine.address()), here("port", &site.postgres.port.to_string())])
}

/// What the unit does before it stops: later releases push a base backup. As there, a failure changes nothing.
pub(super) fn stop(boot: &Boot<'_>) {
    let runs = lock(&boot.shared.database).server.is_some();
    if runs && boot.site().options.release.backs_up_at_stop() {
        match push(boot.shared) {
            Ok(()) => boot.shared.record().counts.own_base_backups += 1,
            Err(error) => boot.say(&error.to_string()),
        }
    }
}

/// Pushes a base backup, and waits until its log is in the bucket, too.
pub(super) fn push(shared: &Shared) -> Result<()> {
    let database = lock(&shared.database);
    let (Some(_), Some(wal_e)) = (&database.server, &database.wal_e) else {
        return Err(Error::new("could not connect to server: is the server running locally?"));
    };
    if shared.is_faulty(&Fault::BackupFails) {
        return Err(Error::new(
            "wal_e.main   CRITICAL MSG: An unprocessed exception has avoided all error handling",
        ));
    }
    let postgres = &shared.site.postgres;
    wal_e.push_base_backup(postgres, &shared.site.directory.join("wal-e.log"))?;
    let begun = Instant::now();
    let waiting = "SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    while postgres.query("postgres", waiting)? != "0" {
        if begun.elapsed() > ARCHIVE_LIMIT {
            return Err(Error::new("The archiver does not get through: see postgres.log"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Runs another command of WAL-E, and returns its output.
pub(super) fn ask(shared: &Shared, words: &[&str]) -> Result<String> {
    let database = lock(&shared.database);
    let wal_e = database.wal_e.as_ref().ok_or_else(|| Error::new("no /etc/wal-e.d/env"))?;
    run_program("wal-e", wal_e.command(words))
}

/// Waits for the gateway, and writes the configuration of WAL-E. Makes the bucket.
fn configure(boot: &Boot<'_>) -> Result<WalE> {
    boot.defaults(&[
        ("/deis/database/engine", "postgresql_psycopg2"),
        ("/deis/database/adminUser", "postgres"),
        ("/deis/database/adminPass", "changeme123"),
        ("/deis/database/user", "deis"),
        ("/deis/database/password", "changeme123"),
        ("/deis/database/name", "deis"),
        ("/deis/database/bucketName", "db_wal"),
    ])?;
    boot.pause(boot.delay())?;
    let (Store { gateway, access_key, secret_key, bucket }, made) =
        boot.bucket("/deis/database/bucketName")?;
    if let Err(error) = made {
        boot.say(&error.to_string());
        if boot.site().options.release.believes_no_failed_list() {
            return Err(error);
        }
    }
    WalE::of_bucket(&bucket, &boot.site().directory.join("postgres"), &gateway, &access_key, &secret_key)
}

/// Brings the data into place. Tells whether it is a new database.
fn prepare(boot: &Boot<'_>, wal_e: &WalE) -> Result<bool> {
    let (postgres, etcd) = (&boot.site().postgres, boot.etcd());
    let settings = format!(
        "{}\nlisten_addresses = '127.0.0.1,{}'\nrecovery_target_timeline = 'current'",
        wal_e.archive_settings(),
        boot.machine.address()
    );
    let expected = etcd.value(INIT_ID)?.unwrap_or_else(|| "none".to_owned());
    boot.say(&format!("database: expecting initialization id: {expected}"));
    if found(boot).as_deref() == Some(&expected) {
        boot.say("database: existing data directory found. Starting postgres...");
        boot.shared.record().counts.reuses += 1;
        if lock(&boot.shared.database).on != Some(boot.number) {
            empty(boot)?;
            postgres.initialize()?;
        }
        postgres.configure(&settings)?;
        return Ok(false);
    }
    boot.say("database: no existing database found or it is outdated.");
    let restored = has_backups(boot, wal_e)?;
    empty(boot)?;
    if restored {
        boot.say("database: restoring from backup...");
        boot.shared.record().counts.restores += 1;
        recovery::fetch(postgres, wal_e, &settings)?;
    } else {
        boot.say("database: no backups found. Initializing a new database...");
        boot.shared.record().counts.initialisations += 1;
        postgres.initialize()?;
        postgres.configure(&settings)?;
    }
    let (init_id, file) = (random::uuid()?, initialized(boot));
    fs::write(&file, format!("{init_id}\n")).context(file.display())?;
    hand_over(&file)?;
    lock(&boot.shared.database).on = Some(boot.number);
    etcd.set(INIT_ID, &init_id)?;
    Ok(!restored)
}

/// The id of the data on this machine.
fn found(boot: &Boot<'_>) -> Option<String> {
    if lock(&boot.shared.database).on == Some(boot.number) {
        return Some(fs::read_to_string(initialized(boot)).ok()?.trim_end().to_owned());
    }
    boot.shared.find_fault(|fault| match fault {
        Fault::DataContainer { address, init_id } if *address == boot.machine.address() => {
            Some((*init_id).to_owned())
        }
        _ => None,
    })
}

/// Whether there are base backups: more lines than the heading.
fn has_backups(boot: &Boot<'_>, wal_e: &WalE) -> Result<bool> {
    if boot.shared.is_faulty(&Fault::NoBackupsFound) {
        return Ok(false);
    }
    match run_program("wal-e backup-list", wal_e.command(&["backup-list"])) {
        Ok(list) => Ok(list.lines().count() > 1),
        Err(error) if boot.site().options.release.believes_no_failed_list() => Err(error),
        Err(error) => {
            boot.say(&error.to_string());
            Ok(false)
        }
    }
}

/// Empties the data directory.
fn empty(boot: &Boot<'_>) -> Result<()> {
    let data = &boot.site().postgres.data_dir;
    fs::remove_dir_all(data).and_then(|()| fs::create_dir(data)).context(data.display())?;
    fs::set_permissions(data, Permissions::from_mode(0o700)).context(data.display())?;
    hand_over(data)
}

fn initialized(boot: &Boot<'_>) -> PathBuf {
    boot.site().postgres.data_dir.join("initialized")
}
