//! Every form of a key, through every operation that has one.

use std::io::{Read as _, Write as _};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deis_store::ErrorKind;
use deis_store::http::Body;
use deis_store::s3::op::{
    ByteRange, CompleteUpload, CopyObject, CopySource, GetObject, HeadObject, InitiateUpload, ListVersions,
    Operation as _, PutObject, UploadPart,
};

use super::keys::KEYS;
use super::{Site, key, md5, pairs, refused, rules};

rules! {
    ranges_versions_and_copies_know_every_key,
    every_key_is_uploaded_in_parts,
    every_key_is_given_taken_and_asked_for_by_a_presigned_url,
    other_operations_are_not_signed_beforehand,
}

/// More keys, which have a meaning of their own in a query, a header or XML.
const MORE: [&str; 6] = ["q?versionId=x", "q?uploadId=", "=", "?", " ", "\t\u{fffe}"];

fn names(site: &Site) -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain(MORE).filter(|name| site.takes(name))
}

async fn ranges_versions_and_copies_know_every_key(site: &Site) {
    let (bucket, mut sorted) = (&site.bucket, names(site).collect::<Vec<_>>());
    sorted.sort_unstable();
    for name in names(site) {
        site.put(name, format!("<{name}>").as_bytes()).await.unwrap();
    }
    let versions = ListVersions { bucket, prefix: "", after: None, max_keys: 1000 };
    let versions = site.client.versions_page(&versions).await.unwrap();
    assert_eq!(versions.versions.iter().map(|version| version.key.as_str()).collect::<Vec<_>>(), sorted);
    for name in names(site) {
        let from = key(name);
        let mut get = GetObject::new(bucket, &from);
        get.range = Some(ByteRange { first: 1, last: Some(name.len() as u64) });
        get.version_id = Some("null");
        let (head, body) = site.send(get.request()).await;
        get.parse_head(&head).unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        assert_eq!(body, name.as_bytes(), "{name:?}");
        let to = key(&format!("copy of {name}"));
        let copy = CopyObject::new(CopySource { bucket, key: &from, version_id: None }, bucket, &to);
        site.client.copy(&copy).await.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        let whole = format!("<{name}>").into_bytes();
        assert_eq!(site.get(to.as_str()).await.unwrap().1, whole);
        // And back, so that the key is the target, too.
        site.client.delete(bucket, &from).await.unwrap();
        let copy = CopyObject::new(CopySource { bucket, key: &to, version_id: None }, bucket, &from);
        site.client.copy(&copy).await.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        assert_eq!(site.get(name).await.unwrap().1, whole);
    }
    let keys: Vec<_> = names(site).flat_map(|name| [key(name), key(&format!("copy of {name}"))]).collect();
    assert_eq!(site.client.delete_all(bucket, &keys).await.unwrap(), []);
    assert!(site.client.is_empty(bucket).await.unwrap());
}

async fn every_key_is_uploaded_in_parts(site: &Site) {
    let bucket = &site.bucket;
    for name in names(site).filter(|name| site.answers_with(name)) {
        let key = &key(name);
        let initiate = InitiateUpload::new(bucket, key, None, &pairs(&[]), &pairs(&[])).unwrap();
        let upload_id = &site.client.execute(&initiate).await.unwrap();
        let part = md5(name.as_bytes());
        let upload = UploadPart::new(bucket, key, upload_id, 1, part).unwrap();
        site.client.upload_part(&upload, &Body::Bytes(Bytes::from(name))).await.unwrap();
        let listed = site.client.parts(bucket, key, upload_id).await;
        let listed = listed.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        assert_eq!(listed.iter().map(|part| part.md5).collect::<Vec<_>>(), [part], "{name:?}");
        let complete = CompleteUpload { bucket, key, upload_id, parts: &[part] };
        site.client.execute(&complete).await.unwrap_or_else(|error| panic!("{name:?}: {error:?}"));
        assert_eq!(site.get(name).await.unwrap().1, name.as_bytes(), "{name:?}");
        let ended = site.client.execute(&initiate).await.unwrap();
        site.client.abort_upload(bucket, key, &ended).await.unwrap();
    }
    assert_eq!(site.client.uploads(bucket, "").await.unwrap(), []);
}

/// Sends a request without credentials, with a URL as it stands. Returns the status and the body of the answer.
fn plain(method: &str, url: &str, headers: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let (address, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!(
        "{method} /{target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let status = std::str::from_utf8(&answer[9..12]).unwrap().parse().unwrap();
    (status, answer[end + 4..].to_vec())
}

async fn every_key_is_given_taken_and_asked_for_by_a_presigned_url(site: &Site) {
    let (bucket, expires) = (&site.bucket, SystemTime::now() + Duration::from_mins(1));
    for name in names(site) {
        let key = key(name);
        let put = PutObject::new(bucket, &key, name.len() as u64, md5(name.as_bytes())).unwrap();
        let digest = put.request().headers["content-md5"].to_str().unwrap().to_owned();
        let url = site.client.presigned(&put.request(), expires).unwrap();
        // The signed headers must be sent, besides the URL.
        assert_eq!(plain("PUT", &url, "", name.as_bytes()).0, 403, "{url}");
        let digest = format!("Content-MD5: {digest}\r\n");
        assert_eq!(plain("PUT", &url, &digest, name.as_bytes()).0, 200, "{url}");
        assert_eq!(plain("PUT", &url, &digest, b"other").0, 400, "{url}");
        let mut get = GetObject::new(bucket, &key);
        for version_id in [None, Some("null")] {
            get.version_id = version_id;
            let url = site.client.presigned(&get.request(), expires).unwrap();
            assert_eq!(plain("GET", &url, "", b""), (200, name.as_bytes().to_vec()), "{url}");
            assert_eq!(plain("HEAD", &url, "", b"").0, 403, "{url}");
        }
        let url = site.client.presigned(&HeadObject::new(bucket, &key).request(), expires).unwrap();
        assert_eq!(plain("HEAD", &url, "", b"").0, 200, "{url}");
        assert_eq!(plain("GET", &url, "", b"").0, 403, "{url}");
    }
}

async fn other_operations_are_not_signed_beforehand(site: &Site) {
    let (bucket, key) = (&site.bucket, &key("k"));
    let expires = SystemTime::now() + Duration::from_mins(1);
    let delete = deis_store::s3::op::DeleteObject::new(bucket, key);
    let error = site.client.presigned(&delete.request(), expires).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let late = SystemTime::now() - Duration::from_mins(1);
    let url = site.client.presigned(&GetObject::new(bucket, key).request(), late).unwrap();
    assert_eq!(plain("GET", &url, "", b"").0, 403);
    refused(site.get("k").await, ErrorKind::NotFound, "404 NoSuchKey");
}
