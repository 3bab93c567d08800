//! The main job: `backup` reads cluster A, `restore` writes cluster B, and the two are equal. WAL-E brings back a
//! database from B whose dump equals the live one's.

use std::collections::BTreeMap;
use std::path::Path;

use deis_store::s3::etag::ETag;
use deis_store::s3::op::{ObjectInfo, ServerTime};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store_tests::environment::Environment;
use deis_store_tests::wal_e;

use crate::clusters::{a, b, client};
use crate::program::on;
use crate::readme;

#[test]
fn what_a_backup_took_from_one_cluster_a_restore_puts_on_another() {
    let (a, b) = (a(), b());
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("backup");

    let backup = on(&a, &["backup", path(&repository), "--json"]).code(0).json();
    assert_eq!(backup["report"]["verdict"], "good", "{backup:#}");
    for part in ["db_wal", "registry", "volume", "sql", "config"] {
        assert_eq!(backup["report"]["parts"][part]["outcome"], "stored", "{part}: {backup:#}");
    }
    let snapshot = backup["report"]["snapshot"].as_str().unwrap();

    let verify = on(&a, &["verify", snapshot, "--json"]).code(0).json();
    assert_eq!(verify["report"]["verdict"], "good", "{verify:#}");

    readable_without_the_program(Path::new(snapshot));

    on(&b, &["restore", snapshot]).code(5).says(&["not confirmed", "--yes", "upload"]);
    on(&b, &["restore", snapshot, "--dry-run"]).code(0);
    assert!(block(client(&b).buckets()).unwrap().is_empty(), "a dry run must not change anything");

    let restored = readme::run_block_of("deis-store restore", &b, scratch.path());
    assert!(restored.contains("LATEST is basebackups_005/"), "{restored}");

    for bucket in ["db_wal", "registry"] {
        buckets_are_equal(&a, &b, bucket);
    }
    volumes_are_equal(&a.volume, &b.volume, snapshot);
    configurations_are_equal(&a, &b);
    database_comes_back(&a, &b, scratch.path());

    // A second restore finds all its objects there. It is refused, since the volume is no longer empty.
    on(&b, &["restore", snapshot, "--yes"]).code(5).says(&["volume is not empty", "--without volume"]);
    let again = on(&b, &["restore", snapshot, "--yes", "--without", "volume", "--json"]).code(0).json();
    assert_eq!(again["report"]["parts"]["registry"]["restored"], 0, "{again:#}");

    // A bucket that holds other objects is not touched.
    let foreign = ObjectKey::new("wal_005/somebody-elses").unwrap();
    put(&client(&b), &bucket("db_wal"), &foreign, b"x");
    on(&b, &["restore", snapshot, "--yes", "--only", "db_wal"]).code(5).says(&["wal_005/somebody-elses"]);
    block(client(&b).delete(&bucket("db_wal"), &foreign)).unwrap();

    // Names and sizes repeat between two histories, so only the bytes tell them apart.
    let sentinels = objects(&client(&b), &bucket("db_wal"));
    let (key, (_, bytes)) = sentinels.iter().find(|(key, _)| key.ends_with("sentinel.json")).unwrap();
    let other: Vec<u8> = bytes.iter().map(|byte| byte ^ 1).collect();
    put(&client(&b), &bucket("db_wal"), &ObjectKey::new(key).unwrap(), other.leak());
    on(&b, &["restore", snapshot, "--yes", "--only", "db_wal"])
        .code(5)
        .says(&[key.as_str(), "two histories"]);
    assert_eq!(objects(&client(&b), &bucket("db_wal")).len(), sentinels.len());
}

/// Runs the commands of docs/format.md in the snapshot.
fn readable_without_the_program(snapshot: &Path) {
    let text = include_str!("../../docs/format.md");
    let commands = text.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(commands.lines().count() >= 3);
    for command in commands.lines() {
        let output =
            std::process::Command::new("bash").args(["-c", command]).current_dir(snapshot).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{command}");
    }
}

pub(crate) fn buckets_are_equal(a: &Environment, b: &Environment, name: &str) {
    let (a, b, bucket) = (client(a), client(b), bucket(name));
    let (ours, theirs) = (objects(&a, &bucket), objects(&b, &bucket));
    assert!(ours.len() > 5, "cluster A has objects in {name}");
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>(), "the keys of {name}");
    for (key, (info, bytes)) in &ours {
        let (their_info, their_bytes) = &theirs[key];
        assert!(bytes == their_bytes, "the bytes of {name}/{key}");
        assert_eq!(stored(info), stored(their_info), "what is stored with {name}/{key}");
        if matches!(ETag::parse(&info.etag), ETag::Md5(_)) {
            assert_eq!(info.etag, their_info.etag, "the ETag of {name}/{key}");
        }
    }
}

