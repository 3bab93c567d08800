//! Other clients on the embedded gateway, with signature version 2: s3cmd, rclone and WAL-E. Our client reads what they
//! write, and they read what our client writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use deis_store::gateway::{Gateway, GatewayOptions, Store};
use deis_store::http::{Body, Timeouts, connect};
use deis_store::rehearse::Sample;
use deis_store::run::{Run, SystemClock};
use deis_store::s3::client::ClientOptions;
use deis_store::s3::op::{ObjectInfo, PutObject};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;
use deis_store_tests::postgres::hand_over;
use deis_store_tests::process::run;
use deis_store_tests::wal_e::WalE;
use futures_util::TryStreamExt as _;
use md5::Digest as _;

use crate::main_job::bucket;
use crate::s3cmd::S3cmd;

const ACCESS_KEY: &str = "PEER";
const SECRET_KEY: &str = "secret/of+peer";

/// An embedded gateway that serves while a test runs other programs.
pub(crate) struct Served {
    pub(crate) runtime: tokio::runtime::Runtime,
    gateway: Gateway,
    pub(crate) client: Client,
    // The directory of large bodies. It is removed after the gateway's end.
    _scratch: tempfile::TempDir,
}

impl Served {
    pub(crate) fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
        let credentials = Credentials::new(ACCESS_KEY, SECRET_KEY);
        let store = Store::spooling(scratch.path(), 64 << 10).unwrap();
        let start = Gateway::start(
            ([127, 0, 0, 1], 0).into(),
            store,
            credentials.clone(),
            GatewayOptions::new(Arc::new(SystemClock)),
        );
        let gateway = runtime.block_on(start).unwrap();
        let transport = connect(&gateway.url(), Timeouts::default()).unwrap();
        let client =
            Client::new(vec![transport], credentials, ClientOptions::default(), &Run::silent()).unwrap();
        Self { runtime, gateway, client, _scratch: scratch }
    }

    fn address(&self) -> String {
        self.gateway.address().to_string()
    }

    pub(crate) fn create(&self, bucket: &BucketName) {
        self.runtime.block_on(self.client.create_bucket(bucket)).unwrap();
    }

    pub(crate) fn s3cmd(&self) -> S3cmd {
        S3cmd::at(&self.address(), ACCESS_KEY, SECRET_KEY)
    }

    fn put(&self, bucket: &BucketName, key: &str, bytes: Vec<u8>) {
        let (key, md5) = (ObjectKey::new(key).unwrap(), md5::Md5::digest(&bytes).into());
        let operation = PutObject::new(bucket, &key, bytes.len() as u64, md5).unwrap();
        self.runtime.block_on(self.client.put(&operation, &Body::Bytes(Bytes::from(bytes)))).unwrap();
    }

    fn get(&self, bucket: &BucketName, key: &str) -> (ObjectInfo, Vec<u8>) {
        let key = ObjectKey::new(key).unwrap();
        self.runtime.block_on(async {
            let mut download = self.client.get(bucket, &key).await.unwrap();
            let mut bytes = Vec::new();
            while let Some(piece) = download.try_next().await.unwrap() {
                bytes.extend_from_slice(&piece);
            }
            (download.info().clone(), bytes)
        })
    }

    fn keys(&self, bucket: &BucketName) -> Vec<String> {
        let keys = self.client.list(bucket, "").map_ok(|object| object.key.into()).try_collect();
        self.runtime.block_on(keys).unwrap()
    }
}

fn made(size: usize, seed: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from((index * 31 + index / 251 * 7 + seed) % 251).unwrap()).collect()
}

/// A small tree with odd names and a file of several parts.
fn tree() -> BTreeMap<&'static str, Vec<u8>> {
    [
        ("empty", 0),
        ("small", 1234),
        ("dir/large", 17_000_001),
        ("dir/a b+c%2F é", 99),
        ("dir/#x?acl&y=z;", 7),
        ("dir/<\u{65e5}>", 65_537),
    ]
    .into_iter()
    .enumerate()
    .map(|(seed, (name, size))| (name, made(size, seed)))
    .collect()
}

