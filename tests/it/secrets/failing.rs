//! Two hundred calls that fail, with secrets in all that they are given: none is in what they print or leave.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use deis_store_tests::echo::{Echo, EchoServer};

use crate::clusters::a;
use crate::program::{Ran, command, ran};

/// Words that are planted, each in places of its own. No message has them by chance.
const PASSWORD: &str = "hushPasswordOfUrl";
const ACCESS: &str = "HUSHACCESSKEYHUSH";
const SECRET: &str = "hushSecretKey+of/Gateway";
const VALUE: &str = "hushValueOfConfig";
const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIhushPrivateKey==\n-----END RSA PRIVATE KEY-----\n";
const PLANTED: [&str; 6] = [PASSWORD, ACCESS, SECRET, VALUE, "MIIhushPrivateKey", "hushToken"];

/// Every word that goes to a gateway.
const WORDS: [&[&str]; 20] = [
    &["s3", "ls"],
    &["s3", "ls", "s3://bucket/prefix"],
    &["s3", "la"],
    &["s3", "du"],
    &["s3", "info", "s3://bucket"],
    &["s3", "info", "s3://bucket/key"],
    &["s3", "mb", "s3://bucket"],
    &["s3", "rb", "s3://bucket"],
    &["s3", "put", "FILE", "s3://bucket/key"],
    &["s3", "put", "-r", "DIR/", "s3://bucket/"],
    &["s3", "get", "s3://bucket/key", "NEW"],
    &["s3", "get", "s3://bucket/key", "-"],
    &["s3", "get", "-r", "s3://bucket/", "DIR"],
    &["s3", "del", "s3://bucket/key"],
    &["s3", "del", "-r", "s3://bucket/prefix"],
    &["s3", "cp", "s3://bucket/key", "s3://bucket/other"],
    &["s3", "sync", "DIR/", "s3://bucket/"],
    &["s3", "sync", "s3://bucket/", "NEW"],
    &["s3", "listmp", "s3://bucket"],
    &["backup", "NEW"],
];

/// Calls whose arguments alone are wrong.
fn misspelt() -> Vec<Vec<String>> {
    let key_value = format!("sslKey={VALUE}");
    let pem_value = format!("sslKey={PEM}");
    let url = format!("http://user:{PASSWORD}@host:80/path");
    let signed = format!("http://host/bucket/key?AWSAccessKeyId={ACCESS}&Signature={SECRET}");
    let words: Vec<Vec<&str>> = vec![
        vec!["config", "router", &key_value],
        vec!["config", "router", PEM],
        vec!["config", "router", "set", &pem_value],
        vec!["config", "router", "set", &key_value],
        vec!["config", "router", "set", VALUE],
        vec!["config", "router", "set", PEM],
        vec!["config", "router", "set", "sslKey", PEM],
        vec!["config", "platform", "set", &pem_value],
        vec!["backup", &key_value, &key_value],
        vec!["backup", "--only", PEM, "NEW"],
        vec!["backup", "--bucket", &url, "NEW"],
        vec!["verify", PEM],
        vec!["verify", &url],
        vec!["verify", "NEW", "--sample", &url],
        vec!["restore", &url],
        vec!["rehearse", "--seed", &url],
        vec!["rehearse", "--bucket", &url],
        vec!["s3", "ls", &url],
        vec!["s3", "ls", &signed],
        vec!["s3", "get", &signed],
        vec!["s3", "put", PEM, "s3://bucket/"],
        vec!["s3", "put", &url, "s3://bucket/"],
        vec!["s3", "sync", &url, &url],
        vec!["s3", "cp", &signed, "s3://bucket/"],
        vec!["s3", "del", &url],
        vec!["s3", "signurl", &url, "+60"],
        vec!["s3", "sync", "DIR", "s3://bucket/", "--max-delete", &key_value],
        vec!["s3", "put", "FILE", "s3://bucket/", "--limit-rate", &key_value],
        vec!["--s3cfg", &url, "s3", "ls"],
        vec!["--s3cfg", PEM, "s3", "ls"],
        vec!["--ssh-config", &url, "--tunnel", "host.invalid", "s3", "ls"],
        vec![&url],
        vec![PEM],
    ];
    words.into_iter().map(|words| words.into_iter().map(str::to_owned).collect()).collect()
}

/// Where a call is sent: options before the words.
struct Place {
    options: Vec<String>,
    /// Whether each call is tried again for a while.
    slow: bool,
}

