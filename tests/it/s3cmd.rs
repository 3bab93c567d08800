//! s3cmd, with `signature_v2 = True`: it reads our objects, and we read its objects.

use std::path::Path;
use std::process::Command;

use deis_store_tests::environment::Environment;
use deis_store_tests::wal_e::installed;

use crate::clusters::a;
use crate::program::{at_gateway, on};

pub(crate) struct S3cmd {
    directory: tempfile::TempDir,
}

impl S3cmd {
    pub(crate) fn new(cluster: &Environment) -> Self {
        let host = cluster.gateways[0].trim_start_matches("http://");
        Self::at(host, &cluster.access_key, &cluster.secret_key)
    }

    /// s3cmd for a gateway at `HOST:PORT`.
    pub(crate) fn at(host: &str, access_key: &str, secret_key: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = format!(
            "[default]\naccess_key = {access_key}\nsecret_key = {secret_key}\nhost_base = {host}\n\
             host_bucket = {host}\nuse_https = False\nsignature_v2 = True\n"
        );
        std::fs::write(directory.path().join("s3cfg"), text).unwrap();
        Self { directory }
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.run_in(Path::new("."), arguments)
    }

    /// The same in a directory.
    pub(crate) fn run_in(&self, directory: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("s3cmd");
        command.args(["-c", &self.path("s3cfg")]).args(arguments).current_dir(directory);
        let output = command.output().unwrap();
        assert!(output.status.success(), "s3cmd {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

#[test]
fn s3cmd_reads_what_we_uploaded_and_we_read_what_s3cmd_uploaded() {
    let a = a();
    let s3cmd = S3cmd::new(&a);
    on(&a, &["s3", "mb", "s3://s3cmd_and_us"]).code(0);

    for (name, size) in
        [("empty", 0), ("small", 1234), ("of several parts", 17_000_001), ("plus+per%cent é", 99)]
    {
        let written: Vec<u8> = (0..size).map(|index: u32| u8::try_from(index * 31 % 251).unwrap()).collect();
        std::fs::write(s3cmd.path("file"), &written).unwrap();
        let ours = format!("s3://s3cmd_and_us/ours/{name}");
        on(&a, &["s3", "put", &s3cmd.path("file"), &ours]).code(0);
        s3cmd.run(&["get", "--force", &ours, &s3cmd.path("got")]);
        assert!(std::fs::read(s3cmd.path("got")).unwrap() == written, "s3cmd reads {ours}");

        let theirs = format!("s3://s3cmd_and_us/theirs/{name}");
        s3cmd.run(&["put", &s3cmd.path("file"), &theirs]);
        let got = on(&a, &["s3", "get", &theirs, &s3cmd.path("got"), "--force", "--json"]).code(0).json();
        assert!(std::fs::read(s3cmd.path("got")).unwrap() == written, "we read {theirs}");
        let checked = if size > 15 << 20 { "parts:15728640" } else { "md5" };
        assert_eq!(got["report"]["checked"], checked, "{theirs}");
    }

    let sorted = |text: &str| -> Vec<String> {
        let mut lines: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        lines.sort();
        lines
    };
    for arguments in [&["ls"][..], &["ls", "s3://s3cmd_and_us"], &["ls", "-r", "s3://s3cmd_and_us"]] {
        let ours = on(&a, &[&["s3"], arguments].concat()).code(0).stdout;
        let (ours, mut theirs) = (sorted(&ours), sorted(&s3cmd.run(arguments)));
        if arguments.len() == 1 {
            // Other tests make buckets at the same time.
            assert!(ours.len() > 4, "{ours:?}");
            theirs.retain(|line| ours.contains(line));
        }
        assert_eq!(ours, theirs, "{arguments:?}");
    }
    on(&a, &["s3", "del", "s3://s3cmd_and_us/ours/small", "s3://s3cmd_and_us/not-there"]).code(0);
    assert!(!s3cmd.run(&["ls", "-r", "s3://s3cmd_and_us"]).contains("ours/small"));
}

#[test]
fn a_bucket_that_keeps_versions_is_removed_with_them_and_only_if_that_is_asked_for() {
    let a = a();
    let s3cmd = S3cmd::new(&a);
    let place = "s3://versions_removed";
    on(&a, &["s3", "mb", place]).code(0);
    let mut boto = std::process::Command::new(installed("python").unwrap());
    let (host, port) = a.gateways[0].trim_start_matches("http://").split_once(':').unwrap();
    let switched_on = format!(
        "from boto.s3.connection import *\n\
         S3Connection(host='{host}', port={port}, is_secure=False, calling_format=OrdinaryCallingFormat())\
         .get_bucket('versions_removed').configure_versioning(True)"
    );
    boto.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
    assert!(boto.args(["-c", &switched_on]).status().unwrap().success());
    for content in ["one", "two", "three"] {
        std::fs::write(s3cmd.path("file"), content).unwrap();
        s3cmd.run(&["put", &s3cmd.path("file"), &format!("{place}/a b%")]);
        s3cmd.run(&["put", &s3cmd.path("file"), &format!("{place}/c")]);
    }
    on(&a, &["s3", "del", "-r", "--force", place]).code(0);
    let refused = on(&a, &["s3", "rb", place]).code(5);
    refused.says(&["old versions", "--recursive --force"]);
    let removed = on(&a, &["s3", "rb", "-r", "--force", place]).code(0);
    for words in ["(version ", "(delete marker ", "a b%'", "removed"] {
        assert!(removed.stdout.contains(words), "{words}: {removed:#?}");
    }
    on(&a, &["s3", "ls", place]).code(1).says(&["no such bucket"]);
}

#[test]
fn a_file_of_s3cmd_says_where_the_gateway_is_and_must_be_private() {
    let a = a();
    let s3cmd = S3cmd::new(&a);
    let file = s3cmd.path("s3cfg");
    let mode = |mode| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(Path::new(&file), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let list = || crate::program::alone(&["--s3cfg", &file, "s3", "ls", "s3://oddities"]);
    mode(0o600);
    assert_eq!(list().code(0).stderr, "");
    mode(0o644);
    list().code(0).says(&["others can read", "chmod 600"]);
    mode(0o622);
    list().code(5).says(&["others may write", "chmod 600"]);
}

#[test]
fn odd_keys_come_and_go_as_they_are() {
    let a = a();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(&file, "content").unwrap();
    let file = file.to_str().unwrap();
    on(&a, &["s3", "mb", "s3://odd_keys"]).code(0);
    let keys = [
        "/lead",
        "a//b",
        "e/../k",
        "e/./k",
        "new\nline",
        "tab\tand\u{1}control",
        "é日",
        "100%",
        "p+q",
        "q?x#y",
        "d/",
    ];
    for key in keys {
        on(&a, &["s3", "put", file, &format!("s3://odd_keys/{key}x")]).code(0);
    }
    let listed = on(&a, &["s3", "ls", "-r", "s3://odd_keys", "--json"]).code(0).json();
    let listed: Vec<&str> =
        listed["report"]["objects"].as_array().unwrap().iter().map(|o| o["key"].as_str().unwrap()).collect();
    let mut expected: Vec<String> = keys.iter().map(|key| format!("{key}x")).collect();
    expected.sort();
    assert_eq!(listed, expected);
    for key in expected {
        let got = directory.path().join("got");
        on(&a, &["s3", "get", &format!("s3://odd_keys/{key}"), got.to_str().unwrap(), "--force"]).code(0);
        assert_eq!(std::fs::read_to_string(got).unwrap(), "content", "{key:?}");
        at_gateway(&a.gateways[0], &a, &a.secret_key, &["s3", "del", &format!("s3://odd_keys/{key}")])
            .code(0);
    }
    assert_eq!(on(&a, &["s3", "ls", "-r", "s3://odd_keys"]).code(0).stdout, "");
}
