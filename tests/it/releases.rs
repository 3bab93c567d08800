//! Other releases of Ceph than this machine's own: the contract suite, the vectors of the signer, and a bucket's way
//! through the program.
//!
//! `tests/run --all` alone runs these tests, one at a time, since each has a Ceph of its own.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::Instant;

use deis_store::s3::ObjectKey;
use deis_store_tests::ceph::{Ceph, Plan};
use deis_store_tests::environment::Environment;
use deis_store_tests::release::Release;
use serde_json::Value;

use crate::clusters::{b_for_another_user, client};
use crate::contract::{Gateway, KEYS, Which, rules_by_room};
use crate::main_job::{block, bucket, buckets_are_equal, put};
use crate::program::{Ran, alone, at_gateway};
use crate::signing;

#[test]
#[ignore = "tests/run --all runs it"]
fn all_holds_on_ceph_14() {
    all_holds(14);
}

#[test]
#[ignore = "tests/run --all runs it"]
fn all_holds_on_ceph_18() {
    all_holds(18);
}

#[test]
#[ignore = "tests/run --all runs it"]
fn all_holds_on_ceph_20() {
    all_holds(20);
}

fn all_holds(number: u8) {
    let release = match Release::installed(number) {
        Ok(release) => release,
        Err(why) => return tell(&format!("skipped: Ceph {number}: {why}")),
    };
    let version = release.version().unwrap();
    let started = Instant::now();
    let scratch = tempfile::tempdir_in("/tmp").unwrap();
    let plan = Plan::new(u8::try_from(release.frontends().len()).unwrap()).unwrap();
    let _ceph = Ceph::start_release(scratch.path(), &plan, &release).unwrap();
    tell(&format!("Ceph {version} is up after {} s", started.elapsed().as_secs()));
    let mut broken = Vec::new();
    for (address, frontend) in plan.gateways.iter().zip(release.frontends()) {
        let begun = Instant::now();
        let gateway = Gateway {
            release: number,
            frontend,
            url: format!("http://{address}"),
            access_key: plan.access_key.clone(),
            secret_key: plan.secret_key.clone(),
        };
        let gateway: &'static Gateway = Box::leak(Box::new(gateway));
        let mut of = |what: &str, check: &dyn Fn()| {
            let held = catch_unwind(AssertUnwindSafe(check)).is_ok();
            if !held {
                broken.push(format!("{what} on {frontend} of {version}"));
            }
            held
        };
        let rules =
            rules_by_room().into_iter().flat_map(|(room, rules)| rules.iter().map(move |rule| (room, rule)));
        let held = rules
            .filter(|(room, (name, rule))| of(&format!("{room}::{name}"), &|| rule(Which::Release(gateway))));
        let held = held.count();
        of("the signer's vectors", &|| vectors_are_signed(gateway));
        of("a bucket's way", &|| a_bucket_goes_its_way(gateway));
        tell(&format!(
            "Ceph {version}, {frontend}: {held} rules hold, after {} s",
            begun.elapsed().as_secs()
        ));
    }
    assert!(broken.is_empty(), "what does not hold: {broken:#?}");
}

/// Tells the person at the terminal, past the test harness, which keeps what a good test prints to itself.
fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The gateway alone, without the rest of a platform.
fn environment(gateway: &Gateway) -> Environment {
    Environment {
        name: format!("ceph-{}", gateway.release),
        directory: "/nonexistent".into(),
        gateways: vec![gateway.url.clone()],
        access_key: gateway.access_key.clone(),
        secret_key: gateway.secret_key.clone(),
        etcd: "http://127.0.0.1:1".to_owned(),
        tunnel: String::new(),
        ssh_config: "/nonexistent".into(),
        volume: "/nonexistent".into(),
        postgres: None,
        secrets: Vec::new(),
    }
}

fn vectors_are_signed(gateway: &Gateway) {
    let otherwise: &[&str] = match (gateway.release, gateway.frontend) {
        // It does not sign these two, which came later.
        (14, "beast") => &["rgw:policyStatus: 403", "rgw:publicAccessBlock: 403"],
        // Here the vector itself sends spaces behind a value.
        (14, _) => &["rgw:policyStatus: 403", "rgw:publicAccessBlock: 403", "rgw:meta-outer-spaces: 403"],
        // The signature is taken, and there is no such configuration; `_` is signed as it is.
        _ => &[
            "rgw:publicAccessBlock: 404",
            "rgw:meta-underscore signed wrongly: 200",
            "rgw:meta-underscore: 403",
            "rgw:meta-underscore-as-dash: 403",
        ],
    };
    assert_eq!(signing::otherwise_on(&environment(gateway)), otherwise);
}

