//! What a careless operator types, and what is no ordinary file: done, or refused with advice that does no harm.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::FileTypeExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deis_store_tests::environment::Environment;
use deis_store_tests::process::signal;

use super::{filled, listed};
use crate::clusters::a;
use crate::program::{Ran, at_gateway, command, ran};

fn at(a: &Environment, words: &[&str]) -> Ran {
    at_gateway(&a.gateways[0], a, &a.secret_key, &[&["s3"], words].concat())
}

/// A directory with so many files.
fn many_files(directory: &str, count: usize) {
    fs::create_dir_all(directory).unwrap();
    (0..count).for_each(|number| fs::write(format!("{directory}/{number:03}"), "x").unwrap());
}

#[test]
fn what_concerns_all_objects_ends_the_run_and_is_said_once() {
    let (a, s3cmd) = filled("words_ends", &["a", "b/c", "d"]);
    let tree = s3cmd.path("tree");
    many_files(&tree, 200);
    let from = "s3://words_ends";
    let missing = "s3://words_ends_nobody/";
    for words in [
        &["put", "-r", &tree, missing][..],
        &["get", "-r", missing, &s3cmd.path("got")],
        &["del", "-r", "s3://words_ends_nobody/x"],
        &["cp", "-r", from, missing],
        &["cp", "-r", missing, "s3://words_ends/"],
        &["sync", &tree, missing],
        &["sync", missing, &s3cmd.path("got")],
        &["sync", from, missing],
    ] {
        let failed = at(&a, words).code(1).says(&["no such bucket"]);
        assert!(failed.stderr.lines().count() < 6, "{failed:#?}");
    }
    let stranger = Environment { access_key: "NOBODY".to_owned(), ..a.clone() };
    for words in [&["put", "-r", &tree, "s3://words_ends/"][..], &["sync", &tree, "s3://words_ends/"]] {
        let failed = at(&stranger, words).code(1).says(&["does not know the access key"]);
        assert!(failed.stderr.lines().count() < 6, "{failed:#?}");
    }
    assert_eq!(listed(&a, from).len(), 3);
}

#[test]
fn words_in_the_wrong_place_get_the_right_hint() {
    let a = a();
    at(&a, &["put", "s3://words_any", "/etc/hostname"])
        .code(2)
        .says(&["swap them", "s3 put FILE s3://BUCKET/KEY"]);
    at(&a, &["get", "/etc/hostname", "s3://words_any/k"]).code(2).says(&["swap them"]);
    at(&a, &["put", "s3://words_any/a", "s3://words_any/b"]).code(2).says(&["s3 cp"]);
    at(&a, &["sync", "/tmp", "s3://words_any/", "--max-delete", "3"]).code(2).says(&["--delete-removed"]);
    at(&a, &["delete", "s3://words_any/a"]).code(2).says(&["delete"]);
    let run = |words: &[&str]| ran(command().args(words));
    run(&["backup", "/tmp/x", "--only", "confg"]).code(2).says(&["confg", "db_wal, registry", "config"]);
    run(&["--etcd", "127.0.0.1:4001", "s3", "ls"]).code(2).says(&["http://HOST:PORT"]);
    let json = run(&["--json", "s3", "put"]).code(2).json();
    let what = json["error"]["what"].as_str().unwrap_or_else(|| panic!("{json}")).to_owned();
    assert!(what.contains("<FILE>") && what.contains("s3://BUCKET"), "{what}");
    let json = run(&["--json", "s3", "putt", "a"]).code(2).json();
    assert!(json["error"].to_string().contains("put"), "{json}");
}

#[test]
fn rm_is_del_as_with_s3cmd() {
    let (a, _) = filled("words_rm", &["a", "b/c"]);
    at(&a, &["rm", "s3://words_rm/a"]).code(0);
    at(&a, &["rm", "-r", "s3://words_rm/b/"]).code(0);
    assert!(listed(&a, "s3://words_rm").is_empty());
}