fn plant(directory: &Path, files: &BTreeMap<&str, Vec<u8>>) {
    for (name, bytes) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

fn are_planted(directory: &Path, files: &BTreeMap<&str, Vec<u8>>) {
    for (name, bytes) in files {
        assert!(std::fs::read(directory.join(name)).unwrap() == *bytes, "{name}");
    }
}

/// Each file is an object below a prefix, and nothing else is there.
fn are_objects(served: &Served, bucket: &BucketName, prefix: &str, files: &BTreeMap<&str, Vec<u8>>) {
    let keys: Vec<String> = files.keys().map(|name| format!("{prefix}{name}")).collect();
    assert_eq!(served.keys(bucket), keys);
    for (key, bytes) in keys.iter().zip(files.values()) {
        assert!(served.get(bucket, key).1 == *bytes, "{key}");
    }
}

#[test]
fn s3cmd_writes_and_reads() {
    let served = Served::new();
    let s3cmd = served.s3cmd();
    let (files, ours) = (tree(), bucket("s3cmd_bucket"));
    plant(Path::new(&s3cmd.path("up")), &files);
    s3cmd.run(&["mb", "s3://s3cmd_bucket"]);
    assert!(s3cmd.run(&["ls"]).contains("s3://s3cmd_bucket"));

    s3cmd.run(&["sync", &format!("{}/", s3cmd.path("up")), "s3://s3cmd_bucket/tree/"]);
    are_objects(&served, &ours, "tree/", &files);
    // s3cmd chose the part size.
    let large = served.get(&ours, "tree/dir/large").0;
    assert!(large.etag.ends_with("-2") && large.meta["s3cmd-attrs"].contains("md5:"), "{large:?}");
    let again = s3cmd.run(&["sync", &format!("{}/", s3cmd.path("up")), "s3://s3cmd_bucket/tree/"]);
    assert!(!again.contains("upload:"), "nothing is uploaded twice: {again}");
    s3cmd.run(&["sync", "s3://s3cmd_bucket/tree/", &format!("{}/", s3cmd.path("down"))]);
    are_planted(Path::new(&s3cmd.path("down")), &files);

    let listed = s3cmd.run(&["ls", "-r", "s3://s3cmd_bucket"]);
    assert_eq!(listed.lines().count(), files.len(), "{listed}");
    assert!(listed.contains("s3://s3cmd_bucket/tree/dir/a b+c%2F é"), "{listed}");
    assert!(s3cmd.run(&["ls", "s3://s3cmd_bucket/tree/"]).contains("DIR"));

    served.put(&ours, "ours/e/../x+y", made(70_000, 9));
    s3cmd.run(&["get", "s3://s3cmd_bucket/ours/e/../x+y", &s3cmd.path("got")]);
    assert!(std::fs::read(s3cmd.path("got")).unwrap() == made(70_000, 9));
    let large = Path::new(&s3cmd.path("up")).join("dir/large");
    s3cmd.run(&["put", "--multipart-chunk-size-mb=5", large.to_str().unwrap(), "s3://s3cmd_bucket/parts"]);
    let (info, bytes) = served.get(&ours, "parts");
    assert!(bytes == files["dir/large"] && info.etag.ends_with("-4"), "{info:?}");

    s3cmd.run(&["cp", "s3://s3cmd_bucket/parts", "s3://s3cmd_bucket/copy"]);
    assert!(served.get(&ours, "copy").1 == files["dir/large"]);
    s3cmd.run(&["del", "s3://s3cmd_bucket/parts", "s3://s3cmd_bucket/copy"]);
    s3cmd.run(&["del", "-r", "--force", "s3://s3cmd_bucket/tree/"]);
    assert_eq!(served.keys(&ours), ["ours/e/../x+y"]);
    s3cmd.run(&["del", "s3://s3cmd_bucket/ours/e/../x+y"]);
    s3cmd.run(&["rb", "s3://s3cmd_bucket"]);
    assert!(s3cmd.run(&["ls"]).is_empty());
}

fn rclone(served: &Served, arguments: &[&str]) -> String {
    rclone_at(&served.gateway.url(), (ACCESS_KEY, SECRET_KEY), arguments)
}

/// rclone with one remote, `peer:`, and no variable of our environment.
pub(crate) fn rclone_at(url: &str, keys: (&str, &str), arguments: &[&str]) -> String {
    let place = std::env::var_os("DEIS_STORE_TESTS_RCLONE")
        .map_or_else(|| PathBuf::from("/var/cache/deis-store-tests/rclone"), PathBuf::from);
    let program = place.join("bin/rclone");
    assert!(program.exists(), "No {}: run tests/install", program.display());
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent").env("LANG", "C.UTF-8");
    let settings = [
        ("TYPE", "s3"),
        ("PROVIDER", "Ceph"),
        ("V2_AUTH", "true"),
        ("ACCESS_KEY_ID", keys.0),
        ("SECRET_ACCESS_KEY", keys.1),
        ("ENDPOINT", url),
        ("CHUNK_SIZE", "5Mi"),
        ("UPLOAD_CUTOFF", "5Mi"),
    ];
    for (name, value) in settings {
        command.env(format!("RCLONE_CONFIG_PEER_{name}"), value);
    }
    // One attempt: a request that must be repeated is a defect.
    command.args(["--config", "/dev/null", "--retries", "1", "--low-level-retries", "1"]).args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "rclone {arguments:?}: {said}");
    format!("{}{said}", String::from_utf8_lossy(&output.stdout))
}

