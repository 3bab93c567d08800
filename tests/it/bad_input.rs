//! Bad input: each gives one clear error with advice and the right exit code, and leaves nothing that looks finished.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use deis_store_tests::environment::Environment;

use crate::clusters::{a, a_with_own_etcd};
use crate::program::{alone, at_gateway, command, on, ran};

/// The names in a directory, without the two files that make it a repository.
fn left_in(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name != "deis-store.json" && name != ".lock").collect()
}

#[test]
fn a_gateway_that_cannot_be_reached_leaves_nothing_behind() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("repository");
    let backup = ["backup", target.to_str().unwrap()];
    at_gateway(&format!("http://{free}"), &a(), "x", &backup).code(6).says(&[
        "cannot connect",
        &free.to_string(),
        "to do:",
    ]);
    assert!(!target.exists());
    alone(&["--etcd", &format!("http://{free}"), "s3", "ls"]).code(6).says(&["cannot connect", "to do:"]);
}

#[test]
fn a_host_that_does_not_exist_is_named() {
    at_gateway("http://gateway.invalid:8888", &a(), "x", &["s3", "ls"])
        .code(6)
        .says(&["gateway.invalid", "to do:"]);
    at_gateway("ftp://127.0.0.1", &a(), "x", &["s3", "ls"]).code(2).says(&["http://HOST:PORT"]);
    let tunnel = ["--tunnel", "core@host.invalid", "config", "router", "get", "x"];
    let exit = ran(command().args(tunnel)).says(&["host.invalid", "to do:"]).code;
    assert!(exit == Some(6) || exit == Some(1), "{exit:?}");
}

#[test]
fn wrong_keys_are_denied_and_leave_nothing_behind() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("repository");
    at_gateway(&a.gateways[0], &a, "wrong", &["backup", target.to_str().unwrap()])
        .code(1)
        .says(&["does not accept the signature", "check the secret key"]);
    assert!(!target.exists());
}

#[test]
fn what_is_no_gateway_is_not_taken_for_one() {
    let a = a();
    // etcd speaks http, but is not a gateway.
    at_gateway(&a.etcd, &a, &a.secret_key, &["s3", "ls"]).code(1).says(&["not", "gateway"]);
}

#[test]
fn a_bucket_that_does_not_exist_is_named() {
    at_gateway(&a().gateways[0], &a(), &a().secret_key, &["s3", "ls", "s3://no_such_bucket"])
        .code(1)
        .says(&["no such bucket", "no_such_bucket", "deis-store s3 ls"]);
}

#[test]
fn a_backup_without_one_of_its_buckets_is_incomplete_and_says_so() {
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("repository");
    let keys = [("/deis/registry/bucketName", "not_there"), ("/deis/router/bodySize", "1m")];
    let cluster = a_with_own_etcd(&keys);
    let a = &cluster.environment;
    let run = on(a, &["backup", target.to_str().unwrap(), "--only", "registry,config", "--json"]);
    let single = on(a, &["backup", target.to_str().unwrap(), "--only", "registry"]);
    let report = run.code(3).json();
    assert_eq!(report["report"]["verdict"], "incomplete");
    assert_eq!(report["report"]["parts"]["registry"]["outcome"], "failed");
    assert_eq!(report["report"]["parts"]["config"]["outcome"], "stored");
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    alone(&["verify", snapshot]).code(3);
    on(a, &["restore", snapshot, "--dry-run"]).code(5).says(&["could not be backed up", "--without"]);
    single.code(1).says(&["no such bucket", "not_there"]);
    assert_eq!(left_in(&target).len(), 1, "a run that stores nothing leaves nothing");
}

#[test]
fn a_full_disk_is_an_error_and_leaves_no_snapshot() {
    let a = a();
    let mount = tempfile::tempdir().unwrap();
    let path = mount.path().to_str().unwrap();
    let tmpfs = Command::new("mount").args(["-t", "tmpfs", "-o", "size=2m", "none", path]).status().unwrap();
    assert!(tmpfs.success(), "tests run as root");
    let target = mount.path().join("repository");
    let words = ["backup", target.to_str().unwrap(), "--only", "registry"];
    let refused = on(&a, &words);
    let begun = left_in(&target);
    let run = on(&a, &[&words[..], &["--despite-space"]].concat());
    let left = left_in(&target);
    let unmounted = Command::new("umount").arg(path).status().unwrap();
    refused.code(5).says(&["there is room for", "make room"]);
    assert!(begun.is_empty(), "{begun:?}");
    run.code(1).says(&["No space left", "free some space", "is kept in"]);
    assert!(left.iter().all(|name| name.ends_with(".unfinished")), "{left:?}");
    assert!(unmounted.success());
}

#[test]
fn a_target_that_cannot_be_written_is_named() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("file");
    fs::write(&file, "x").unwrap();
    on(&a, &["backup", file.to_str().unwrap()]).says(&[file.to_str().unwrap(), "to do:"]);
    let inside = file.join("repository");
    on(&a, &["backup", inside.to_str().unwrap()]).says(&["cannot", "path"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "x");

    let mount = tempfile::tempdir().unwrap();
    let path = mount.path().to_str().unwrap();
    assert!(
        Command::new("mount").args(["-t", "tmpfs", "-o", "ro", "none", path]).status().unwrap().success()
    );
    let run = on(&a, &["backup", mount.path().join("repository").to_str().unwrap()]);
    assert!(Command::new("umount").arg(path).status().unwrap().success());
    run.code(1).says(&["read-only", "choose another target"]);
}

