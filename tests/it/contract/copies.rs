//! Copies within a cluster.

use deis_store::ErrorKind;
use deis_store::s3::BucketName;
use deis_store::s3::op::{CannedAcl, CopyObject, CopyPart, CopySource, InitiateUpload, NewAcl};

use super::{Site, hex, key, made, md5, pairs, refused, rules};
use crate::main_job::bucket;

rules! {
    a_copy_has_the_bytes_and_what_is_stored_with_them,
    what_replaces_the_metadata_replaces_all_of_it,
    an_object_is_copied_onto_itself_only_with_other_metadata,
    a_copy_is_made_only_of_the_object_that_was_meant,
    what_is_not_there_is_not_copied,
    an_object_of_several_parts_keeps_its_etag,
    parts_are_made_of_ranges_of_objects,
    a_part_is_made_only_of_bytes_that_are_there,
}

fn source<'a>(bucket: &'a BucketName, key: &'a deis_store::s3::ObjectKey) -> CopySource<'a> {
    CopySource { bucket, key, version_id: None }
}

async fn a_copy_has_the_bytes_and_what_is_stored_with_them(site: &Site) {
    let (bucket, from, to) = (&site.bucket, key("a b+c%2F?é\n"), key("to/é ?"));
    // Large enough that radosgw reports its progress.
    let bytes = made(6 << 20);
    let kept = [("content-encoding", "gzip"), ("expires", "never")];
    site.put_with(from.as_str(), &bytes, Some("text/x"), &kept, &[("note", site.note())]).await.unwrap();
    if !site.is_swift() {
        let acl = NewAcl::Canned(CannedAcl::PublicRead);
        site.client.put_object_acl(bucket, &from, acl).await.unwrap();
    }
    let etag = site.client.copy(&CopyObject::new(source(bucket, &from), bucket, &to)).await.unwrap();
    let (info, got) = site.get(to.as_str()).await.unwrap();
    assert!(got == bytes);
    assert_eq!((etag, &info.etag), (hex(&md5(&bytes)), &hex(&md5(&bytes))));
    assert_eq!((info.content_type.as_str(), info.headers), ("text/x", pairs(&kept)));
    assert_eq!(info.meta, pairs(&[("note", site.note())]));
    // The access control list is not copied.
    assert_eq!(site.client.object_acl(bucket, &to).await.unwrap().grants().len(), 1);
}

async fn what_replaces_the_metadata_replaces_all_of_it(site: &Site) {
    let (bucket, from, to) = (&site.bucket, key("k"), key("l"));
    site.put_with("k", b"x", Some("text/x"), &[("expires", "never")], &[("a", "1")]).await.unwrap();
    let copy = CopyObject::new(source(bucket, &from), bucket, &to).acl(CannedAcl::PublicRead);
    let copy = copy.replacing(None, &pairs(&[]), &pairs(&[("b", "2")])).unwrap();
    site.client.copy(&copy).await.unwrap();
    let (info, got) = site.get("l").await.unwrap();
    assert_eq!((got.as_slice(), info.content_type.as_str()), (&b"x"[..], "binary/octet-stream"));
    assert_eq!((info.headers, info.meta), (pairs(&[]), pairs(&[("b", "2")])));
    // Swift's objects have no lists of their own.
    let grants = if site.is_swift() { 1 } else { 2 };
    assert_eq!(site.client.object_acl(bucket, &to).await.unwrap().grants().len(), grants);
}

async fn an_object_is_copied_onto_itself_only_with_other_metadata(site: &Site) {
    let (bucket, itself) = (&site.bucket, key("k"));
    site.put_with("k", b"x", None, &[], &[("a", "1")]).await.unwrap();
    let copy = CopyObject::new(source(bucket, &itself), bucket, &itself);
    refused(site.client.copy(&copy).await, ErrorKind::Usage, "400 InvalidRequest");
    let copy = copy.replacing(Some("text/x"), &pairs(&[]), &pairs(&[])).unwrap();
    site.client.copy(&copy).await.unwrap();
    let (info, got) = site.get("k").await.unwrap();
    assert_eq!((got.as_slice(), info.content_type.as_str(), info.meta.len()), (&b"x"[..], "text/x", 0));
}

async fn a_copy_is_made_only_of_the_object_that_was_meant(site: &Site) {
    let (bucket, from, to) = (&site.bucket, key("k"), key("l"));
    site.put("k", b"x").await.unwrap();
    let etag = site.head("k").await.unwrap().etag;
    let copy = CopyObject::new(source(bucket, &from), bucket, &to);
    let result = site.client.copy(&copy.clone().if_match("0123456789abcdef0123456789abcdef")).await;
    refused(result, ErrorKind::Changed, "412 PreconditionFailed");
    refused(site.head("l").await, ErrorKind::NotFound, "404");
    site.client.copy(&copy.if_match(&etag)).await.unwrap();
    assert_eq!(site.get("l").await.unwrap().1, b"x");
}

