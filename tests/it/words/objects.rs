//! Words for the objects in the cluster: `ls`, `la`, `du`, `del`, `cp`, `info`, `signurl`, `listmp`, `abortmp`.

use std::collections::BTreeMap;
use std::fs;

use deis_store::s3::ObjectKey;
use deis_store::s3::client::CopyOptions;
use deis_store::s3::op::{CopySource, InitiateUpload};

use super::{ORDINARY, filled, listed};
use crate::clusters::client;
use crate::main_job::{block, bucket};
use crate::program::{at_gateway, on};

#[test]
fn ls_la_and_du_print_what_s3cmd_prints() {
    let (a, s3cmd) = filled("words_listed", &ORDINARY);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for words in [
        &["ls", "s3://words_listed"][..],
        &["ls", "s3://words_listed/a"],
        &["ls", "s3://words_listed/a/"],
        &["ls", "-r", "s3://words_listed/wal_005/"],
        &["du", "s3://words_listed"],
        &["du", "s3://words_listed/a"],
    ] {
        let ours = on(&a, &[&["s3"], words].concat()).code(0).stdout;
        assert_eq!(sorted(&ours), sorted(&s3cmd.run(words)), "{words:?}");
        assert!(!ours.is_empty());
    }
    // s3cmd cannot list all buckets: other tests have buckets with keys that XML cannot hold.
    for (all, words) in [
        (&["la"][..], &["ls", "s3://words_listed"][..]),
        (&["la", "-r"], &["ls", "-r", "s3://words_listed"]),
        (&["du"], &["du", "s3://words_listed"]),
    ] {
        let ours = on(&a, &[&["s3"], all].concat()).code(0).stdout;
        let own = ours.lines().filter(|line| line.contains("s3://words_listed/"));
        let own = sorted(&own.collect::<Vec<_>>().join("\n"));
        assert_eq!(own, sorted(&s3cmd.run(words)), "{all:?}");
    }
    let json = on(&a, &["s3", "du", "s3://words_listed/a/", "--json"]).code(0).json();
    assert_eq!(json["report"]["places"][0]["objects"], 3);
    assert_eq!(json["report"]["bytes"], 6 + 6 + 9);
}

