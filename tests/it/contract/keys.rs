//! Keys: every form of key that a real radosgw accepts comes back unchanged, under the same name.

use futures_util::TryStreamExt as _;

use deis_store::ErrorKind;

use super::{Site, key, refused, rules};

rules! {
    every_key_comes_and_goes_as_it_is,
    keys_that_only_look_alike_are_different_objects,
    a_key_may_be_longer_than_a_file_name,
}

pub(crate) const KEYS: [&str; 38] = [
    "a b",
    " leading",
    "trailing ",
    "p+q",
    "r%2Bs",
    "10%x",
    "100%",
    "lit%2Fx",
    "%zz",
    "%00",
    "é",
    "e\u{301}",
    "\u{65e5}\u{672c}",
    "\u{10ffff}",
    "d/g",
    "/lead2",
    "e//h",
    "//",
    "e/./k",
    "e/../k2",
    "..",
    ".",
    "../../up",
    "dir/",
    "q?x",
    "q?acl",
    "h#x",
    "a&b=c;d,e:f@g$h!i*j(k)l'm~",
    "<&>\"'",
    "{}|\\^`[]",
    "new\nline",
    "tab\tand\r",
    "\u{1}control",
    "\u{7f}delete",
    "\u{85}next\u{2028}line",
    "_leading",
    "__multipart_x.meta",
    "ordinary-_.~",
];

async fn every_key_comes_and_goes_as_it_is(site: &Site) {
    for name in KEYS {
        site.put(name, name.as_bytes()).await.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
    }
    let mut sorted = KEYS;
    sorted.sort_unstable();
    let listed: Vec<_> = site.client.list(&site.bucket, "").try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), sorted);
    for name in KEYS {
        let (info, bytes) = site.get(name).await.unwrap();
        assert_eq!((info.size_bytes, bytes.as_slice()), (name.len() as u64, name.as_bytes()), "{name:?}");
        assert_eq!(site.head(name).await.unwrap(), info, "{name:?}");
        site.client.delete(&site.bucket, &key(name)).await.unwrap();
        refused(site.get(name).await, ErrorKind::NotFound, "404 NoSuchKey");
    }
    assert!(site.client.is_empty(&site.bucket).await.unwrap());
}

async fn keys_that_only_look_alike_are_different_objects(site: &Site) {
    let alike = ["k/x", "k//x", "/k/x", "k/./x", "k/y/../x", "k%2Fx", "K/x", "k/x/", "k/x ", "k+/x", "k /x"];
    for name in alike {
        site.put(name, name.as_bytes()).await.unwrap();
    }
    for name in alike {
        assert_eq!(site.get(name).await.unwrap().1, name.as_bytes(), "{name:?}");
    }
}

async fn a_key_may_be_longer_than_a_file_name(site: &Site) {
    let long = format!("{}/é", "x".repeat(400));
    site.put(&long, b"long").await.unwrap();
    assert_eq!(site.get(&long).await.unwrap().1, b"long");
    let longest = "x".repeat(1024);
    site.put(&longest, b"longest").await.unwrap();
    assert_eq!(site.get(&longest).await.unwrap().1, b"longest");
}