async fn what_is_not_there_is_not_copied(site: &Site) {
    let (here, nowhere, from, to) = (&site.bucket, bucket("no-such-bucket"), key("absent"), key("l"));
    let result = site.client.copy(&CopyObject::new(source(here, &from), here, &to)).await;
    refused(result, ErrorKind::NotFound, "404 NoSuchKey");
    let result = site.client.copy(&CopyObject::new(source(&nowhere, &from), here, &to)).await;
    refused(result, ErrorKind::NotFound, "404 NoSuchBucket");
    site.put("k", b"x").await.unwrap();
    // Without versions, Swift knows one.
    if !site.is_swift() {
        let (k, version_id) = (key("k"), Some("no-such-version"));
        let of_version = CopySource { version_id, ..source(here, &k) };
        let result = site.client.copy(&CopyObject::new(of_version, here, &to)).await;
        refused(result, ErrorKind::NotFound, "404 NoSuchKey");
    }
    refused(site.head("l").await, ErrorKind::NotFound, "404");
}

async fn begin(site: &Site, name: &str) -> String {
    let key = key(name);
    let operation = InitiateUpload::new(&site.bucket, &key, None, &pairs(&[]), &pairs(&[])).unwrap();
    site.client.execute(&operation).await.unwrap()
}

async fn complete(site: &Site, name: &str, upload_id: &str, parts: &[[u8; 16]]) {
    let (bucket, key) = (&site.bucket, &key(name));
    let operation = deis_store::s3::op::CompleteUpload { bucket, key, upload_id, parts };
    site.client.execute(&operation).await.unwrap();
}

async fn an_object_of_several_parts_keeps_its_etag(site: &Site) {
    let (bucket, from, to) = (&site.bucket, key("k"), key("l"));
    site.put("small", b"small").await.unwrap();
    let upload_id = begin(site, "k").await;
    let small = key("small");
    let part = CopyPart::new(source(bucket, &small), bucket, &from, &upload_id, 1).unwrap();
    let part = site.client.copy_part(&part).await.unwrap();
    assert_eq!(part, md5(b"small"));
    complete(site, "k", &upload_id, &[part]).await;
    let etag = site.head("k").await.unwrap().etag;
    assert!(etag.ends_with("-1"), "{etag}");
    let copied = site.client.copy(&CopyObject::new(source(bucket, &from), bucket, &to)).await.unwrap();
    assert_eq!(
        (copied.as_str(), site.head("l").await.unwrap().etag.as_str()),
        (etag.as_str(), etag.as_str())
    );
}

async fn parts_are_made_of_ranges_of_objects(site: &Site) {
    const PART_BYTES: u64 = 5 << 20;
    let bytes = made(8 << 20);
    let (bucket, from, to) = (&site.bucket, key("from é?"), key("to"));
    site.put(from.as_str(), &bytes).await.unwrap();
    let upload_id = begin(site, "to").await;
    let mut parts = Vec::new();
    for (number, range) in [(1, 3..=PART_BYTES + 2), (2, PART_BYTES + 3..=(8 << 20) - 1)] {
        let part =
            CopyPart::new(source(bucket, &from), bucket, &to, &upload_id, number).unwrap().bytes(range);
        parts.push(site.client.copy_part(&part).await.unwrap());
    }
    complete(site, "to", &upload_id, &parts).await;
    assert!(site.get("to").await.unwrap().1 == bytes[3..]);
}

async fn a_part_is_made_only_of_bytes_that_are_there(site: &Site) {
    let (bucket, from, to) = (&site.bucket, key("k"), key("to"));
    site.put("k", b"0123456789").await.unwrap();
    let upload_id = begin(site, "to").await;
    let part = CopyPart::new(source(bucket, &from), bucket, &to, &upload_id, 1).unwrap();
    for range in [5..=10, 10..=11, 0..=1 << 40] {
        let result = site.client.copy_part(&part.clone().bytes(range)).await;
        refused(result, ErrorKind::Changed, "416 InvalidRange");
    }
    assert_eq!(site.client.parts(bucket, &to, &upload_id).await.unwrap(), []);
    let absent = key("absent");
    let part = CopyPart::new(source(bucket, &absent), bucket, &to, &upload_id, 1).unwrap();
    refused(site.client.copy_part(&part).await, ErrorKind::NotFound, "404 NoSuchKey");
}
