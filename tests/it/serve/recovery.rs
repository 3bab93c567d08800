//! Instant recovery: a snapshot of a real platform's bucket takes the place of the store. WAL-E fetches from it, PostgreSQL starts
//! and archives into it, it is killed and started again, and then all of it moves into a radosgw, from which the database comes back
//! with the rows that were written meanwhile.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use deis_store_tests::environment::Environment;
use deis_store_tests::etcd::{Client, Etcd};
use deis_store_tests::wal_e::{self, Recovered};

use super::Served;
use crate::clusters::{a, a_with_own_etcd};
use crate::program::{Ran, command, on, ran};
use crate::s3cmd::S3cmd;

const ARCHIVE_LIMIT: Duration = Duration::from_mins(3);

/// A directory that the user postgres may enter.
fn place(scratch: &Path, name: &str) -> std::path::PathBuf {
    let place = scratch.join(name);
    std::fs::create_dir(&place).unwrap();
    for directory in [scratch, &place] {
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    place
}

fn published(etcd: &Client, name: &str) -> Option<String> {
    etcd.value(&format!("/deis/store/gateway/{name}")).unwrap()
}

/// The cluster as its components see it: by what is published.
fn as_published(cluster: &Environment, etcd: &Client) -> Environment {
    let [host, port, access_key, secret_key] =
        ["host", "port", "accessKey", "secretKey"].map(|name| published(etcd, name).unwrap());
    Environment { gateways: vec![format!("http://{host}:{port}")], access_key, secret_key, ..cluster.clone() }
}

fn snapshot_of(backup: &Ran) -> String {
    backup.json()["report"]["snapshot"].as_str().unwrap().to_owned()
}

/// Restores both buckets of a snapshot into a radosgw, into buckets of these names, and brings the database up from there.
fn restored(snapshot: &str, name: &str, scratch: &Path) -> Recovered {
    let registry = format!("{name}_registry");
    let names = [("/deis/database/bucketName", name), ("/deis/registry/bucketName", &*registry)];
    let target = a_with_own_etcd(&names);
    on(&target.environment, &["restore", snapshot, "--only", "db_wal,registry", "--yes"]).code(0);
    wal_e::recover_from(name, &target.environment, &place(scratch, name)).unwrap()
}

#[test]
fn a_database_runs_from_the_backup_itself_and_what_it_writes_outlives_a_kill_and_moves_on() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let repository = scratch.path().join("backup");
    let backup = ["backup", repository.to_str().unwrap(), "--only", "db_wal,registry", "--json"];
    let snapshot = &*snapshot_of(&on(&a, &backup).code(0));
    let live = a.postgres().unwrap().dump().unwrap();

    let directory = tempfile::tempdir().unwrap();
    let etcd = Etcd::start(directory.path()).unwrap();
    etcd.client().set("/deis/platform/domain", "new.example.net").unwrap();
    let writes = scratch.path().join("writes");
    let serve = |listen: &str| -> Command {
        let mut program = command();
        program.env("DEIS_STORE_ETCD", etcd.client().url());
        program.args(["serve", snapshot, "--listen", listen, "--publish", "--yes", "--writes"]).arg(&writes);
        program
    };
    let begun = Instant::now();
    let served = Served::start(&mut serve("127.0.0.1:0"));
    let listening = begun.elapsed();
    let cluster = as_published(&a, etcd.client());
    assert_eq!(cluster.gateways, std::slice::from_ref(&served.url));
    let recovered = wal_e::recover_and_archive(&cluster, &place(scratch.path(), "first")).unwrap();
    let runs = begun.elapsed();
    assert!(recovered.dump().unwrap() == live, "the database is the one that was backed up");
    // The same from the same snapshot by a whole restore of the two buckets.
    let begun = Instant::now();
    let whole = restored(snapshot, "served_whole", scratch.path());
    eprintln!(
        "served: listening after {listening:?}, the database runs after {runs:?}; restored: it runs after {:?}",
        begun.elapsed()
    );
    assert!(whole.dump().unwrap() == live, "a restore gives the same");
    drop(whole);

    recovered
        .query("deis", "CREATE TABLE meanwhile (what text); INSERT INTO meanwhile VALUES ('before')")
        .unwrap();
    recovered.archive_all(ARCHIVE_LIMIT).unwrap();
    let address = served.address().to_owned();
    served.kill();
    recovered.query("deis", "INSERT INTO meanwhile VALUES ('while nothing answered')").unwrap();
    let served = Served::start(&mut serve(&address));
    assert_eq!(served.address(), address);
    recovered.query("deis", "INSERT INTO meanwhile VALUES ('afterwards')").unwrap();
    recovered.archive_all(ARCHIVE_LIMIT).unwrap();
    let now = recovered.dump().unwrap();
    drop(recovered);

    // All of it moves into a radosgw: to a backup, what is served is the platform's gateway.
    let mut backup = command();
    backup.env("DEIS_STORE_ETCD", etcd.client().url()).arg("backup").arg(&repository);
    let moved = snapshot_of(&ran(backup.args(["--only", "db_wal,registry", "--json"])).code(0));
    let radosgw = S3cmd::new(&a);
    on(&a, &["s3", "mb", "s3://served_synced"]).code(0);
    let mut sync = command();
    sync.env("AWS_ACCESS_KEY_ID", &cluster.access_key).env("AWS_SECRET_ACCESS_KEY", &cluster.secret_key);
    sync.args(["--gateway", &served.url, "s3", "sync", "s3://db_wal", "s3://served_synced"]);
    sync.args(["--last", "*_backup_stop_sentinel.json", "--to-s3cfg", &radosgw.path("s3cfg")]);
    ran(&mut sync).code(0);
    let (code, said) = served.stop("TERM");
    assert_eq!(code, Some(0), "{said}");
    for name in ["host", "port", "masterLock", "accessKey", "secretKey", "hosts/127.0.0.1/host"] {
        assert_eq!(published(etcd.client(), name), None, "{name} is taken away");
    }
    let rows = "SELECT string_agg(what, ',' ORDER BY what) FROM meanwhile";
    for recovered in [
        restored(&moved, "served_moved", scratch.path()),
        wal_e::recover_from("served_synced", &a, &place(scratch.path(), "synced")).unwrap(),
    ] {
        assert!(recovered.dump().unwrap() == now, "the database has all that was written meanwhile");
        assert_eq!(recovered.query("deis", rows).unwrap(), "afterwards,before,while nothing answered");
    }
    ran(command().args(["verify", snapshot])).code(0);
}