#[test]
fn a_directory_of_somebody_else_is_not_made_a_repository() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("photo.jpg"), "x").unwrap();
    on(&a(), &["backup", scratch.path().to_str().unwrap()]).code(5).says(&["not empty", "to do:"]);
    assert_eq!(left_in(scratch.path()), ["photo.jpg"]);
}

/// A repository with a snapshot of one part.
fn backed_up(cluster: &Environment, part: &str, scratch: &tempfile::TempDir) -> (PathBuf, String) {
    let repository = scratch.path().join("repository");
    let arguments = ["backup", repository.to_str().unwrap(), "--only", part, "--json"];
    let report = on(cluster, &arguments).code(0).json();
    (repository, report["report"]["snapshot"].as_str().unwrap().to_owned())
}

#[test]
fn a_snapshot_without_a_manifest_or_of_a_newer_format_is_refused_by_every_verb() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let (repository, snapshot) = backed_up(&a, "config", &scratch);
    let snapshot = snapshot.as_str();
    let manifest = Path::new(snapshot).join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();

    let newer =
        text.replacen("\"format\":1", "\"format\":2", 1).replacen("\"format\": 1", "\"format\": 2", 1);
    assert_ne!(newer, text);
    fs::write(&manifest, &newer).unwrap();
    let digest = Path::new(snapshot).join("manifest.json.sha256");
    let of = |text: &str| {
        use sha2::Digest as _;
        let hex: String = sha2::Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{hex}  manifest.json\n")
    };
    fs::write(&digest, of(&newer)).unwrap();
    for arguments in [&["verify", snapshot][..], &["restore", snapshot, "--yes"]] {
        on(&a, arguments).code(1).says(&["format 2", "newer"]);
    }

    fs::write(&digest, of(&text)).unwrap();
    for arguments in [&["verify", snapshot][..], &["restore", snapshot, "--yes"]] {
        on(&a, arguments).code(4).says(&["manifest", "to do:"]);
    }

    fs::remove_file(&manifest).unwrap();
    for arguments in [&["verify", snapshot][..], &["restore", snapshot, "--yes"]] {
        on(&a, arguments).code(4).says(&["manifest", "to do:"]);
    }
    alone(&["verify", repository.to_str().unwrap()]).says(&["to do:"]);
    alone(&["verify", "/nonexistent/snapshot"]).code(1).says(&["/nonexistent/snapshot", "to do:"]);
}

#[test]
fn damage_is_found_by_verify_and_never_restored() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let (_, snapshot) = backed_up(&a, "config", &scratch);
    let snapshot = snapshot.as_str();
    let config = Path::new(snapshot).join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, text.replacen("/deis/", "/dies/", 1)).unwrap();
    let verify = alone(&["verify", snapshot, "--json"]).code(4).json();
    assert_eq!(verify["report"]["verdict"], "damaged");
    assert_eq!(verify["report"]["findings"][0]["name"], "config.json");
    on(&a, &["restore", snapshot, "--yes"]).code(4).says(&["not what it was"]);
}

#[test]
fn a_second_run_finds_the_repository_locked() {
    use std::os::fd::AsFd as _;
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    on(&a(), &["backup", repository.to_str().unwrap(), "--only", "config"]).code(0);
    let lock = fs::File::open(repository.join(".lock")).unwrap();
    rustix::fs::flock(lock.as_fd(), rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    on(&a(), &["backup", repository.to_str().unwrap(), "--only", "config"]).code(7).says(&["to do:"]);
}

#[test]
fn a_part_that_was_named_and_is_not_to_be_had_is_an_error() {
    let a = a();
    let scratch = tempfile::tempdir().unwrap();
    let target = scratch.path().join("repository");
    let backup = |more: &[&str]| {
        let arguments = [&["backup", target.to_str().unwrap()], more].concat();
        at_gateway(&a.gateways[0], &a, &a.secret_key, &arguments)
    };
    backup(&["--only", "registry,sql"]).code(2).says(&["sql", "--tunnel"]);
    backup(&["--only", "config"]).code(2).says(&["config", "etcd"]);
    assert!(!target.exists());
    let report = backup(&["--json"]).code(0).says(&["config", "--tunnel"]).json();
    for part in ["sql", "volume", "config"] {
        assert_eq!(report["report"]["parts"][part]["outcome"], "skipped", "{part}");
        assert!(report["report"]["parts"][part]["why"].is_string(), "{part}");
    }
}

#[test]
fn what_cannot_be_said_is_no_success() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut list = command();
    let a = a();
    list.env("AWS_ACCESS_KEY_ID", &a.access_key).env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
    list.args(["--gateway", &a.gateways[0], "s3", "ls", "-r", "s3://registry"]);
    let status = list.stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn an_error_as_json_says_the_same() {
    let run = at_gateway(&a().gateways[0], &a(), "wrong", &["s3", "ls", "--json"]).code(1);
    let object = run.json();
    assert_eq!(
        (&object["schema"], &object["command"], &object["exit"]),
        (&1.into(), &"s3".into(), &1.into())
    );
    assert_eq!(object["error"]["kind"], "denied");
    assert!(object["error"]["todo"].as_str().unwrap().contains("check the secret key"));
    let misunderstood = alone(&["--json", "bogus"]).code(2).json();
    assert_eq!(misunderstood["error"]["kind"], "usage");
}

#[test]
fn a_dump_is_not_restored_and_the_psql_line_is_printed() {
    let scratch = tempfile::tempdir().unwrap();
    let (_, snapshot) = backed_up(&a(), "sql", &scratch);
    on(&a(), &["restore", &snapshot, "--only", "sql", "--yes"]).code(2).says(&["gunzip -c", "psql"]);
}
