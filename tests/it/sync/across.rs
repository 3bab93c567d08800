//! `s3 sync` from one cluster to another in one step.

use std::collections::BTreeMap;
use std::fs;

use deis_store::ErrorKind;
use deis_store::s3::client::{UploadOptions, cut_into_parts};
use deis_store::s3::op::{InitiateUpload, ObjectInfo, ServerTime};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;
use deis_store_tests::faulty::{Edit, Fault, FaultyGateway, Operation, edited};
use futures_util::TryStreamExt as _;

use super::{Place, Synced};
use crate::clusters::{a, client};
use crate::main_job::bucket as bucket_of;
use crate::peers::Served;
use crate::program::{alone, command, ran};
use crate::s3cmd::S3cmd;

/// The objects of a bucket with everything stored with them but their time. Their bytes are checked.
fn kept(
    runtime: &tokio::runtime::Runtime,
    client: &Client,
    bucket: &BucketName,
) -> BTreeMap<String, ObjectInfo> {
    runtime.block_on(async {
        let mut kept = BTreeMap::new();
        let mut listing = std::pin::pin!(client.list(bucket, ""));
        while let Some(listed) = listing.try_next().await.unwrap() {
            let key = ObjectKey::new(&listed.key).unwrap();
            // The download checks the bytes against the ETag.
            let (info, checked) = client.get_to(bucket, &key, tokio::io::sink()).await.unwrap();
            assert_ne!(checked.to_string(), "none", "{key}");
            kept.insert(listed.key.into(), ObjectInfo { modified: ServerTime::default(), ..info });
        }
        kept
    })
}

fn made(size_bytes: usize) -> Vec<u8> {
    (0..size_bytes).map(|index| u8::try_from(index * 31 % 251).unwrap()).collect()
}

