//! What we write, other clients read.

use std::collections::BTreeMap;
use std::path::Path;

use deis_store::s3::ObjectKey;

use super::{Client, Object};
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};
use crate::program::at_gateway;

const BUCKET: &str = "written-by-us";

/// What `s3 sync` writes from a directory; the type is that of the suffix.
const SYNCED: [Object; 4] = [
    Object::plain("t/empty", &[0]),
    Object::plain("t/page.html", &[1234]).with("text/html", &[]),
    Object::plain("t/p+q%\u{e9}&r;s", &[99]),
    Object::plain("t/with a space", &[7]),
];
/// What `s3 put` writes in parts.
const BIG: Object = Object::of_parts("big", &[65 << 20, 12_345], true);
/// What `s3 sync` writes from a bucket.
const COPIED: Object = Object::plain("copied/x", &[4321]).with("text/x; charset=utf-8", &[("note", "a  b")]);
/// A key that is no path.
const SLASHES: Object = Object::plain("a//b", &[5]);

#[test]
fn what_we_write_other_clients_read() {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let on = |arguments: &[&str]| at_gateway(&a.gateways[0], &a, &a.secret_key, arguments).code(0);
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let place = |key: &str| format!("s3://{BUCKET}/{key}");
    on(&["s3", "mb", &place("")]);
    for object in &SYNCED {
        let file = path(object.key);
        std::fs::create_dir_all(Path::new(&file).parent().unwrap()).unwrap();
        std::fs::write(file, object.bytes()).unwrap();
    }
    on(&["s3", "sync", &format!("{}/", path("t")), &place("t/")]);
    std::fs::write(path("big"), BIG.bytes()).unwrap();
    on(&["s3", "put", &path("big"), &place("big")]);
    std::fs::write(path("slashes"), SLASHES.bytes()).unwrap();
    on(&["s3", "put", &path("slashes"), &place(SLASHES.key)]);
    let (client, bucket) = (client(&a), bucket(BUCKET));
    let key = ObjectKey::new("first/x").unwrap();
    let put = client.put_bytes(&bucket, &key, COPIED.bytes()).content_type(COPIED.content_type.unwrap());
    let put = COPIED.meta.iter().fold(put, |put, (name, value)| put.meta(*name, *value));
    block(put.into_future()).unwrap();
    on(&["s3", "sync", &place("first/"), &place("copied/")]);

    let mut all = SYNCED.to_vec();
    all.extend([BIG, COPIED, SLASHES]);
    for reader in Client::ALL {
        for object in &all {
            let unable = match reader {
                // They ask for another key.
                Client::Boto | Client::Rclone => object.key.contains("//"),
                Client::Libs3 => object.key.contains(' '),
                _ => false,
            };
            if unable {
                continue;
            }
            let (got, name) = (path("got"), format!("{reader:?} {}", object.key));
            // libs3 writes over a file that is there, and does not cut it off.
            let _ = std::fs::remove_file(&got);
            let stored = reader.read(&a, BUCKET, object, Path::new(&got));
            assert!(std::fs::read(&got).unwrap() == object.bytes(), "{name}");
            let Some(stored) = stored else { continue };
            if let Some(content_type) = object.content_type {
                assert_eq!(stored["type"], content_type, "{name}");
            }
            let meta: BTreeMap<&str, &str> = object.meta.iter().copied().collect();
            assert_eq!(stored["meta"], serde_json::json!(meta), "{name}");
        }
    }
}
