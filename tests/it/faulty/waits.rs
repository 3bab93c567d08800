//! Waits and requests that are told of, keys that are missing, and refusals of one object among many.

use std::time::Duration;

use deis_store_tests::faulty::{Answer, Fault, FaultyGateway, Operation, instead};

use super::{ALWAYS, ONCE};
use crate::program::{Ran, command, ran};

fn gateway() -> FaultyGateway {
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "key", b"x");
    gateway
}

/// The program at this gateway, with these keys in its environment.
fn with_keys(gateway: &FaultyGateway, keys: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = command();
    ran(command.envs(keys.iter().copied()).args(["--gateway", &gateway.url()]).args(arguments))
}

fn at(gateway: &FaultyGateway, arguments: &[&str]) -> Ran {
    with_keys(gateway, &[("AWS_ACCESS_KEY_ID", "AK"), ("AWS_SECRET_ACCESS_KEY", "SK")], arguments)
}

#[test]
fn a_gateway_that_does_not_answer_is_named_after_five_seconds() {
    let gateway = gateway();
    gateway.on(Operation::ListObjects, "", ONCE, Fault::Delayed(Duration::from_secs(7)));
    let run = at(&gateway, &["s3", "ls", "s3://registry"]).code(0);
    let run = run.says(&["no answer from", &gateway.url(), "for 5 s", "GET /registry", "attempt 1 of 8"]);
    assert_eq!(run.stderr.lines().count(), 1, "{run:#?}");
    let quiet = self::gateway();
    quiet.on(Operation::ListObjects, "", ONCE, Fault::Delayed(Duration::from_secs(7)));
    assert_eq!(at(&quiet, &["--quiet", "s3", "ls", "s3://registry"]).code(0).stderr, "");
}

#[test]
fn every_request_is_told_of_where_that_is_asked_for() {
    let gateway = gateway();
    let run = at(&gateway, &["-v", "s3", "ls", "s3://registry"]).code(0);
    run.says(&["GET /registry?", "200", " ms", &gateway.url()]);
    assert_eq!(at(&gateway, &["s3", "ls", "s3://registry"]).code(0).stderr, "");
}

#[test]
fn keys_that_are_missing_are_named_and_what_stands_behind_them_is_taken_away() {
    let gateway = gateway();
    let ls = ["s3", "ls", "s3://registry"];
    with_keys(&gateway, &[], &ls).code(2).says(&["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "--s3cfg"]);
    with_keys(&gateway, &[("AWS_ACCESS_KEY_ID", "AK")], &ls)
        .code(2)
        .says(&["AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not"]);
    let keys = |secret| [("AWS_ACCESS_KEY_ID", "AK\n"), ("AWS_SECRET_ACCESS_KEY", secret)];
    with_keys(&gateway, &keys("SK \n"), &ls).code(0);
    let run = with_keys(&gateway, &keys("S\nhush"), &ls).code(2).says(&["the secret key has a line end"]);
    assert!(!run.stderr.contains("hush"), "{run:#?}");
    with_keys(&gateway, &keys("S\\/K"), &ls).code(1).says(&["JSON", "backslash"]);
    ran(command().args(ls)).code(6).says(&["etcd", "127.0.0.1:4001", "--tunnel", "--etcd", "--gateway"]);
}

#[test]
fn an_object_that_is_refused_ends_no_upload_of_others_and_what_concerns_all_ends_them() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("files");
    std::fs::create_dir(&directory).unwrap();
    for number in 0..40 {
        std::fs::write(directory.join(format!("{number:02}")), b"x").unwrap();
    }
    let from = format!("{}/", directory.display());
    for answer in [Answer::html(413), Answer::error(403, "AccessDenied"), Answer::new(403, "")] {
        for words in
            [&["s3", "put", "-r", &from, "s3://registry/"][..], &["s3", "sync", &from, "s3://registry/"]]
        {
            let gateway = gateway();
            gateway.on(Operation::PutObject, "/07", ALWAYS, instead(answer.clone()));
            let run = at(&gateway, words).code(3);
            assert!(format!("{}{}", run.stdout, run.stderr).contains("07"), "{run:#?}");
            let stored =
                (0..40).filter(|number| gateway.stored("registry", &format!("{number:02}")).is_some());
            assert_eq!(stored.count(), 39, "{run:#?}");
        }
    }
    let gateway = gateway();
    let run = at(&gateway, &["s3", "put", "-r", &from, "s3://not-there/"]).code(1);
    assert_eq!(run.stderr.matches("no such bucket").count(), 1, "{run:#?}");
    assert!(run.stderr.contains("not-there"), "{run:#?}");
}

#[test]
fn a_bucket_that_is_not_there_is_named_by_every_get() {
    let (gateway, scratch) = (gateway(), tempfile::tempdir().unwrap());
    let path = scratch.path().join("file").to_str().unwrap().to_owned();
    for target in [&path[..], "-"] {
        at(&gateway, &["s3", "get", "s3://not-there/key", target])
            .code(1)
            .says(&["no such bucket", "not-there"]);
    }
    at(&gateway, &["s3", "info", "s3://not-there/key"]).code(1).says(&["no such bucket"]);
}

#[test]
fn the_sizes_of_a_hostile_listing_do_not_wrap() {
    let gateway = gateway();
    gateway.store("registry", "other", b"y");
    let huge: deis_store_tests::faulty::Edit =
        |page| page.replace("<Size>1</Size>", "<Size>18446744073709551615</Size>");
    gateway.on(Operation::ListObjects, "", ALWAYS, deis_store_tests::faulty::edited(huge));
    let run = at(&gateway, &["--json", "s3", "du", "s3://registry"]).code(0);
    assert_eq!(run.json()["report"]["bytes"], u64::MAX);
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("tree").to_str().unwrap().to_owned();
    let run = at(&gateway, &["--json", "s3", "sync", "--dry-run", "s3://registry/", &target]).code(0);
    assert_eq!(run.json()["report"]["bytes"], u64::MAX);
}
