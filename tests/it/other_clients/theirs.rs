//! What other clients write, we read.

use std::path::Path;

use deis_store::{key_path, s3::ObjectKey};
use serde_json::Value;

use super::{Client, Object};
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};
use crate::program::{Ran, at_gateway};

const MIB: usize = 1 << 20;

const EMPTY: Object = Object::plain("empty", &[0]);
const WITH_ALL: Object =
    Object::plain("with all", &[1234]).with("text/x; charset=utf-8", &[("note", "a  b"), ("two-words", "c")]);
const ODD_KEY: Object = Object::plain("a+b%2F é/x;y&z?#", &[99]);
const USUAL: Object = Object::of_parts("usual", &[8 * MIB, 100], true);
/// Sizes that nobody can guess.
const ODD: Object = Object::of_parts("odd", &[5 * MIB + 12_345, 5 * MIB + 12_345, 77], false);
const UNEVEN: Object = Object::of_parts("uneven", &[6 * MIB, 5 * MIB, 7 * MIB], false);

/// Every word reads them rightly, and names those that nothing proves.
fn read_by_us(writer: Client, objects: &[Object]) {
    let (a, scratch) = (a(), tempfile::tempdir().unwrap());
    let on = |arguments: &[&str]| -> Ran { at_gateway(&a.gateways[0], &a, &a.secret_key, arguments) };
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let place = format!("s3://{}/", writer.bucket());
    on(&["s3", "mb", &place]).code(0);
    for object in objects {
        std::fs::write(path("written"), object.bytes()).unwrap();
        writer.write(&a, object, Path::new(&path("written")));
    }
    let unproven = objects.iter().filter(|object| !object.is_proven).count();
    let code = if unproven > 0 { 3 } else { 0 };

    // Twice: what is unverifiable is named again.
    for _ in 0..2 {
        let synced = on(&["--json", "s3", "sync", &place, &path("down")]).code(code).json();
        let counts = &synced["report"]["counts"];
        assert_eq!(
            (&counts["unverifiable"], &counts["listed"]),
            (&unproven.into(), &objects.len().into()),
            "{synced:#}"
        );
    }
    let repository = path("repository");
    let part = format!("bucket.{}", writer.bucket());
    let backup = ["--json", "backup", &repository, "--bucket", &writer.bucket(), "--only", &part];
    let backup = on(&backup).code(code).json();
    assert_eq!(backup["report"]["parts"][&part]["counts"]["unverifiable"], unproven, "{backup:#}");
    let snapshot = backup["report"]["snapshot"].as_str().unwrap();
    on(&["verify", snapshot]).code(code);

    let (client, bucket) = (client(&a), bucket(&writer.bucket()));
    for object in objects {
        let name = format!("{writer:?} {}", object.key);
        for below in [path("down"), format!("{snapshot}/{part}")] {
            let file = key_path::encode(object.key).iter().fold(below, |path, name| format!("{path}/{name}"));
            assert!(std::fs::read(&file).unwrap() == object.bytes(), "{name}: {file}");
        }
        let got = path("got");
        let get = ["--json", "s3", "get", &format!("{place}{}", object.key), &got, "--force"];
        let get = on(&get).code(if object.is_proven { 0 } else { 3 }).json();
        assert_eq!(get["report"]["checked"] == "none", !object.is_proven, "{name}: {get:#}");
        assert!(std::fs::read(&got).unwrap() == object.bytes(), "{name}");
        let info = block(client.head(&bucket, &ObjectKey::new(object.key).unwrap())).unwrap();
        if let Some(content_type) = object.content_type {
            assert_eq!(
                (&info.content_type[..], &info.headers["cache-control"][..]),
                (content_type, "max-age=7"),
                "{name}"
            );
        }
        for (field, value) in object.meta {
            assert_eq!(info.meta[*field], *value, "{name}");
        }
    }
}

#[test]
fn what_boto3_writes_is_proven_or_named() {
    let slashes = Object::plain("a//b/../c", &[7]);
    read_by_us(Client::Boto3, &[EMPTY, WITH_ALL, ODD_KEY, slashes, USUAL, ODD, UNEVEN]);
}

#[test]
fn what_boto_writes_is_proven_or_named() {
    read_by_us(Client::Boto, &[EMPTY, WITH_ALL, ODD_KEY, USUAL, ODD]);
}

#[test]
fn what_libs3_writes_is_proven() {
    // It cannot write a key with a space: it sends `+`, which radosgw takes for one.
    let with_all = Object { key: "with-all", ..WITH_ALL };
    let odd_key = Object::plain("a+b%2F\u{e9}/x;y&z?#", &[99]);
    read_by_us(Client::Libs3, &[EMPTY, with_all, odd_key]);
}

#[test]
fn what_rclone_writes_is_proven_by_the_md5_that_it_stores() {
    let odd = Object::of_parts("odd", &[5 * MIB + 12_345, 5 * MIB + 12_345, 77], true);
    read_by_us(Client::Rclone, &[EMPTY, WITH_ALL, ODD_KEY, odd]);
}

