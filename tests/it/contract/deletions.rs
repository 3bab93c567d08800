//! Deletion of many objects, of versions and of buckets.

use deis_store::ErrorKind;
use deis_store::s3::op::{AbortUpload, DeleteObject, DeleteObjects, Operation as _, Request};

use super::keys::KEYS;
use super::{Site, key, refused, rules};
use crate::main_job::bucket;

rules! {
    many_objects_are_deleted_and_no_others,
    a_key_that_xml_cannot_hold_would_spoil_the_whole_request,
    a_version_that_is_not_there_takes_nothing_with_it,
    an_empty_id_deletes_nothing,
    a_bucket_is_deleted_only_without_objects,
}

async fn many_objects_are_deleted_and_no_others(site: &Site) {
    for name in KEYS {
        site.put(name, b"x").await.unwrap();
    }
    let kept = ["a b", "é", "new\nline"];
    // More keys than fit into one request; most do not exist.
    let absent = (0..1100).map(|number| format!("absent/{number}"));
    let names = KEYS.iter().filter(|name| !kept.contains(name)).map(|name| (*name).to_owned());
    let keys: Vec<_> = absent.chain(names).map(|name| key(&name)).collect();
    assert_eq!(site.client.delete_all(&site.bucket, &keys).await.unwrap(), []);
    let mut left: Vec<_> = Vec::new();
    for name in KEYS {
        if site.head(name).await.is_ok() {
            left.push(name);
        }
    }
    assert_eq!(left, kept);
    let nowhere = bucket("no-such-bucket");
    refused(site.client.delete_all(&nowhere, &keys).await, ErrorKind::NotFound, "404 NoSuchBucket");
}

async fn a_key_that_xml_cannot_hold_would_spoil_the_whole_request(site: &Site) {
    for name in ["a", "a\u{1}", "\u{fffe}"].into_iter().filter(|name| site.takes(name)) {
        site.put(name, b"x").await.unwrap();
    }
    let good = [key("a")];
    for reference in ["&#1;", "&#65534;", "&#31;"] {
        let mut request = DeleteObjects::first(&site.bucket, &good).unwrap().0.request();
        request.headers.remove("content-md5");
        request.body =
            format!("<Delete><Object><Key>a</Key></Object><Object><Key>{reference}</Key></Object></Delete>")
                .into();
        let (head, body) = site.send(request).await;
        assert_eq!(head.status.as_u16(), 400, "{reference}");
        // radosgw says nothing more.
        assert!(site.is_swift() || body.is_empty(), "{reference}");
    }
    site.head("a").await.unwrap();
    let keys = ["a", "a\u{1}", "\u{fffe}"].into_iter().filter(|name| site.takes(name));
    let keys: Vec<_> = keys.map(key).collect();
    assert_eq!(site.client.delete_all(&site.bucket, &keys).await.unwrap(), []);
    assert!(site.client.is_empty(&site.bucket).await.unwrap());
}

async fn a_version_that_is_not_there_takes_nothing_with_it(site: &Site) {
    site.put("k", b"x").await.unwrap();
    let key = key("k");
    let mut operation = DeleteObject::new(&site.bucket, &key);
    operation.version_id = Some("no-such-version");
    site.client.execute(&operation).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"x");
    operation.version_id = Some("null");
    site.client.execute(&operation).await.unwrap();
    refused(site.head("k").await, ErrorKind::NotFound, "404");
}

async fn an_empty_id_deletes_nothing(site: &Site) {
    site.put("k", b"x").await.unwrap();
    let key = key("k");
    let abort = AbortUpload { bucket: &site.bucket, key: &key, upload_id: "" };
    refused(site.client.execute(&abort).await, ErrorKind::NotFound, "404 NoSuchUpload");
    let mut delete = DeleteObject::new(&site.bucket, &key);
    delete.version_id = Some("");
    site.client.execute(&delete).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"x");
    // If it were sent, an empty upload id would delete the object.
    let request = abort.request();
    let request = Request::bare(request.method, request.path, "uploadId=".to_owned());
    assert_eq!(site.send(request).await.0.status.as_u16(), 204);
    refused(site.head("k").await, ErrorKind::NotFound, "404");
}

async fn a_bucket_is_deleted_only_without_objects(site: &Site) {
    site.put("k", b"x").await.unwrap();
    refused(site.client.delete_bucket(&site.bucket).await, ErrorKind::Occupied, "409 BucketNotEmpty");
    site.client.delete(&site.bucket, &key("k")).await.unwrap();
    site.client.delete_bucket(&site.bucket).await.unwrap();
    refused(site.client.delete_bucket(&site.bucket).await, ErrorKind::NotFound, "404 NoSuchBucket");
    refused(site.client.is_empty(&site.bucket).await, ErrorKind::NotFound, "404 NoSuchBucket");
}