#[test]
fn rclone_writes_and_reads() {
    let served = Served::new();
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let (files, ours) = (tree(), bucket("rclone_bucket"));
    plant(Path::new(&path("up")), &files);

    rclone(&served, &["copy", &path("up"), "peer:rclone_bucket/tree"]);
    are_objects(&served, &ours, "tree/", &files);
    let large = served.get(&ours, "tree/dir/large").0;
    assert!(large.etag.ends_with("-4"), "{large:?}");
    let said = rclone(&served, &["check", &path("up"), "peer:rclone_bucket/tree"]);
    assert!(said.contains("0 differences found"), "{said}");
    let said = rclone(&served, &["check", "--download", &path("up"), "peer:rclone_bucket/tree"]);
    assert!(said.contains("0 differences found"), "{said}");
    let said = rclone(&served, &["copy", "-v", &path("up"), "peer:rclone_bucket/tree"]);
    assert!(!said.contains("Copied"), "nothing is copied twice: {said}");
    rclone(&served, &["copy", "peer:rclone_bucket/tree", &path("down")]);
    are_planted(Path::new(&path("down")), &files);

    served.put(&ours, "ours/x+y%2F", made(70_000, 9));
    rclone(&served, &["copyto", "peer:rclone_bucket/ours/x+y%2F", &path("got")]);
    assert!(std::fs::read(path("got")).unwrap() == made(70_000, 9));
    rclone(&served, &["copyto", "peer:rclone_bucket/tree/dir/large", "peer:rclone_bucket/ours/copy"]);
    assert!(served.get(&ours, "ours/copy").1 == files["dir/large"], "copied by the gateway");
    assert_eq!(rclone(&served, &["lsf", "-R", "--files-only", "peer:rclone_bucket/tree"]).lines().count(), 6);
    rclone(&served, &["purge", "peer:rclone_bucket/tree"]);
    assert_eq!(served.keys(&ours), ["ours/copy", "ours/x+y%2F"]);
}

#[test]
fn wal_e_pushes_fetches_and_lists() {
    let served = Served::new();
    let ours = bucket("db_wal");
    served.create(&ours);
    let directory = tempfile::tempdir().unwrap();
    let log = directory.path().join("pg_wal");
    std::fs::create_dir_all(log.join("archive_status")).unwrap();
    let (name, segment) = ("000000010000000000000001", made(16 << 20, 3));
    std::fs::write(log.join(name), &segment).unwrap();
    for path in [directory.path(), &log, &log.join("archive_status"), &log.join(name)] {
        hand_over(path).unwrap();
    }
    let wal_e = WalE::new(directory.path(), &served.address(), ACCESS_KEY, SECRET_KEY).unwrap();
    let run = |arguments: &[&str]| run("wal-e", wal_e.command(arguments)).unwrap();
    let path = |name: &str| log.join(name).to_str().unwrap().to_owned();

    run(&["wal-push", &path(name)]);
    assert_eq!(served.keys(&ours), [format!("wal_005/{name}.lzo")]);
    run(&["wal-fetch", "-p", "0", name, &path("fetched")]);
    assert!(std::fs::read(path("fetched")).unwrap() == segment);
    // Another program, lzop, unpacks what WAL-E wrote.
    let packed = directory.path().join("packed.lzo");
    std::fs::write(&packed, served.get(&ours, &format!("wal_005/{name}.lzo")).1).unwrap();
    let unpacked = Command::new("lzop").args(["-dc", packed.to_str().unwrap()]).output().unwrap();
    assert!(unpacked.status.success() && unpacked.stdout == segment);

    // WAL-E reads what our client wrote: the made cluster's base backups and log.
    let [sample, _] = Sample::new(1).buckets();
    let mut fetched = None;
    let mut backups = Vec::new();
    for object in &sample.objects {
        if let Some(backup) = object.key.strip_suffix("_backup_stop_sentinel.json") {
            backups.push(backup.rsplit('/').next().unwrap().to_owned());
            served.put(&ours, &object.key, object.bytes());
        } else if let Some(name) =
            object.key.strip_prefix("wal_005/").and_then(|key| key.strip_suffix(".lzo"))
            && name.len() == 24
            && fetched.is_none()
        {
            fetched = Some(name.to_owned());
            served.put(&ours, &object.key, object.bytes());
        }
    }
    let (listed, fetched) = (run(&["backup-list"]), fetched.unwrap());
    assert_eq!(listed.lines().count(), backups.len() + 1, "{listed}");
    assert!(!backups.is_empty());
    for backup in &backups {
        assert!(listed.contains(backup.as_str()), "{backup}: {listed}");
    }
    assert!(run(&["backup-list", "--detail"]).contains("wal_segment_backup_stop"));
    run(&["wal-fetch", "-p", "0", &fetched, &path("made")]);
    assert_eq!(std::fs::metadata(path("made")).unwrap().len(), 16 << 20);
    run(&["delete", "--confirm", "everything"]);
    assert!(served.keys(&ours).is_empty(), "{:?}", served.keys(&ours));
}