/// A bucket is synced both ways, copied, backed up, restored on this machine's release, and comes back from there.
fn a_bucket_goes_its_way(gateway: &Gateway) {
    let here = &environment(gateway);
    let there = &b_for_another_user(&format!("of-{}-{}", gateway.release, gateway.frontend));
    let name = format!("way_{}_{}", gateway.release, gateway.frontend);
    let (way, copied) = (format!("s3://{name}"), format!("s3://copied_{name}"));
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();

    at(here, &["s3", "mb", &way]).code(0);
    at(here, &["s3", "mb", &copied]).code(0);
    for key in KEYS {
        put(&client(here), &bucket(&name), &ObjectKey::new(key).unwrap(), b"odd");
    }
    // One object in two parts.
    std::fs::create_dir(path("up")).unwrap();
    let large: Vec<u8> = (0..17_000_001_u32).map(|index| u8::try_from(index * 31 % 251).unwrap()).collect();
    std::fs::write(path("up/large"), large).unwrap();
    std::fs::write(path("up/empty"), "").unwrap();
    assert_eq!(counted(&at(here, &["--json", "s3", "sync", &path("up/"), &way]).code(0), "stored"), 2);
    let all = KEYS.len() as u64 + 2;

    for (from, to) in
        [(way.as_str(), path("down").as_str()), (&(path("down") + "/"), &copied), (&way, &copied)]
    {
        let synced = at(here, &["--json", "s3", "sync", from, to]).code(0);
        assert_eq!(counted(&synced, "listed"), all, "{from} to {to}: {synced:#?}");
        let again = at(here, &["--json", "s3", "sync", from, to]).code(0);
        assert_eq!(counted(&again, "unchanged"), all, "{from} to {to}: {again:#?}");
    }
    let info = at(here, &["--json", "s3", "info", &way]).code(0).json();
    assert!(info["report"]["places"][0]["objects"].as_u64().is_some_and(|count| count >= all), "{info:#}");
    at(here, &["s3", "info", "s3://no_such_bucket"]).code(1).says(&["no such bucket"]);

    let part = format!("bucket.{name}");
    let restored = |at_which: &Environment, snapshot: &str| {
        let report = at(at_which, &["restore", snapshot, "--yes", "--json"]).code(0).json();
        report["report"]["parts"][&part]["restored"].as_u64()
    };
    let snapshot = backed_up(here, scratch.path(), &name);
    assert_eq!(restored(there, &snapshot), Some(all));
    buckets_are_equal(here, there, &name);

    // The way back, after the bucket is gone. A second restore finds all of it there.
    at(here, &["s3", "rb", "-r", "-f", &way]).code(0);
    assert!(block(client(here).buckets()).unwrap().iter().all(|bucket| bucket.name != name));
    let snapshot = backed_up(there, scratch.path(), &name);
    assert_eq!(restored(here, &snapshot), Some(all));
    buckets_are_equal(here, there, &name);
    assert_eq!(restored(here, &snapshot), Some(0));
}

fn at(cluster: &Environment, arguments: &[&str]) -> Ran {
    at_gateway(&cluster.gateways[0], cluster, &cluster.secret_key, arguments)
}

fn counted(synced: &Ran, what: &str) -> u64 {
    synced.json()["report"]["counts"][what].as_u64().unwrap()
}

/// Backs a bucket up and verifies the snapshot.
fn backed_up(cluster: &Environment, scratch: &Path, name: &str) -> String {
    let repository = scratch.join("repository");
    let backup = ["backup", repository.to_str().unwrap(), "--bucket", name, "--json"];
    let report: Value = at(cluster, &backup).code(0).json();
    assert_eq!(report["report"]["verdict"], "good", "{report:#}");
    let snapshot = report["report"]["snapshot"].as_str().unwrap().to_owned();
    let verified = alone(&["verify", &snapshot, "--json"]).code(0).json();
    assert_eq!(verified["report"]["verdict"], "good", "{verified:#}");
    snapshot
}