#[test]
fn del_deletes_what_s3cmd_deletes() {
    let (a, s3cmd) = filled("words_del_ours", &ORDINARY);
    filled("words_del_theirs", &ORDINARY);
    for words in [&["X/a/b", "-r", "--exclude", "*.log"][..], &["X/a/0", "-r"], &["X/ab", "X/d.txt"]] {
        let del = |bucket: &str| -> Vec<String> {
            let place = format!("s3://{bucket}");
            ["del"].iter().chain(words).map(|word| word.replace('X', &place)).collect()
        };
        let (ours, theirs) = (del("words_del_ours"), del("words_del_theirs"));
        let mut ours: Vec<&str> = ours.iter().map(String::as_str).collect();
        ours.insert(0, "s3");
        let before = listed(&a, "s3://words_del_ours");
        on(&a, &[&ours[..], &["--dry-run"]].concat()).code(0);
        assert_eq!(listed(&a, "s3://words_del_ours"), before, "a dry run does nothing");
        on(&a, &ours).code(0);
        s3cmd.run(&theirs.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(listed(&a, "s3://words_del_ours"), listed(&a, "s3://words_del_theirs"), "{words:?}");
    }
    assert_eq!(listed(&a, "s3://words_del_ours"), ["a/b/c.log", "wal_005/0000", "wal_005/x y"]);
    on(&a, &["s3", "del", "-r", "s3://words_del_ours"]).code(2).says(&["all of a bucket", "--force"]);
    on(&a, &["s3", "del", "-r", "-f", "s3://words_del_ours"]).code(0);
    assert!(listed(&a, "s3://words_del_ours").is_empty());
}

#[test]
fn more_objects_than_one_request_deletes_are_deleted() {
    let keys: Vec<String> = (0..1003).map(|index| format!("{index:04}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let (a, _) = filled("words_many", &keys);
    let report = on(&a, &["s3", "del", "-r", "--force", "s3://words_many", "--json"]).code(0).json();
    assert_eq!(report["report"]["deleted"].as_array().unwrap().len(), 1003);
    assert_eq!(report["report"]["bytes"], 4012);
    assert!(listed(&a, "s3://words_many").is_empty());
}

#[test]
fn cp_and_info_keep_and_tell_what_s3cmd_stores() {
    let (a, s3cmd) = filled("words_cp", &ORDINARY);
    fs::write(s3cmd.path("file"), "text").unwrap();
    s3cmd.run(&[
        "put",
        &s3cmd.path("file"),
        "s3://words_cp/meta",
        "-m",
        "text/x-own",
        "--add-header=x-amz-meta-note:kept",
    ]);
    on(&a, &["s3", "cp", "s3://words_cp/meta", "s3://words_cp/ours/"]).code(0);
    on(&a, &["s3", "cp", "s3://words_cp/meta", "s3://words_cp/theirs", "--dry-run"]).code(0);
    s3cmd.run(&["cp", "s3://words_cp/meta", "s3://words_cp/theirs"]);
    let info = |key: &str| {
        let json = on(&a, &["s3", "info", &format!("s3://words_cp/{key}"), "--json"]).code(0).json();
        let mut place = json["report"]["places"][0].clone();
        place.as_object_mut().unwrap().retain(|name, _| !["name", "modified"].contains(&name.as_str()));
        place
    };
    assert_eq!(info("ours/meta")["meta"]["note"], "kept");
    assert_eq!(info("ours/meta")["content_type"], "text/x-own");
    assert_eq!(info("ours/meta"), info("meta"));
    assert_eq!(info("ours/meta"), info("theirs"));
    // The lines that both programs print are the same.
    let ours = on(&a, &["s3", "info", "s3://words_cp/ours/meta"]).code(0).stdout;
    let theirs = s3cmd.run(&["info", "s3://words_cp/ours/meta"]);
    for name in ["(object):", "File size:", "Last mod:", "MIME type:", "MD5 sum:", "ACL:", "x-amz-meta-note:"]
    {
        let line = |text: &str| {
            let lines =
                text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {text}"));
            lines.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        assert_eq!(line(&ours), line(&theirs));
    }
    on(&a, &["s3", "info", "s3://words_cp"]).code(0);
    let of = |json: serde_json::Value| json["report"]["copied"].as_array().unwrap().len();
    let copied = on(&a, &["s3", "cp", "-r", "s3://words_cp/a", "s3://words_cp/to/", "--json"]).code(0).json();
    assert_eq!(of(copied), 4);
    assert_eq!(listed(&a, "s3://words_cp/to/"), ["to/a/0001", "to/a/0002", "to/a/b/c.log", "to/ab"]);
}

#[test]
fn a_large_object_is_copied_in_parts_with_what_is_stored_with_it() {
    let (a, _) = filled("words_large", &[]);
    let (client, bucket) = (client(&a), bucket("words_large"));
    let bytes: Vec<u8> = (0..12_000_000_u32).map(|index| u8::try_from(index * 7 % 249).unwrap()).collect();
    let (from, to) = (ObjectKey::new("from é").unwrap(), ObjectKey::new("to").unwrap());
    let meta = BTreeMap::from([("note".to_owned(), "kept".to_owned())]);
    let begin = InitiateUpload::new(&bucket, &from, Some("text/x"), &BTreeMap::new(), &meta).unwrap();
    let parts = deis_store::s3::client::cut_into_parts(&bytes[..], 8 << 20);
    block(client.upload(&begin, parts, &deis_store::s3::client::UploadOptions::default())).unwrap();

    let source = CopySource { bucket: &bucket, key: &from, version_id: None };
    let mut options = CopyOptions::default();
    let whole = block(client.copy_whole(source, &bucket, &to, &options)).unwrap();
    assert!(whole.keeps_etag, "a copy in one request keeps the ETag of an object in parts");
    (options.in_one_bytes, options.part_size_bytes) = (1 << 20, 5 << 20);
    let in_parts = block(client.copy_whole(source, &bucket, &to, &options)).unwrap();
    assert!(!in_parts.keeps_etag && in_parts.etag.ends_with("-3"), "{in_parts:?}");
    let mut got = Vec::new();
    let (info, _) = block(client.get_to(&bucket, &to, &mut got)).unwrap();
    assert!(got == bytes);
    assert_eq!((info.content_type.as_str(), &info.meta), ("text/x", &meta));
    assert!(block(client.uploads(&bucket, "")).unwrap().is_empty(), "nothing is left of it");
    assert!(block(client.copy_whole(source, &bucket, &from, &options)).is_err(), "onto itself");
}

#[test]
fn an_upload_that_was_left_is_listed_and_ended() {
    let (a, s3cmd) = filled("words_uploads", &[]);
    let (client, bucket, key) = (client(&a), bucket("words_uploads"), ObjectKey::new("left over").unwrap());
    let none = BTreeMap::new();
    let id = block(client.execute(&InitiateUpload::new(&bucket, &key, None, &none, &none).unwrap())).unwrap();
    let place = "s3://words_uploads/left over";
    let ours = on(&a, &["s3", "listmp", "s3://words_uploads"]).code(0).stdout;
    assert!(ours.contains(&format!("\t{place}\t{id}\n")), "{ours}");
    assert!(s3cmd.run(&["multipart", "s3://words_uploads"]).contains(&id));
    on(&a, &["s3", "abortmp", place, "2~no-such-upload"]).code(1);
    on(&a, &["s3", "abortmp", place, &id]).code(0);
    assert!(!s3cmd.run(&["multipart", "s3://words_uploads"]).contains(&id));
}

#[test]
fn a_signed_url_is_s3cmds_and_gives_the_object() {
    let (a, s3cmd) = filled("words_signed", &["a b+c"]);
    let place = "s3://words_signed/a b+c";
    let until = "4102444800";
    let url = |words: &[&str]| {
        at_gateway(&a.gateways[0], &a, &a.secret_key, words).code(0).stdout.trim().to_owned()
    };
    let signature = |url: &str| {
        let rest = url.split("Signature=").nth(1).unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let ours = url(&["s3", "signurl", place, until]);
    assert_eq!(signature(&ours), signature(s3cmd.run(&["signurl", place, until]).trim()));
    let soon = url(&["s3", "signurl", place, "+60"]);
    let got = std::process::Command::new("curl").args(["-sS", "--fail", &soon]).output().unwrap();
    assert!(got.status.success() && got.stdout == b"a b+c", "{got:?}");
    on(&a, &["s3", "signurl", place, "1000"]).code(2).says(&["has passed", "+SECONDS"]);
}