/// The data stored with an object, without the fields that the gateway itself makes.
fn stored(info: &ObjectInfo) -> ObjectInfo {
    ObjectInfo { etag: String::new(), modified: ServerTime::default(), ..info.clone() }
}

fn objects(client: &Client, bucket: &BucketName) -> BTreeMap<String, (ObjectInfo, Vec<u8>)> {
    use futures_util::TryStreamExt as _;
    block(async {
        let mut objects = BTreeMap::new();
        let mut listing = std::pin::pin!(client.list(bucket, ""));
        while let Some(object) = listing.try_next().await.unwrap() {
            let key = ObjectKey::new(&object.key).unwrap();
            let mut download = client.get(bucket, &key).await.unwrap();
            let info = download.info().clone();
            let mut bytes = Vec::new();
            while let Some(piece) = download.try_next().await.unwrap() {
                bytes.extend_from_slice(&piece);
            }
            objects.insert(object.key.into(), (info, bytes));
        }
        objects
    })
}

/// Compares modes, owners, times in seconds (as tar keeps them), links and bytes. Of the file that grows, the restored
/// bytes must be the beginning.
pub(crate) fn volumes_are_equal(a: &Path, b: &Path, snapshot: &str) {
    let listing = |root: &Path| {
        let find =
            "find . -mindepth 1 ! -name deis-router.log -printf '%P|%y|%m|%U:%G|%l|%s|%Ts\\0' | sort -z";
        // Of directories, size and time are not compared: the size depends on the file system, and the time of a
        // directory with a growing file changes.
        shell(root, find).split('\0').map(str::to_owned).collect::<Vec<_>>()
    };
    let strip =
        |lines: Vec<String>| -> Vec<String> {
            lines
                .into_iter()
                .map(|line| {
                    if line.contains("|d|") { line.rsplitn(3, '|').last().unwrap().to_owned() } else { line }
                })
                .collect()
        };
    assert_eq!(strip(listing(a)), strip(listing(b)), "the volume of {snapshot}");
    let digests = "find . -type f ! -name deis-router.log -print0 | sort -z | xargs -0 sha256sum";
    assert_eq!(shell(a, digests), shell(b, digests));
    let (grown, restored) = (a.join("logs/deis-router.log"), b.join("logs/deis-router.log"));
    let (grown, restored) = (std::fs::read(grown).unwrap(), std::fs::read(restored).unwrap());
    assert!(grown.starts_with(&restored) && !restored.is_empty(), "the file that grows keeps its beginning");
}

fn configurations_are_equal(a: &Environment, b: &Environment) {
    for key in ["router/bodySize", "router/sslKey", "router/sslCert", "store/pgNum"] {
        let (target, key) = key.split_once('/').unwrap();
        let value = |cluster| on(cluster, &["config", target, "get", key]).code(0).stdout;
        assert_eq!(value(a), value(b), "{target}/{key}");
    }
    let domain = |cluster| on(cluster, &["config", "platform", "get", "domain"]).code(0).stdout;
    assert_ne!(domain(a), domain(b), "a cluster keeps its own domain");
    let password = |cluster| on(cluster, &["config", "database", "get", "password"]).code(0).stdout;
    assert_ne!(password(a), password(b), "a cluster keeps its own password");
}

fn database_comes_back(a: &Environment, b: &Environment, scratch: &Path) {
    let place = tempfile::Builder::new().prefix("recovery").tempdir_in(scratch).unwrap();
    // The user postgres must be able to enter these directories.
    for directory in [scratch, place.path()] {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let recovered = wal_e::recover(b, place.path()).unwrap();
    let live = a.postgres().unwrap().dump().unwrap();
    assert!(live.contains("api_app"), "the dump of the live database holds its tables");
    assert!(recovered.dump().unwrap() == live, "the recovered database says what the live one says");
}

fn shell(directory: &Path, script: &str) -> String {
    let output = std::process::Command::new("bash")
        .args(["-o", "pipefail", "-c", script])
        .current_dir(directory)
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn put(client: &Client, bucket: &BucketName, key: &ObjectKey, bytes: &'static [u8]) {
    use deis_store::http::Body;
    use deis_store::s3::op::PutObject;
    use md5::Digest as _;
    let operation = PutObject::new(bucket, key, bytes.len() as u64, md5::Md5::digest(bytes).into()).unwrap();
    block(client.put(&operation, &Body::Bytes(bytes::Bytes::from_static(bytes)))).unwrap();
}

pub(crate) fn bucket(name: &str) -> BucketName {
    BucketName::new(name).unwrap()
}

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(future)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
