//! Multipart uploads that are under way: listing them, listing their parts, and ending them.

use std::collections::BTreeSet;

use bytes::Bytes;
use deis_store::ErrorKind;
use deis_store::http::Body;
use deis_store::s3::op::{InitiateUpload, ListParts, ListUploads, UploadPart};

use super::keys::KEYS;
use super::{Site, key, md5, pairs, refused, rules};
use crate::main_job::bucket;

rules! {
    every_key_that_is_uploaded_is_listed_as_it_is,
    pages_of_uploads_of_any_size_have_each_once,
    pages_of_parts_of_any_size_have_each_once,
    an_upload_that_was_ended_is_gone,
    parts_of_an_unknown_upload_are_those_of_no_object,
}

async fn begin(site: &Site, name: &str) -> String {
    let key = key(name);
    let operation = InitiateUpload::new(&site.bucket, &key, None, &pairs(&[]), &pairs(&[])).unwrap();
    site.client.execute(&operation).await.unwrap()
}

async fn every_key_that_is_uploaded_is_listed_as_it_is(site: &Site) {
    let mut begun = BTreeSet::new();
    for name in KEYS.into_iter().filter(|name| site.answers_with(name)) {
        begun.insert((name.to_owned(), begin(site, name).await));
    }
    let uploads = site.client.uploads(&site.bucket, "").await.unwrap();
    assert!(uploads.iter().all(|upload| upload.initiated.as_str().len() == 24), "{uploads:?}");
    let listed: BTreeSet<_> =
        uploads.into_iter().map(|upload| (upload.key.to_string(), upload.upload_id)).collect();
    assert_eq!(listed, begun);
    let some = site.client.uploads(&site.bucket, "e/").await.unwrap();
    assert_eq!(
        some.iter().map(|upload| upload.key.as_str()).collect::<Vec<_>>(),
        ["e/../k2", "e/./k", "e//h"]
    );
    // Uploads are neither objects nor versions.
    assert!(site.client.is_empty(&site.bucket).await.unwrap());
}

async fn pages_of_uploads_of_any_size_have_each_once(site: &Site) {
    let mut begun = BTreeSet::new();
    let names = ["a", "a", "a", "a-", "a.b", " a\n", "b%20", "b%20", "\u{1}"];
    for name in names.into_iter().filter(|name| site.answers_with(name)) {
        begun.insert((name.to_owned(), begin(site, name).await));
    }
    for max_uploads in [1, 2, 3, 1000] {
        let (mut listed, mut next) = (Vec::new(), None);
        loop {
            let after = next.as_ref();
            let page = ListUploads { bucket: &site.bucket, prefix: "", after, max_uploads };
            let page = site.client.execute(&page).await.unwrap();
            listed.extend(page.uploads.into_iter().map(|upload| (upload.key.to_string(), upload.upload_id)));
            assert!(listed.len() <= begun.len(), "{max_uploads} at a time: {listed:?}");
            next = page.next;
            if next.is_none() {
                break;
            }
        }
        assert_eq!((listed.len(), BTreeSet::from_iter(listed)), (begun.len(), begun.clone()));
    }
}

async fn pages_of_parts_of_any_size_have_each_once(site: &Site) {
    let (bucket, key) = (&site.bucket, &key(" k\n%20"));
    let upload_id = begin(site, key.as_str()).await;
    assert_eq!(site.client.parts(bucket, key, &upload_id).await.unwrap(), []);
    // Swift's `max_upload_part_num` is 1000.
    let numbers = [1, 2, 7, 1000, if site.is_swift() { 999 } else { 10_000 }];
    for number in numbers {
        let body = number.to_string();
        let operation = UploadPart::new(bucket, key, &upload_id, number, md5(body.as_bytes())).unwrap();
        site.client.upload_part(&operation, &Body::Bytes(Bytes::from(body))).await.unwrap();
    }
    for max_parts in [1, 2, 5, 1000] {
        let (mut listed, mut after) = (Vec::new(), Some(0));
        while let Some(last) = after {
            let page = ListParts { bucket, key, upload_id: &upload_id, after: last, max_parts };
            let page = site.client.execute(&page).await.unwrap();
            assert!(page.parts.len() <= usize::from(max_parts));
            listed.extend(page.parts);
            after = page.next;
        }
        let mut numbers = numbers;
        numbers.sort_unstable();
        assert_eq!(listed.iter().map(|part| part.number).collect::<Vec<_>>(), numbers);
        for part in listed {
            let body = part.number.to_string();
            assert_eq!((part.size_bytes, part.md5), (body.len() as u64, md5(body.as_bytes())));
            assert_eq!(part.modified.as_str().len(), 24);
        }
    }
}

async fn an_upload_that_was_ended_is_gone(site: &Site) {
    site.put("k", b"x").await.unwrap();
    let (ended, other) = (begin(site, "k").await, begin(site, "k").await);
    site.client.abort_upload(&site.bucket, &key("k"), &ended).await.unwrap();
    let result = site.client.abort_upload(&site.bucket, &key("k"), &ended).await;
    refused(result, ErrorKind::NotFound, "404 NoSuchUpload");
    let left = site.client.uploads(&site.bucket, "").await.unwrap();
    assert_eq!(left.iter().map(|upload| upload.upload_id.as_str()).collect::<Vec<_>>(), [other.as_str()]);
    assert_eq!(site.get("k").await.unwrap().1, b"x");
}

async fn parts_of_an_unknown_upload_are_those_of_no_object(site: &Site) {
    site.put("k", b"x").await.unwrap();
    for name in ["k", "absent"] {
        for upload_id in ["2~abcdefghijklmnopqrstuvwxyz01234", ""] {
            let result = site.client.parts(&site.bucket, &key(name), upload_id).await;
            // Without an id, Swift lists no parts but objects.
            match (site.is_swift(), upload_id) {
                (false, _) => drop(refused(result, ErrorKind::NotFound, "404 NoSuchKey")),
                (true, "") => assert!(result.is_err(), "{result:?}"),
                (true, _) => drop(refused(result, ErrorKind::NotFound, "404 NoSuchUpload")),
            }
        }
    }
    let nowhere = bucket("no-such-bucket");
    let (kind, said) = match site.release() {
        Some(14) => (ErrorKind::NotReady, "500 UnknownError"),
        _ => (ErrorKind::NotFound, "404 NoSuchBucket"),
    };
    refused(site.client.uploads(&nowhere, "").await, kind, said);
}