#[test]
fn what_s3cmd_writes_is_proven_also_by_the_md5_that_it_stores() {
    let parts = Object::of_parts("parts", &[7 * MIB, 7 * MIB, 100], true);
    read_by_us(Client::S3cmd, &[EMPTY, WITH_ALL, ODD_KEY, parts]);
}

#[test]
fn objects_of_unknown_part_size_are_sent_to_another_cluster_once() {
    use crate::peers::Served;
    use crate::s3cmd::S3cmd;
    let (a, served) = (a(), Served::new());
    let (from, bucket) = (client(&a), bucket("odd-across"));
    block(from.create_bucket(&bucket)).unwrap();
    served.create(&bucket);
    let proven = Object::of_parts("proven", &[5 * MIB + 12_345, 5 * MIB + 12_345, 77], true);
    let plain = Object::plain("plain", &[1000]);
    let write = |object: &Object, bytes: &[u8], md5: Option<[u8; 16]>| {
        let meta = md5.map(|md5| ("md5chksum".to_owned(), deis_store_tests::random::base64(&md5)));
        upload(&a, &bucket, object, bytes, meta);
    };
    let md5 = |bytes: &[u8]| -> [u8; 16] { <md5::Md5 as md5::Digest>::digest(bytes).into() };
    write(&ODD, &ODD.bytes(), None);
    write(&proven, &proven.bytes(), Some(md5(&proven.bytes())));
    write(&plain, &plain.bytes(), None);

    let (real, embedded) = (S3cmd::new(&a), served.s3cmd());
    let (real, embedded) = (real.path("s3cfg"), embedded.path("s3cfg"));
    let sync = || {
        let words = [
            "--json",
            "--s3cfg",
            &real,
            "s3",
            "sync",
            "s3://odd-across",
            "s3://odd-across",
            "--to-s3cfg",
            &embedded,
        ];
        let ran = crate::program::ran(crate::program::command().args(words)).code(3);
        let report = ran.json()["report"].clone();
        let outcome = |key: &str| -> (String, u64) {
            let keys: &Vec<Value> = report["keys"].as_array().unwrap();
            let key = keys.iter().find(|line| line["key"] == key).unwrap();
            (key["outcome"].as_str().unwrap().to_owned(), key["size"].as_u64().unwrap())
        };
        (outcome("odd"), outcome("proven"), report["counts"]["unchanged"].as_u64())
    };
    let written = |key: &str| {
        let key = ObjectKey::new(key).unwrap();
        served.runtime.block_on(served.client.head(&bucket, &key)).unwrap().modified.as_str().to_owned()
    };
    let size = ODD.bytes().len() as u64;
    let of = |outcome: &str, size: u64| (outcome.to_owned(), size);
    assert_eq!(sync(), (of("unverifiable", size), of("stored", size), Some(0)));
    let before = ["odd", "proven"].map(written);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    // The one that is in doubt is named again, and neither is sent again.
    assert_eq!(sync(), (of("unverifiable", 0), of("unchanged", 0), Some(2)));
    assert_eq!(["odd", "proven"].map(written), before);

    // Other bytes of the same size are sent, whichever side has them; and so is what is stored with the object.
    let other: Vec<u8> = proven.bytes().iter().map(|byte| byte ^ 1).collect();
    write(&proven, &other, Some(md5(&other)));
    assert_eq!(sync().1, of("stored", size));
    assert_eq!(sync().1, of("unchanged", 0));
    let key = ObjectKey::new("odd").unwrap();
    served.runtime.block_on(served.client.put_bytes(&bucket, &key, other).into_future()).unwrap();
    assert_eq!(sync().0, of("unverifiable", size));
    assert_eq!(sync().0, of("unverifiable", 0));
}

/// Stores an object in its parts, with our own client.
fn upload(
    a: &deis_store_tests::environment::Environment,
    bucket: &deis_store::s3::BucketName,
    object: &Object,
    bytes: &[u8],
    meta: Option<(String, String)>,
) {
    use deis_store::http::Body;
    use deis_store::s3::client::{Part, UploadOptions};
    use deis_store::s3::op::InitiateUpload;
    let (client, key) = (client(a), ObjectKey::new(object.key).unwrap());
    if !object.in_parts {
        block(client.put_bytes(bucket, &key, bytes.to_vec()).into_future()).unwrap();
        return;
    }
    let begin = InitiateUpload::new(bucket, &key, None, &[].into(), &meta.into_iter().collect()).unwrap();
    let (mut parts, mut rest) = (Vec::new(), bytes);
    for size in object.parts {
        let (part, behind) = rest.split_at(*size);
        rest = behind;
        let md5 = <md5::Md5 as md5::Digest>::digest(part).into();
        parts.push(Ok(Part { body: Body::Bytes(part.to_vec().into()), md5 }));
    }
    let parts = futures_util::stream::iter(parts);
    block(client.upload(&begin, parts, &UploadOptions::default())).unwrap();
}