#[test]
fn a_bucket_becomes_as_that_of_another_cluster_with_all_that_is_stored_with_its_objects() {
    let (a, served, scratch) = (a(), Served::new(), tempfile::tempdir().unwrap());
    let (ours, bucket) = (client(&a), bucket_of("sync_across"));
    served.create(&bucket);
    let run = |arguments: &[&str]| {
        let mut command = command();
        command.env("DEIS_STORE_SSH_CONFIG", &a.ssh_config);
        Synced::of(ran(command.args(["--json", "s3", "sync"]).args(arguments)))
    };
    let (real, embedded) = (S3cmd::new(&a), served.s3cmd());
    let (real, embedded) = (real.path("s3cfg"), embedded.path("s3cfg"));
    let there = ["--s3cfg", &real, "--to-s3cfg", &embedded, "--spool", scratch.path().to_str().unwrap()];
    let sync = |more: &[&str]| run(&[&["s3://sync_across", "s3://sync_across"], &there[..], more].concat());

    served.runtime.block_on(async {
        ours.create_bucket(&bucket).await.unwrap();
        let headers = BTreeMap::from([
            ("cache-control".to_owned(), "max-age=7".to_owned()),
            ("content-disposition".to_owned(), "attachment".to_owned()),
        ]);
        let meta = BTreeMap::from([("note".to_owned(), "café".to_owned())]);
        for (key, size_bytes, part_size_bytes) in [
            ("empty", 0, None),
            ("small +é%", 1234, None),
            // In one request, though our program sends files of that size in parts.
            ("one", 65 << 20, None),
            ("parts", 33_000_001, Some(5 << 20)),
        ] {
            let key = ObjectKey::new(key).unwrap();
            let bytes = made(size_bytes);
            if let Some(part_size_bytes) = part_size_bytes {
                let begin = InitiateUpload::new(&bucket, &key, Some("text/x"), &headers, &meta).unwrap();
                let parts = cut_into_parts(&bytes[..], part_size_bytes);
                ours.upload(&begin, parts, &UploadOptions::default()).await.unwrap();
            } else {
                let md5 = <md5::Md5 as md5::Digest>::digest(&bytes).into();
                let put = deis_store::s3::op::PutObject::new(&bucket, &key, bytes.len() as u64, md5).unwrap();
                let put = put.with(Some("text/x"), &headers, &meta).unwrap();
                ours.put(&put, &deis_store::http::Body::Bytes(bytes.into())).await.unwrap();
            }
        }
    });

    let dry = sync(&["--dry-run"]).code(0);
    assert_eq!((dry.count("stored"), kept(&served.runtime, &served.client, &bucket).len()), (4, 0));
    let synced = sync(&[]).code(0);
    assert_eq!(synced.count("stored"), 4);
    let source = kept(&served.runtime, &ours, &bucket);
    assert_eq!(kept(&served.runtime, &served.client, &bucket), source);
    assert!(source["parts"].etag.ends_with("-7") && source["one"].etag.len() == 32, "{source:#?}");
    assert_eq!(fs::read_dir(&scratch).unwrap().count(), 0, "nothing is left of what was on its way");
    assert_eq!(sync(&[]).code(0).count("unchanged"), 4);

    // And back, below a prefix, to a cluster that the program finds through its etcd.
    let back = [
        "s3://sync_across/",
        "s3://sync_across/back/",
        "--s3cfg",
        &embedded,
        "--to-etcd",
        &a.etcd,
        "--to-tunnel",
        &a.tunnel,
    ];
    assert_eq!(run(&back).code(0).count("stored"), 4);
    let returned: BTreeMap<String, ObjectInfo> = kept(&served.runtime, &ours, &bucket)
        .into_iter()
        .filter_map(|(key, info)| Some((key.strip_prefix("back/")?.to_owned(), info)))
        .collect();
    assert_eq!(returned, source);

    // Between two gateways of one cluster.
    served.runtime.block_on(ours.create_bucket(&bucket_of("sync_across_2"))).unwrap();
    let two = ["--s3cfg", &real, "--to-s3cfg", &real, "--to-gateway", &a.gateways[1]];
    run(&[&["s3://sync_across/back/", "s3://sync_across_2"], &two[..]].concat()).code(0);
    assert_eq!(kept(&served.runtime, &ours, &bucket_of("sync_across_2")), source);
    let onto_itself = ["s3://sync_across/back/", "s3://sync_across", "--delete-removed"];
    run(&[&onto_itself[..], &two[..]].concat()).code(2);

    // Objects that are no longer in the source are deleted in the target, within `--max-delete`.
    for key in ["back/empty", "back/one", "back/parts", "back/small +é%", "small +é%"] {
        served.runtime.block_on(ours.delete(&bucket, &ObjectKey::new(key).unwrap())).unwrap();
    }
    sync(&["--delete-removed", "--max-delete", "0"]).code(5);
    assert_eq!(sync(&["--delete-removed"]).code(0).outcome("small +é%"), "deleted");
    let key = ObjectKey::new("small +é%").unwrap();
    let gone = served.client.head(&bucket, &key);
    assert_eq!(served.runtime.block_on(gone).unwrap_err().kind(), ErrorKind::NotFound);
}

/// Two scripted gateways.
struct Two {
    from: Place,
    to: FaultyGateway,
    cfg: S3cmd,
}

impl Two {
    fn with(objects: &[(&str, &[u8])]) -> Self {
        let (from, to) = (Place::with(objects), FaultyGateway::of(Credentials::new("AK2", "SK2")).unwrap());
        to.make_bucket("copy");
        let cfg = S3cmd::at(to.url().trim_start_matches("http://"), "AK2", "SK2");
        Self { from, to, cfg }
    }

    fn sync(&self, more: &[&str]) -> Synced {
        let cfg = self.cfg.path("s3cfg");
        self.from.sync(&[&["s3://db_wal", "s3://copy", "--to-s3cfg", &cfg], more].concat())
    }
}

const ALWAYS: std::ops::Range<usize> = 0..usize::MAX;

#[test]
fn a_flipped_byte_on_the_way_is_never_stored() {
    let two = Two::with(&[("bad", b"the bytes of the object"), ("ok", b"ok")]);
    two.from.gateway.on(Operation::GetObject, "/bad", ALWAYS, Fault::Flipped(3));
    let synced = two.sync(&[]).code(3);
    assert_eq!((synced.outcome("bad"), synced.outcome("ok")), ("failed", "stored"));
    assert!(synced.keys["bad"]["why"].as_str().unwrap().contains("MD5"), "{synced:#?}");
    assert_eq!((two.to.stored("copy", "bad"), two.to.stored("copy", "ok")), (None, Some(b"ok".to_vec())));

    let two = Two::with(&[("bad", b"the bytes of the object")]);
    two.from.gateway.on(Operation::GetObject, "/bad", 0..1, Fault::Flipped(3));
    assert_eq!(two.sync(&[]).code(0).outcome("bad"), "stored");
    assert_eq!(two.to.stored("copy", "bad").as_deref(), Some(&b"the bytes of the object"[..]));
}

