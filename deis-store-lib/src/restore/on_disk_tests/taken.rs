//! Snapshots that are taken: one with all parts and odd keys, one of which much is missing, and one that shares objects with
//! the one before. The golden ones were made so, and the document of the format is held against fresh ones.

use std::fs;
use std::path::Path;

use super::site::{Object, WholeSite};
use crate::backup::{BackupOptions, backup};
use crate::gateway::{Fault, Operation};
use crate::part::PartChoice;
use crate::report::Verdict;
use crate::run::Run;
use crate::snapshot::{Repository, SnapshotReader};

pub(super) const BASE: &str = "basebackups_005/base_000000010000000000000004_00000040";
pub(super) const TAG: &str = "registry/repositories/library/app/tag_v1";
/// The tag of the image that the incomplete snapshot lacks.
pub(super) const LOST_TAG: &str = "registry/repositories/library/app/tag_v2";
pub(super) const LOST_LAYER: &str = "registry/images/bb/layer";

/// The operator's configuration.
pub(super) const KEYS: [(&str, &str); 3] = [
    ("/deis/platform/domain", "example.com"),
    ("/deis/router/bodySize", "100m"),
    ("/deis/router/sslCert", "-----BEGIN CERTIFICATE-----\nmade up=\n"),
];
/// A value that is not UTF-8, as etcd's JSON gives it: it is not taken.
pub(super) const MANGLED: &str = "/deis/router/notUtf8";

pub(super) const DUMP: &str = "--\n-- PostgreSQL database cluster dump\n--\n\nCREATE ROLE deis;\n\n\
                               --\n-- PostgreSQL database cluster dump complete\n--\n\n";

pub(super) const LOG: (&str, &str) = ("logs/app.log", "a line\nanother line\n");

/// The bucket `db_wal`: a base backup that needs two segments, and a third one.
pub(super) fn db_wal() -> Vec<Object> {
    let sentinel = r#"{"wal_segment_backup_stop":"000000010000000000000005"}"#;
    let mut objects = vec![
        Object::new(format!("{BASE}/extended_version.txt"), "PostgreSQL 9.3"),
        Object::new(format!("{BASE}/tar_partitions/part_00000000.tar.lzo"), "partition"),
        Object::new(format!("{BASE}_backup_stop_sentinel.json"), sentinel),
    ];
    for segment in 4..=6 {
        objects.push(Object::new(format!("wal_005/00000001000000000000000{segment}.lzo"), "segment"));
    }
    objects
}

/// The bucket `registry`: two images, each with a tag.
pub(super) fn registry() -> Vec<Object> {
    let mut objects = Vec::new();
    for (image, tag) in [("aa", TAG), ("bb", LOST_TAG)] {
        objects.push(Object::new(format!("registry/images/{image}/ancestry"), format!("[\"{image}\"]")));
        objects.push(Object::new(format!("registry/images/{image}/json"), "{}"));
        objects.push(Object::new(format!("registry/images/{image}/layer"), format!("layer of {image}")));
        objects.push(Object::new(tag, image));
    }
    objects
}

/// A bucket with keys that S3 allows and nobody expects.
pub(super) fn uploads() -> Vec<Object> {
    let keys = [
        "/a",
        "a//b",
        "d/",
        ".",
        "..",
        "./x",
        "a/../b",
        "../escape",
        "100%",
        "%2F",
        "%part.x",
        "%-",
        "a",
        "a/b",
        "a/b/c",
        "plus+plus",
        "with space",
        "größe/日本語",
        "new\nline",
        "question?mark&and=more#tag",
    ];
    let mut objects: Vec<Object> =
        keys.iter().map(|key| Object::new(*key, format!("bytes of {key}"))).collect();
    objects.push(Object::new("k".repeat(241), "a key of 241 bytes"));
    objects.push(Object::new(format!("long/{}/end", "é".repeat(300)), "a component of 600 bytes"));
    objects.push(Object::new(format!("{}..", "x".repeat(400)), "a last piece of dots"));
    objects.push(Object::new("empty", ""));
    objects.push(Object {
        content_type: Some("image/jpeg"),
        headers: &[("cache-control", "max-age=60, public"), ("content-disposition", "inline")],
        meta: &[("taken-by", "somebody")],
        ..Object::new("photos/1.jpg", "a photo")
    });
    objects.push(Object { part_bytes: Some(15 << 20), ..Object::new("in one part", "an upload in parts") });
    objects
}