#[test]
fn what_is_published_expires_after_a_kill_and_no_living_gateway_is_put_aside() {
    let (scratch, directory) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let snapshot = super::golden(scratch.path());
    let etcd = Etcd::start(directory.path()).unwrap();
    let serve = |writes: &str| -> Command {
        let mut program = command();
        program.env("DEIS_STORE_ETCD", etcd.client().url()).arg("serve").arg(&snapshot);
        program.args(["--listen", "127.0.0.1:0", "--publish", "--yes", "--writes"]);
        program.arg(scratch.path().join(writes));
        program
    };
    let first = Served::start(&mut serve("first"));
    // Kept up for longer than it lasts by itself; and a second one is refused meanwhile.
    ran(&mut serve("second")).code(5).says(&["another gateway is published, and kept up", "deisctl stop"]);
    assert_eq!(published(etcd.client(), "port").as_deref(), first.address().rsplit(':').next());
    first.kill();
    let second = Served::start(&mut serve("second"));
    assert_eq!(published(etcd.client(), "port").as_deref(), second.address().rsplit(':').next());
    // A real gateway that is started sets its keys; ours are back soon, and at the end the others are.
    etcd.client().set("/deis/store/gateway/accessKey", "OTHER").unwrap();
    etcd.client().set("/deis/store/gateway/secretKey", "OTHERSECRET").unwrap();
    let begun = Instant::now();
    while published(etcd.client(), "accessKey").as_deref() == Some("OTHER") {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(second.stop("INT").0, Some(0));
    assert_eq!(published(etcd.client(), "accessKey").as_deref(), Some("OTHER"));
    assert_eq!(published(etcd.client(), "secretKey").as_deref(), Some("OTHERSECRET"));
    assert_eq!(published(etcd.client(), "host"), None);
    // Nothing can be set below a value: what was set before that is put back.
    etcd.client().set("/deis/store/gateway/hosts/127.0.0.1", "of another kind").unwrap();
    ran(&mut serve("second")).code(2).says(&["/deis/store/gateway/hosts/127.0.0.1"]);
    assert_eq!(published(etcd.client(), "accessKey").as_deref(), Some("OTHER"));
    assert_eq!(published(etcd.client(), "secretKey").as_deref(), Some("OTHERSECRET"));
    for name in ["host", "port", "masterLock"] {
        assert_eq!(published(etcd.client(), name), None, "{name}");
    }
}