fn places(servers: &[EchoServer], scratch: &Path) -> Vec<Place> {
    let place = |options: &[&str], slow| Place {
        options: options.iter().map(|word| (*word).to_owned()).collect(),
        slow,
    };
    let at = |index: usize, slow| place(&["--gateway", servers[index].url()], slow);
    let file = scratch.join("s3cfg");
    let keys = format!("[default]\naccess_key = {ACCESS}\nsecret_key = {SECRET}\n");
    let wrong = format!("{keys}host_base = http://user:{PASSWORD}@127.0.0.1:1\nuse_https = {SECRET}\n");
    fs::write(&file, wrong).unwrap();
    let proxied = scratch.join("proxied");
    fs::write(&proxied, format!("{keys}host_base = 127.0.0.1:1\nuse_https = no\nproxy_host = user:{PASSWORD}@proxy\nproxy_port = 1\n")).unwrap();
    for file in [&file, &proxied] {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    vec![
        place(&["--gateway", &format!("http://user:{PASSWORD}@127.0.0.1:1")], false),
        place(&["--gateway", &format!("user:{PASSWORD}@127.0.0.1:1")], false),
        place(&["--etcd", &format!("http://user:{PASSWORD}@127.0.0.1:1")], false),
        place(&["--tunnel", &format!("user:{PASSWORD}@host.invalid:x")], false),
        place(&["--s3cfg", file.to_str().unwrap()], false),
        place(&["--s3cfg", proxied.to_str().unwrap()], false),
        at(0, false),
        at(1, false),
        at(2, false),
        at(3, true),
        at(4, true),
        at(5, true),
        at(6, true),
        place(&["--gateway", "http://127.0.0.1:1"], true),
    ]
}

#[test]
fn none_is_in_any_output_of_two_hundred_failing_calls_nor_in_what_they_leave() {
    let scratch = tempfile::tempdir().unwrap();
    for name in ["tmp", "directory"] {
        fs::create_dir(scratch.path().join(name)).unwrap();
    }
    fs::write(scratch.path().join("file"), "content").unwrap();
    fs::write(scratch.path().join("directory/file"), "content").unwrap();
    let servers: Vec<EchoServer> = [
        Echo::Error(403),
        Echo::Page(404),
        Echo::Redirect,
        Echo::Error(500),
        Echo::Nonsense,
        Echo::Cut,
        Echo::Half,
    ]
    .map(|echo| EchoServer::start(echo).unwrap())
    .into();
    let mut calls: VecDeque<Vec<String>> = misspelt().into();
    for place in places(&servers, scratch.path()) {
        // What is tried again takes long: a few words of each kind.
        let words = WORDS.iter().step_by(if place.slow { 5 } else { 1 });
        calls.extend(words.map(|words| {
            let words = words.iter().map(|word| (*word).to_owned());
            place.options.iter().cloned().chain(words).collect()
        }));
    }
    // The real gateway refuses these keys.
    calls.extend(WORDS.iter().step_by(3).map(|words| {
        let words = words.iter().map(|word| (*word).to_owned());
        ["--gateway".to_owned(), a().gateways[0].clone()].into_iter().chain(words).collect()
    }));
    assert!(calls.len() >= 200, "{}", calls.len());

    let calls = Mutex::new(calls.into_iter().enumerate().collect::<VecDeque<_>>());
    let outputs = Mutex::new(Vec::new());
    std::thread::scope(|threads| {
        for _ in 0..12 {
            threads.spawn(|| {
                loop {
                    let Some((number, words)) = calls.lock().unwrap().pop_front() else { return };
                    let json = number % 3 == 0;
                    let ran = call(scratch.path(), number, &words, json);
                    outputs.lock().unwrap().push((words, ran));
                }
            });
        }
    });

    let outputs = outputs.into_inner().unwrap();
    let signatures: Vec<String> = servers.iter().flat_map(EchoServer::signatures).collect();
    assert!(signatures.len() > 20, "the servers were asked: {}", signatures.len());
    for (words, ran) in &outputs {
        assert!(ran.code.is_some_and(|code| code != 0 && code != 101), "{words:?}: {ran:?}");
        for word in PLANTED.into_iter().chain(signatures.iter().map(String::as_str)) {
            let found = ran.stdout.contains(word) || ran.stderr.contains(word);
            assert!(!found, "`{word}` is printed by {words:?}: {ran:?}");
        }
        let controls = |text: &str| text.chars().any(|char| char.is_control() && char != '\n');
        assert!(!controls(&ran.stdout) && !controls(&ran.stderr), "{words:?}: {ran:?}");
    }
    for name in ["s3cfg", "proxied"] {
        fs::remove_file(scratch.path().join(name)).unwrap();
    }
    nothing_is_left(scratch.path());
}

fn call(scratch: &Path, number: usize, words: &[String], json: bool) -> Ran {
    let path = |name: &str| scratch.join(name).to_str().unwrap().to_owned();
    let words = words.iter().map(|word| match word.as_str() {
        "FILE" => path("file"),
        "DIR" => path("directory"),
        "DIR/" => path("directory/"),
        "NEW" => path(&format!("new{number}")),
        other => other.to_owned(),
    });
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", ACCESS).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.env("AWS_SESSION_TOKEN", "hushToken").env("TMPDIR", scratch.join("tmp"));
    command.args(["-v", "--progress", "plain"]).args(json.then_some("--json")).args(words);
    ran(&mut command)
}

fn nothing_is_left(directory: &Path) {
    for entry in fs::read_dir(directory).unwrap().flatten() {
        if entry.path().is_dir() {
            nothing_is_left(&entry.path());
            continue;
        }
        let bytes = fs::read(entry.path()).unwrap();
        for word in PLANTED {
            assert!(!super::contains(&bytes, word.as_bytes()), "`{word}` is in {}", entry.path().display());
        }
    }
}