#[test]
fn what_is_no_file_is_used_as_it_can_be_or_refused_with_advice_that_does_no_harm() {
    let (a, s3cmd) = filled("words_devices", &["k", "tree/fifo", "tree/x"]);
    let fifo = s3cmd.path("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    std::os::unix::fs::symlink(&fifo, s3cmd.path("link")).unwrap();
    let link = s3cmd.path("link");
    for target in ["/dev/null", &fifo, &link] {
        for force in [&[][..], &["--force"], &["--skip-existing"]] {
            let words = [&["get", "s3://words_devices/k", target], force].concat();
            let refused = at(&a, &words).code(2).says(&["device, pipe or socket", "leave it there"]);
            assert!(!refused.stderr.contains("move it away"), "{refused:#?}");
        }
        at(&a, &["put", target, "s3://words_devices/no"]).code(2).says(&["standard input"]);
    }
    // In the place of an object's file.
    let directory = s3cmd.path("got");
    fs::create_dir_all(format!("{directory}/tree")).unwrap();
    assert!(Command::new("mkfifo").arg(format!("{directory}/tree/fifo")).status().unwrap().success());
    let got =
        at(&a, &["get", "-r", "--force", "s3://words_devices/tree", &directory]).code(3).says(&["tree/fifo"]);
    assert!(!got.stderr.contains("move it away"), "{got:#?}");
    assert!(fs::symlink_metadata(format!("{directory}/tree/fifo")).unwrap().file_type().is_fifo());
    assert!(fs::read(format!("{directory}/tree/x")).is_ok());

    // Its size is 0, and it is not empty.
    at(&a, &["put", "/proc/cpuinfo", "s3://words_devices/cpuinfo"])
        .code(1)
        .says(&["its size is 0", "standard input"]);
    assert_eq!(listed(&a, "s3://words_devices/cpuinfo"), [""; 0]);
    let cpuinfo = fs::File::open("/proc/cpuinfo").unwrap();
    let mut words = command();
    words.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
    words.args(["--gateway", &a.gateways[0], "s3", "put", "-", "s3://words_devices/cpuinfo"]).stdin(cpuinfo);
    ran(&mut words).code(0);
    assert_eq!(listed(&a, "s3://words_devices/cpuinfo"), ["cpuinfo"]);
}

#[test]
fn the_directory_that_one_is_in_is_uploaded_without_a_name() {
    let (a, s3cmd) = filled("words_dot", &[]);
    let tree = s3cmd.path("tree");
    many_files(&format!("{tree}/sub"), 1);
    let put = |directory: &str, source: &str| {
        let mut words = command();
        words.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
        words.args(["--gateway", &a.gateways[0], "s3", "put", "-r", source, "s3://words_dot/"]);
        ran(words.current_dir(directory))
    };
    for source in [".", "./", "sub/.."] {
        let ran = put(&tree, source);
        if source.ends_with("..") {
            ran.code(2).says(&["has no name here", "add a /"]);
        } else {
            ran.code(0);
            assert_eq!(listed(&a, "s3://words_dot"), ["sub/000"], "{source}");
            at(&a, &["rm", "s3://words_dot/sub/000"]).code(0);
        }
    }
}

#[test]
fn a_copy_into_itself_is_refused_and_nothing_is_lost() {
    let (a, _) = filled("words_itself", &["a/a/x", "a/x", "ab"]);
    let all = listed(&a, "s3://words_itself");
    for (source, target) in
        [("s3://words_itself/a", "s3://words_itself/"), ("s3://words_itself/a/", "s3://words_itself/a/")]
    {
        at(&a, &["cp", "-r", source, target]).code(2).says(&["onto itself", "beside the source"]);
    }
    at(&a, &["cp", "-r", "s3://words_itself/a/", "s3://words_itself/a/b/"])
        .code(2)
        .says(&["below the source"]);
    assert_eq!(listed(&a, "s3://words_itself"), all);
    // `a/a/x` would become `a/x`, which is part of the source.
    at(&a, &["cp", "-r", "s3://words_itself/a/", "s3://words_itself/"])
        .code(3)
        .says(&["a/a/x", "an object of the source"]);
    assert_eq!(listed(&a, "s3://words_itself"), ["a/a/x", "a/x", "ab", "x"]);
    assert_eq!(at(&a, &["get", "s3://words_itself/a/x", "-"]).code(0).stdout, "a/x");
}

#[test]
fn an_upload_from_standard_input_that_ends_early_leaves_neither_object_nor_parts() {
    let (a, _) = filled("words_cut", &[]);
    let upload = || {
        let mut words = command();
        words.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
        words.args(["--gateway", &a.gateways[0], "s3", "put", "-", "s3://words_cut/k"]);
        words
    };
    let uploads =
        || at(&a, &["listmp", "s3://words_cut", "--json"]).code(0).json()["report"]["uploads"].clone();
    for name in ["TERM", "INT"] {
        let mut child = upload().stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&vec![7; 40 << 20]).unwrap();
        let begun = Instant::now();
        while uploads().as_array().unwrap().is_empty() {
            assert!(begun.elapsed() < Duration::from_secs(30), "no upload has begun");
            std::thread::sleep(Duration::from_millis(100));
        }
        signal(name, &child.id().to_string());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{name}");
        drop(stdin);
        assert_eq!(uploads(), serde_json::json!([]), "{name}");
        assert!(listed(&a, "s3://words_cut").is_empty());
    }
    // A reader that fails: a directory cannot be read.
    ran(upload().stdin(fs::File::open("/etc").unwrap()))
        .code(1)
        .says(&["cannot read what is to be uploaded"]);
    assert_eq!(uploads(), serde_json::json!([]));
    assert!(listed(&a, "s3://words_cut").is_empty());
}
