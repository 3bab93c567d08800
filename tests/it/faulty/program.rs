//! The program and what it is made of, at a faulty gateway: a part that is missing is never exit code 0.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::scope;
use std::time::Duration;

use deis_store::backup::{BackupOptions, BackupReport};
use deis_store::cluster::Cluster;
use deis_store::outcome::Outcome;
use deis_store::part::{Part, PartChoice};
use deis_store::remote::Local;
use deis_store::run::Run;
use deis_store::snapshot::{ListLine, Repository, SnapshotReader};
use deis_store::{ErrorKind, Result};
use deis_store_tests::faulty::{Answer, Edit, Fault, FaultyGateway, Operation, edited, etag, instead};
use serde_json::Value;

use super::{ALWAYS, ATTEMPTS, ONCE, bytes, client, runtime};
use crate::program::{Ran, command, ran};

const OBJECTS: usize = 15;

/// Objects of many sizes, and a tag, which a backup copies in a pass of its own.
fn filled() -> FaultyGateway {
    let gateway = FaultyGateway::start().unwrap();
    for (key, body) in objects() {
        gateway.store("registry", &key, &body);
    }
    gateway.set_page_entries(5);
    gateway
}

fn objects() -> Vec<(String, Vec<u8>)> {
    let image = |number: usize| (format!("registry/images/{number:02}/layer"), bytes(number * number * 1000));
    // A tag with all that it needs.
    let tagged = [
        ("registry/images/zz/ancestry", r#"["zz"]"#),
        ("registry/images/zz/json", "{}"),
        ("registry/images/zz/layer", "layer"),
        ("registry/repositories/library/app/tag_latest", "zz"),
    ]
    .map(|(key, body)| (key.to_owned(), body.as_bytes().to_vec()));
    (0..OBJECTS - tagged.len()).map(image).chain(tagged).collect()
}

/// The program at this gateway.
fn at(gateway: &FaultyGateway, arguments: &[&str]) -> Ran {
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
    ran(command.args(["--gateway", &gateway.url()]).args(arguments))
}

/// A backup, held against what must hold of each one; its exit code and report.
fn backup(name: &str, gateway: &FaultyGateway) -> (i32, Value) {
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let run = at(gateway, &["backup", repository.to_str().unwrap(), "--only", "registry", "--json"]);
    let code = run.code.unwrap_or_else(|| panic!("{name}: {run:#?}"));
    let report = run.json()["report"].clone();
    let snapshot = report["snapshot"].as_str().map(PathBuf::from);
    let whole =
        snapshot.as_ref().is_some_and(|snapshot| objects().iter().all(|object| is_in(snapshot, object)));
    assert_eq!(
        code == 0,
        whole,
        "{name}: exit code 0 and nothing else says that nothing is missing: {run:#?}"
    );
    if let Some(snapshot) = snapshot {
        let verify = ran(command().args(["verify", snapshot.to_str().unwrap()]));
        assert_eq!(verify.code == Some(0), code == 0, "{name}: {run:#?} {verify:#?}");
    }
    (code, report)
}

fn is_in(snapshot: &Path, (key, body): &(String, Vec<u8>)) -> bool {
    std::fs::read(snapshot.join("registry").join(key)).is_ok_and(|file| file == *body)
}

#[test]
fn a_backup_from_an_honest_gateway_has_every_object_and_needs_no_request_twice() {
    let gateway = filled();
    let (code, report) = backup("honest", &gateway);
    assert_eq!(code, 0, "{report:#}");
    assert_eq!(report["parts"]["registry"]["counts"]["stored"], OBJECTS);
    let mut targets: Vec<_> =
        gateway.asked_for(Operation::GetObject).into_iter().map(|asked| asked.target.clone()).collect();
    targets.dedup();
    assert_eq!(targets.len(), OBJECTS);
}

#[test]
fn a_backup_mends_what_passes() {
    let faults = [
        ("short bodies", None, Fault::Short(700)),
        ("resets", None, Fault::Reset(700)),
        ("closed connections", None, Fault::Closed),
        ("SlowDown", None, instead(Answer::error(503, "SlowDown"))),
        ("502 of a router", None, instead(Answer::html(502))),
        ("a captive portal", None, instead(Answer::html(200))),
        ("flipped bits", Some(Operation::GetObject), Fault::Flipped(3)),
        (
            "another ETag",
            Some(Operation::GetObject),
            edited(|answer| {
                *answer = answer.clone().header("ETag", &format!("\"{}\"", etag(b"another")));
            }),
        ),
        ("no such key", Some(Operation::GetObject), instead(Answer::error(404, "NoSuchKey"))),
        ("another clock", None, instead(Answer::error(403, "RequestTimeTooSkewed"))),
    ];
    scope(|threads| {
        for (name, operation, fault) in faults {
            threads.spawn(move || {
                let gateway = filled();
                // A clock is learnt once for a request.
                let nth = if name == "another clock" { 3..4 } else { 3..6 };
                gateway.on(operation, "", nth, fault);
                let (code, report) = backup(name, &gateway);
                assert_eq!(code, 0, "{name}: {report:#}");
            });
        }
    });
}

#[test]
fn a_backup_names_the_object_that_the_gateway_does_not_give() {
    let faults = [
        ("flipped bits", Fault::Flipped(3), 4),
        ("no such key", instead(Answer::error(404, "NoSuchKey")), 4),
        ("a captive portal", instead(Answer::html(200)), 3),
        ("no ETag", edited(|answer| answer.remove("ETag")), 3),
        ("denied", instead(Answer::error(403, "AccessDenied")), 3),
        ("404 of a router", instead(Answer::html(404)), 3),
        ("elsewhere", instead(Answer::html(307).header("Location", "/")), 3),
        ("nothing of it", Fault::Short(0), 3),
    ];
    scope(|threads| {
        for (name, fault, expected) in faults {
            threads.spawn(move || {
                let gateway = filled();
                gateway.on(Operation::GetObject, "images/05", ALWAYS, fault);
                let (code, report) = backup(name, &gateway);
                assert_eq!(code, expected, "{name}: {report:#}");
                let findings = report["findings"].as_array().unwrap();
                let named = findings.iter().any(|finding| finding.to_string().contains("images/05"));
                assert!(named, "{name}: {report:#}");
                assert_eq!(
                    report["parts"]["registry"]["counts"]["stored"],
                    OBJECTS - 1,
                    "{name}: {report:#}"
                );
            });
        }
    });
}

#[test]
fn a_backup_without_a_whole_listing_is_none() {
    let cut: Edit = |page| page.body.truncate(page.body.len() - 30);
    let faults = [
        ("cut off", edited(cut), 1),
        ("short", Fault::Short(200), 6),
        ("a captive portal", instead(Answer::html(200)), 1),
        ("busy", instead(Answer::error(503, "SlowDown")), 6),
        ("denied", instead(Answer::error(403, "AccessDenied")), 1),
    ];
    scope(|threads| {
        for (name, fault, expected) in faults {
            threads.spawn(move || {
                let gateway = filled();
                // From the second page of the second pass on.
                gateway.on(Operation::ListObjects, "marker=", ALWAYS, fault);
                let (code, report) = backup(name, &gateway);
                assert_eq!((code, report["snapshot"].as_str()), (expected, None), "{name}: {report:#}");
            });
        }
    });
}

#[test]
fn ls_shows_all_or_fails() {
    let lines = |run: &Ran| run.stdout.lines().count();
    for fault in [Fault::Short(200), instead(Answer::html(200)), Fault::Closed] {
        let gateway = filled();
        gateway.on(Operation::ListObjects, "", 1..3, fault);
        let run = at(&gateway, &["s3", "ls", "--recursive", "s3://registry"]).code(0);
        assert_eq!(lines(&run), OBJECTS, "{run:#?}");
    }
    let gateway = filled();
    gateway.on(Operation::ListObjects, "", 1..usize::MAX, instead(Answer::error(403, "AccessDenied")));
    at(&gateway, &["s3", "ls", "--recursive", "s3://registry"]).code(1).says(&["denies access", "to do:"]);
}

#[test]
fn get_writes_the_object_or_no_file() {
    let key = "registry/images/10/layer";
    let gateway = filled();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("layer");
    let arguments = ["s3", "get", &format!("s3://registry/{key}"), file.to_str().unwrap()].map(str::to_owned);
    let get = |fault, nth| {
        gateway.on(Operation::GetObject, key, nth, fault);
        at(&gateway, &arguments.each_ref().map(String::as_str))
    };
    get(Fault::Reset(50_000), ONCE).code(0);
    assert_eq!(std::fs::read(&file).unwrap(), bytes(100_000));
    std::fs::remove_file(&file).unwrap();

    // Each rule has met nothing before it was added.
    get(Fault::Flipped(50_000), ONCE).code(4).says(&["its bytes have MD5", "to do:"]);
    get(Fault::Replaced { at: 50_000, by: bytes(99).into() }, ONCE)
        .code(5)
        .says(&["not what it was", "to do:"]);
    get(instead(Answer::html(404)), ONCE).code(1).says(&["not a gateway's", "to do:"]);
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
}

#[test]
fn get_of_a_prefix_mends_what_passes_and_names_what_stays() {
    let key = "images/07";
    let whole = bytes(7 * 7 * 1000);
    let get = |nth, fault| {
        let (gateway, scratch) = (filled(), tempfile::tempdir().unwrap());
        gateway.on(Operation::GetObject, key, nth, fault);
        let arguments =
            ["s3", "get", "-r", "s3://registry/registry/", scratch.path().to_str().unwrap(), "--json"];
        let run = at(&gateway, &arguments);
        let file = std::fs::read(scratch.path().join("images/07/layer")).ok();
        let failed = run.json()["report"]["failed"].clone();
        let downloaded = run.json()["report"]["downloaded"].as_array().unwrap().len();
        (run.code, file, failed, downloaded)
    };
    for fault in [Fault::Flipped(3), Fault::Short(9), instead(Answer::error(404, "NoSuchKey"))] {
        let (code, file, failed, downloaded) = get(ONCE, fault.clone());
        assert!(
            code == Some(0) && file.as_ref() == Some(&whole) && downloaded == OBJECTS,
            "{fault:?} {failed}"
        );
    }
    let (code, file, ..) = get(ONCE, Fault::Replaced { at: 300, by: bytes(99).into() });
    assert!(code == Some(0) && file == Some(bytes(99)));
    for fault in [Fault::Flipped(3), instead(Answer::error(404, "NoSuchKey"))] {
        let (code, file, failed, downloaded) = get(ALWAYS, fault.clone());
        assert_eq!((code, file, downloaded), (Some(3), None, OBJECTS - 1), "{fault:?}");
        assert_eq!(failed[0]["outcome"], "failed", "{fault:?}");
    }
}

/// Copies the bucket into a new repository, with a client that is quick to give up.
fn copied(gateway: &FaultyGateway) -> (Result<BackupReport>, tempfile::TempDir) {
    let scratch = tempfile::tempdir().unwrap();
    let run = Run::silent();
    let cluster = Cluster::new(client(gateway), None, Arc::new(Local::default())).unwrap();
    let repository = Repository::create(scratch.path().join("repository"), &run).unwrap();
    let options = BackupOptions::new([], PartChoice::Only(["registry".parse().unwrap()].into())).unwrap();
    let result = runtime().block_on(async {
        let backup = deis_store::backup::backup(&cluster, &repository, &options, &run);
        tokio::time::timeout(Duration::from_mins(1), backup).await.expect("it ends")
    });
    (result, scratch)
}

#[test]
fn an_object_that_is_replaced_while_it_is_copied_is_copied_as_it_is_then() {
    let gateway = filled();
    let fault = Fault::Replaced { at: 30_000, by: bytes(64_000).into() };
    gateway.on(Operation::GetObject, "images/07", ONCE, fault);
    let (report, _scratch) = copied(&gateway);
    let snapshot = SnapshotReader::open(report.unwrap().snapshot).unwrap();
    let all: Vec<ListLine> = snapshot.lines(&Part::registry()).unwrap().map(|line| line.unwrap()).collect();
    assert!(all.iter().all(|line| line.outcome == Outcome::Stored), "{all:#?}");
    let file = std::fs::read(snapshot.path().join("registry/registry/images/07/layer")).unwrap();
    assert!(file == bytes(64_000), "{} bytes", file.len());
    assert_eq!((all.len(), all[7].size_bytes), (OBJECTS, 64_000));
}

#[test]
fn a_gateway_that_fails_object_after_object_ends_the_copy() {
    let gateway = FaultyGateway::start().unwrap();
    // More than there are threads that write, so that these cannot all wait for one another.
    for number in 0..1500 {
        gateway.store("registry", &format!("{number:04}"), &bytes(10));
    }
    gateway.on(Operation::GetObject, "", ALWAYS, Fault::Short(0));
    let (report, _scratch) = copied(&gateway);
    assert_eq!(report.unwrap_err().kind(), ErrorKind::Unreachable);
    let requests = gateway.asked_for(Operation::GetObject).len();
    // Objects that failed before it was ended, and those that were under way.
    assert!(requests <= (33 + 64) * ATTEMPTS, "{requests}");
}

#[test]
fn an_object_that_is_listed_and_not_given_is_damage_and_not_vanished() {
    let gateway = filled();
    gateway.on(Operation::GetObject, "images/05", ALWAYS, instead(Answer::error(404, "NoSuchKey")));
    let (_, report) = backup("lost", &gateway);
    assert_eq!(report["verdict"], "damaged");
    assert_eq!(report["parts"]["registry"]["counts"]["failed"], 1);
    assert!(report["findings"][0]["what"].as_str().unwrap().contains("no data for it"), "{report:#}");
}

#[test]
fn an_answer_that_contradicts_the_listing_is_not_stored() {
    let edits: [Edit; 3] = [
        |answer| *answer = answer.clone().header("ETag", "\"x\""),
        |answer| *answer = answer.clone().header("ETag", &format!("\"{}\"", etag(b"another"))),
        |answer| answer.body.truncate(7),
    ];
    scope(|threads| {
        for edit in edits {
            threads.spawn(move || {
                let gateway = filled();
                gateway.on(Operation::GetObject, "images/05", ALWAYS, edited(edit));
                let (code, report) = backup("contradicts", &gateway);
                assert_eq!(
                    (code, &report["parts"]["registry"]["counts"]["failed"]),
                    (3, &1.into()),
                    "{report:#}"
                );
            });
        }
    });
}