#[test]
fn an_object_that_does_not_come_is_failed_and_object_after_object_ends_the_run() {
    let two = Two::with(&[("bad", b"the bytes of the object"), ("ok", b"ok")]);
    two.from.gateway.on(Operation::GetObject, "/bad", ALWAYS, Fault::Short(0));
    let synced = two.sync(&[]).code(3);
    assert_eq!((synced.outcome("bad"), synced.outcome("ok")), ("failed", "stored"));
    assert_eq!(two.to.stored("copy", "bad"), None);

    let two = Two::with(&[]);
    for number in 0..100 {
        two.from.gateway.store("db_wal", &format!("{number:03}"), b"bytes");
    }
    two.from.gateway.on(Operation::GetObject, "", ALWAYS, Fault::Short(0));
    let synced = two.sync(&[]).code(6);
    assert_eq!(synced.ran.json()["error"]["kind"], "unreachable");
    assert_eq!(two.to.asked_for(Operation::PutObject).len(), 0);
}

#[test]
fn a_source_that_is_replaced_or_gone_by_then_is_stored_as_it_is_or_has_vanished() {
    let two = Two::with(&[("bad", b"the bytes of the object")]);
    two.from.gateway.on(
        Operation::GetObject,
        "/bad",
        0..1,
        Fault::Replaced { at: 5, by: b"new".to_vec().into() },
    );
    let gone: Edit = |page| {
        let text = String::from_utf8(page.body.clone()).unwrap();
        let gone = "<Contents><Key>zgone</Key><LastModified>2026-11-22T08:00:00.000Z</LastModified>\
                    <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size></Contents>";
        page.body = text.replace("</Contents>", &format!("</Contents>{gone}")).into();
    };
    two.from.gateway.on(Operation::ListObjects, "", 0..1, edited(gone));
    let synced = two.sync(&[]).code(0);
    assert_eq!((synced.outcome("bad"), synced.outcome("zgone")), ("stored", "vanished"));
    assert_eq!(two.to.stored("copy", "bad").as_deref(), Some(&b"new"[..]));
    assert_eq!(two.to.stored("copy", "zgone"), None);
}

#[test]
fn a_directory_for_what_is_on_its_way_that_takes_nothing_ends_the_run_with_its_name() {
    let two = Two::with(&[("a", b"1")]);
    let synced = two.sync(&["--spool", "/not/there"]).code(1);
    assert_eq!(synced.ran.json()["error"]["where"]["path"], "/not/there");
}

#[test]
fn what_is_not_said_of_the_other_cluster_is_asked_for() {
    let two = Two::with(&[("a", b"1")]);
    let buckets = ["s3", "sync", "s3://db_wal", "s3://copy"];
    let url = two.to.url();
    let from = S3cmd::at(two.from.gateway.url().trim_start_matches("http://"), "AK", "SK");
    let from = from.path("s3cfg");
    let run = |words: &[&str], arguments: &[&str]| alone(&[words, &["--s3cfg", &from], arguments].concat());
    run(&buckets, &["--to-gateway", &url]).code(2).says(&["keys", "--to-s3cfg", "--to-etcd"]);
    let cfg = two.cfg.path("no-host");
    fs::write(&cfg, "access_key = AK2\nsecret_key = SK2\n").unwrap();
    run(&buckets, &["--to-s3cfg", &cfg]).code(2).says(&["--to-gateway", "host_base"]);
    run(&buckets, &["--to-s3cfg", &cfg, "--to-gateway", &url]).code(0);
    assert_eq!(two.to.stored("copy", "a").as_deref(), Some(&b"1"[..]));
    let down = ["s3", "sync", "s3://db_wal", "/not/there"];
    run(&down, &["--to-gateway", &url, "--to-s3cfg", &cfg]).code(2).says(&["only a bucket"]);
}
