//! An nginx that compresses what nobody has asked it to, or unpacks what is stored compressed.

use std::path::Path;

use deis_store_tests::nginx::Passing;

use super::{ANY_SIZE, Site};
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};

const GZIP: &str = "gzip on; gzip_types *; gzip_proxied any; gzip_min_length 1; gzip_http_version 1.0; client_max_body_size 0;";

#[test]
fn what_is_compressed_on_the_way_though_nobody_asked_for_it_is_named_by_every_word() {
    let to = a().gateway_address().unwrap().to_owned();
    let asking = format!("{ANY_SIZE} proxy_set_header Accept-Encoding gzip;");
    let each = [Passing { to: &to, settings: GZIP }, Passing { to: "", settings: &asking }];
    let site = Site::behind_each("compressed", &each);
    site.store("page", "text ".repeat(1000).as_bytes());
    let (place, root) = (site.place("page"), site.place(""));
    let words: [(&[&str], i32); 5] = [
        (&["s3", "ls", &root], 1),
        (&["s3", "sync", &root, &site.path("down")], 1),
        (&["s3", "get", &place, &site.path("got")], 1),
        (&["s3", "get", "-r", &root, &site.path("tree")], 1),
        (&["s3", "del", "-r", "-f", &root], 1),
    ];
    for (words, code) in words {
        site.through(words).code(code).says(&["a proxy has compressed", "gzip"]);
    }
    assert!(!Path::new(&site.path("got")).exists() && !Path::new(&site.path("down/page")).exists());
    let (backup, snapshot) = site.backup();
    assert!(backup.code(1).stdout.contains("a proxy has compressed") && snapshot.is_none());
    assert_eq!(site.keys(), ["page"], "nothing was deleted");
}

#[test]
fn what_is_unpacked_on_the_way_is_named_and_nothing_is_joined_to_it() {
    let site = Site::behind("unpacked", &format!("{ANY_SIZE} gunzip on;"));
    let packed = block(async {
        std::fs::write(site.path("text"), "text ".repeat(5)).unwrap();
        let gzip = std::process::Command::new("gzip").args(["-c", &site.path("text")]).output().unwrap();
        let packed = gzip.stdout;
        let bucket = bucket(&site.bucket);
        let key = deis_store::s3::ObjectKey::new("packed").unwrap();
        let client = client(&site.a);
        let put = client.put_bytes(&bucket, &key, packed.clone());
        put.header("content-encoding", "gzip").await.unwrap();
        packed
    });
    let got = site.path("got");
    site.through(&["s3", "get", &site.place("packed"), &got])
        .code(4)
        .says(&["does not say how long it is", "proxy that changes"]);
    assert!(!Path::new(&got).exists());
    site.through(&["s3", "sync", &site.place(""), &site.path("down")]).code(3);
    assert!(!Path::new(&site.path("down/packed")).exists());
    assert_eq!(site.stored("packed"), Some(packed));
}