/// A snapshot with all parts.
pub(super) async fn whole(repository: &Path) -> SnapshotReader {
    let site = WholeSite::new(&KEYS, DUMP, |_, _| None).await;
    site.fill("db_wal", &db_wal()).await;
    site.fill("registry", &registry()).await;
    site.fill("uploads", &uploads()).await;
    fs::create_dir(site.volume.path().join("logs")).unwrap();
    fs::write(site.volume.path().join(LOG.0), LOG.1).unwrap();
    let (verdict, snapshot) = taken(&site, repository, PartChoice::All).await;
    assert_eq!(verdict, Verdict::Good);
    snapshot
}

/// A snapshot that lacks a part, a key of the configuration, and objects for every reason that there is.
pub(super) async fn incomplete(repository: &Path) -> SnapshotReader {
    let keys = [&KEYS[..], &[(MANGLED, "not \u{fffd} UTF-8")]].concat();
    let site = WholeSite::new(&keys, DUMP, |asked, store| {
        if asked.operation != Operation::GetObject {
            return None;
        }
        let (status, code) = match asked.key.as_str() {
            LOST_LAYER => (403, "AccessDenied"),
            "failed" => (404, "NoSuchKey"),
            "vanished" => {
                store.delete(&asked.bucket, &asked.key);
                (404, "NoSuchKey")
            }
            _ => return None,
        };
        let body = format!("<Error><Code>{code}</Code><RequestId>tx1</RequestId></Error>").into_bytes();
        let mut response = http::Response::new(body);
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
        Some(Fault::Instead(response))
    })
    .await;
    site.fill("db_wal", &db_wal()).await;
    site.fill("registry", &registry()).await;
    let mut uploads: Vec<Object> =
        ["a", "failed", "vanished"].iter().map(|key| Object::new(*key, "x")).collect();
    uploads.push(Object { part_bytes: Some(800), ..Object::new("in odd parts", "1234567".repeat(300)) });
    site.fill("uploads", &uploads).await;
    // No such directory: the part cannot be taken.
    fs::remove_dir(site.volume.path()).unwrap();
    let (verdict, snapshot) =
        taken(&site, repository, PartChoice::AllBut(["sql".parse().unwrap()].into())).await;
    assert!(verdict > Verdict::Good);
    snapshot
}

/// The objects of which two snapshots are taken: at first so many.
pub(super) fn before() -> Vec<Object> {
    (0..10).map(|number| Object::new(format!("k{number}"), format!("bytes of {number}"))).collect()
}

/// And then these: three are gone, one is new, one is another, and one was written again as it was.
pub(super) fn after() -> Vec<Object> {
    let mut objects = before().split_off(3);
    "bytes of 3, and more".clone_into(&mut objects[0].body);
    objects.push(Object::new("new", "new"));
    objects
}

/// Two snapshots, of which the second one shares what has not changed; and it has shrunk.
pub(super) async fn later(repository: &Path) -> [SnapshotReader; 2] {
    let site = WholeSite::new(&KEYS, DUMP, |_, _| None).await;
    site.fill("uploads", &before()).await;
    let parts = || PartChoice::Only(["bucket.uploads", "config"].map(|part| part.parse().unwrap()).into());
    let (verdict, first) = taken(&site, repository, parts()).await;
    assert_eq!(verdict, Verdict::Good);
    // Times have milliseconds in a list.
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    site.delete("uploads", &["k0", "k1", "k2"]).await;
    let written = |object: &Object| ["k3", "k4", "new"].contains(&object.key.as_str());
    site.fill("uploads", &after().into_iter().filter(written).collect::<Vec<_>>()).await;
    let (verdict, second) = taken(&site, repository, parts()).await;
    assert!(verdict > Verdict::Good);
    [first, second]
}

async fn taken(site: &WholeSite, repository: &Path, choice: PartChoice) -> (Verdict, SnapshotReader) {
    let run = Run::silent();
    let repository = Repository::create(repository, &run).unwrap();
    let options = BackupOptions::new(["uploads".parse().unwrap()], choice).unwrap();
    let report = backup(&site.cluster, &repository, &options, &run).await.unwrap();
    (report.verdict, SnapshotReader::open(&report.snapshot).unwrap())
}
