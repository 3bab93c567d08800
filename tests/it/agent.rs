//! The stand-in for fleet itself: what the tests of a whole restore build on.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deis_store_tests::agent::{Agent, Fault, Options, UNITS};
use deis_store_tests::bare::Bare;
use deis_store_tests::environment::Environment;
use deis_store_tests::http;

use crate::clusters::a;
use crate::program::on;

const STORE: &[&str] = UNITS.split_at(5).0;
const LIMIT: Duration = Duration::from_secs(30);

fn bare() -> (Bare, tempfile::TempDir) {
    let directory = tempfile::Builder::new().prefix("bare").tempdir().unwrap();
    (Bare::start(directory.path(), Options::default()).unwrap(), directory)
}

/// Runs a command on a machine, reached through the tunnel's.
fn ssh(environment: &Environment, address: &str, command: &str) -> (i32, String) {
    let (user_and_host, port) = environment.tunnel.rsplit_once(':').unwrap();
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(&environment.ssh_config);
    if address == "127.0.0.1" {
        ssh.args(["-p", port, user_and_host]);
    } else {
        ssh.args(["-J", &environment.tunnel, &format!("root@{address}")]);
    }
    let output = ssh.arg(command).stdin(Stdio::null()).output().unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (output.status.code().unwrap(), text)
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn states(agent: &Agent, unit: &str) -> Vec<String> {
    agent.states(unit).unwrap().into_values().collect()
}

#[test]
fn units_start_on_every_machine_and_a_unit_that_is_held_on_one_goes_on_when_that_is_mended() {
    let (bare, _directory) = bare();
    let (b, agent) = (bare.environment(), bare.agent());
    let value = |key: &str| bare.etcd().value(key).unwrap();
    assert_eq!(value("/deis/store/gateway/host"), None);

    let (code, said) = ssh(b, "127.0.0.1", "deisctl install platform");
    assert!(code == 0 && said.contains("deis-store-monitor.service: loaded"), "{said}");
    assert_eq!(states(agent, "deis-store-monitor.service"), ["dead", "dead", "dead"]);
    assert_eq!(states(agent, "deis-database.service"), ["dead"]);

    bare.etcd().set("/deis/store/pgNum", "128").unwrap();
    agent.launch(&STORE[..3]).unwrap();
    let settings = agent.store_settings_at_first_start().unwrap();
    assert_eq!(settings.get("pgNum").map(String::as_str), Some("128"));
    assert_eq!((settings.len(), value("/deis/store/size").as_deref()), (1, Some("3")));

    // The volume is mounted on two machines only, and the third one says why.
    let held = Fault::Stuck { unit: "deis-store-volume.service", address: "127.0.0.3" };
    agent.fault(held.clone());
    agent.set_target("deis-store-volume.service", "launched").unwrap();
    until("two volumes", || {
        states(agent, "deis-store-volume.service") == ["running", "running", "start-pre"]
    });
    assert!(ssh(b, "127.0.0.2", "cat /proc/mounts").1.contains(":/ /var/lib/deis/store ceph rw"));
    assert!(!ssh(b, "127.0.0.3", "cat /proc/mounts").1.contains("/var/lib/deis/store"));
    let (_, journal) = ssh(b, "127.0.0.3", "journalctl --no-pager -n 20 -u deis-store-volume.service");
    assert!(journal.contains("waiting for a lock that never comes"), "{journal}");
    agent.mend(&held);
    agent.wait_for("deis-store-volume.service", "running", LIMIT).unwrap();
    assert!(ssh(b, "127.0.0.3", "cat /proc/mounts").1.contains("/var/lib/deis/store ceph"));

    // A gateway is published as long as it is refreshed, and may be one that does not work.
    agent.launch(&["deis-store-gateway@1.service"]).unwrap();
    until("a gateway", || value("/deis/store/gateway/hosts/127.0.0.1/port").is_some());
    on(b, &["s3", "ls"]).code(0);
    agent.fault(Fault::GatewayAnswers(403));
    until("a broken gateway", || on(b, &["s3", "ls"]).code != Some(0));
    agent.mend(&Fault::GatewayAnswers(403));
    let (code, said) = ssh(b, "127.0.0.1", "deisctl scale store-gateway=2");
    assert_eq!(code, 0, "{said}");
    agent.wait_for("deis-store-gateway@2.service", "running", LIMIT).unwrap();
    let port = value("/deis/store/gateway/port").unwrap();
    until("a second gateway", || value("/deis/store/gateway/hosts/127.0.0.2/port").as_ref() == Some(&port));
    assert!(http::serves(&format!("127.0.0.2:{port}")));
    assert_eq!(value("/deis/store/gateway/host").as_deref(), Some("127.0.0.1"));
    agent.fault(Fault::LeaderOnly);
    until("the leader alone", || value("/deis/store/gateway/hosts/127.0.0.2/port").is_none());

    // Without a base backup in the bucket, the database is a new one, and pushes its own.
    let data = || ssh(b, "127.0.0.2", "docker inspect deis-database-data").0;
    let survivor = Fault::DataContainer { address: "127.0.0.2", init_id: "older" };
    agent.fault(survivor.clone());
    assert_eq!(data(), 0);
    agent.mend(&survivor);
    assert_eq!(data(), 1);
    agent.launch(&["deis-database.service"]).unwrap();
    until("the database", || value("/deis/database/host").as_deref() == Some("127.0.0.2"));
    let journal = agent.journal("deis-database.service");
    assert!(journal.contains("no backups found. Initializing a new database..."), "{journal}");
    assert!(value("/deis/database/initId").is_some());

    // A machine whose sshd is killed has its mounts and containers when it is back.
    agent.machines()[1].host().kill();
    assert_eq!(ssh(b, "127.0.0.2", "true").0, 255);
    agent.machines()[1].host().start_again().unwrap();
    assert!(ssh(b, "127.0.0.2", "docker ps; cat /proc/mounts").1.contains("/var/lib/deis/store ceph"));
    agent.fault(Fault::GatewayNotRefreshed);
    until("no gateway", || value("/deis/store/gateway/host").is_none());

    // Nothing else was started again by all this.
    let counts = agent.counts();
    assert_eq!(counts.starts_of("deis-store-volume.service"), 3, "{counts:?}");
    assert_eq!((counts.installs, counts.starts_of("deis-store-monitor.service")), (1, 3), "{counts:?}");
    assert_eq!((counts.initialisations, counts.restores, counts.own_base_backups), (1, 0, 1));
}

#[test]
#[ignore = "tests/run --all runs it"]
fn a_database_comes_back_from_the_bucket_and_the_controller_writes_its_keys() {
    let (bare, directory) = bare();
    let (b, agent) = (bare.environment(), bare.agent());
    agent.install().unwrap();
    agent.launch(STORE).unwrap();
    bring_back("db_wal", b, directory.path());
    agent.launch(&["deis-database.service", "deis-controller.service"]).unwrap();
    until("the controller", || bare.etcd().value("/deis/controller/host").unwrap().is_some());

    let journal = agent.journal("deis-database.service");
    assert!(
        journal.contains("restoring from backup...") && !journal.contains("no backups found"),
        "{journal}"
    );
    assert!(b.postgres().unwrap().dump().unwrap() == a().postgres().unwrap().dump().unwrap());
    let count = |key: &str| bare.etcd().tree(key).unwrap().unwrap()["nodes"].as_array().unwrap().len();
    assert_eq!((count("/deis/services"), count("/deis/builder/users")), (300, 40));

    let inside =
        |container: &str, command: &str| ssh(b, "127.0.0.2", &format!("docker exec {container} {command}"));
    let rows = inside("deis-database", "sudo -u postgres psql -At -d deis -c 'SELECT count(*) FROM api_app'");
    assert!(rows.1.contains("300"), "{rows:?}");
    let (code, said) = inside(
        "deis-database",
        "sudo -u postgres envdir /etc/wal-e.d/env wal-e backup-push /var/lib/postgresql/9.3/main",
    );
    assert_eq!(code, 0, "{said}");
    bare.etcd().remove("/deis/domains").unwrap();
    let etcd = b.etcd.trim_start_matches("http://127.0.0.1");
    for (host, domains) in [("127.0.0.9", false), ("127.0.0.3", false), ("127.0.0.2", true)] {
        if host == "127.0.0.3" {
            agent.fault(Fault::ControllerWithoutEtcd);
        } else {
            agent.mend(&Fault::ControllerWithoutEtcd);
        }
        let lines = "printf '%s\\n' 'import api.models as m' '[x.save() for x in m.Domain.objects.all()] and None' nonsense";
        let shell = format!(
            "docker exec -i deis-controller sh -c 'cd /app && ETCD={host}{etcd} exec ./manage.py shell'"
        );
        let (code, said) = ssh(b, "127.0.0.2", &format!("{lines} | {shell}"));
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("NameError") && said.contains("Cannot synchronize") != domains, "{said}");
        assert_eq!(bare.etcd().tree("/deis/domains").unwrap().is_some(), domains, "{said}");
    }
    // It pushes one more backup when it stops, and finds its data when it starts again.
    agent.set_target("deis-database.service", "loaded").unwrap();
    agent.wait_for("deis-database.service", "dead", LIMIT).unwrap();
    assert_eq!(ssh(b, "127.0.0.2", "docker inspect --format '{{.State.Running}}' deis-database").0, 1);
    let data = ssh(b, "127.0.0.2", "docker inspect --format '{{.State.Running}}' deis-database-data");
    assert!(data.0 == 0 && data.1.contains("false"), "{data:?}");
    agent.launch(&["deis-database.service"]).unwrap();
    until("the database", || {
        agent.journal("deis-database.service").matches("postgres is running").count() == 2
    });

    let counts = agent.counts();
    assert_eq!((counts.reuses, counts.own_base_backups), (1, 1));
    assert_eq!(
        (counts.restores, counts.initialisations, counts.base_backups, counts.publications, counts.shells),
        (1, 0, 1, 1, 3)
    );
    assert_eq!(ssh(b, "127.0.0.1", "docker inspect --format '{{.State.Running}}' deis-database").0, 1);
}

/// Restores a part of cluster A.
fn bring_back(part: &str, b: &Environment, scratch: &Path) {
    let repository = scratch.join("backup");
    let words = ["backup", repository.to_str().unwrap(), "--only", part, "--json"];
    let backup = on(&a(), &words).code(0).json();
    let snapshot = backup["report"]["snapshot"].as_str().unwrap();
    on(b, &["restore", snapshot, "--yes", "--only", part]).code(0);
}
