//! Versions. On the embedded gateway, each object has exactly one.

use bytes::Bytes;
use deis_store::ErrorKind;
use deis_store::s3::op::{
    DeleteObject, GetObject, HeadObject, ListVersions, ListedVersion, Request, Versioning,
};

use super::keys::KEYS;
use super::{Site, hex, key, md5, refused, rules};

rules! {
    a_bucket_is_unversioned_until_it_is_switched_on,
    every_object_of_an_unversioned_bucket_has_the_version_null,
    pages_of_versions_of_any_size_have_each_once,
    versions_and_delete_markers_are_listed_and_given,
}

async fn set(site: &Site, status: &str) {
    let path = format!("/{}", site.bucket);
    let mut request = Request::bare(http::Method::PUT, path, "versioning".to_owned());
    let body = format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>");
    request.body = Bytes::from(body);
    assert_eq!(site.send(request).await.0.status.as_u16(), 200);
}

async fn walk(site: &Site, prefix: &str, max_keys: u16) -> Vec<ListedVersion> {
    let (mut versions, mut next) = (Vec::new(), None);
    loop {
        let page = ListVersions { bucket: &site.bucket, prefix, after: next.as_ref(), max_keys };
        let page = site.client.versions_page(&page).await.unwrap();
        assert!(page.versions.len() <= usize::from(max_keys));
        versions.extend(page.versions);
        assert!(versions.len() <= 200, "it advances");
        next = page.next;
        if next.is_none() {
            return versions;
        }
    }
}

async fn a_bucket_is_unversioned_until_it_is_switched_on(site: &Site) {
    assert_eq!(site.client.versioning(&site.bucket).await.unwrap(), Versioning::Unversioned);
    if site.is_radosgw() {
        set(site, "Enabled").await;
        assert_eq!(site.client.versioning(&site.bucket).await.unwrap(), Versioning::Enabled);
        set(site, "Suspended").await;
        assert_eq!(site.client.versioning(&site.bucket).await.unwrap(), Versioning::Suspended);
    }
}

async fn every_object_of_an_unversioned_bucket_has_the_version_null(site: &Site) {
    assert_eq!(walk(site, "", 1000).await, []);
    site.put("a b\n%", b"abc").await.unwrap();
    let versions = walk(site, "a", 1000).await;
    let version = &versions[0];
    assert_eq!((versions.len(), version.key.as_str(), version.version_id.as_str()), (1, "a b\n%", "null"));
    let content = version.content.clone().unwrap();
    assert_eq!((content.size_bytes, content.etag, version.is_latest), (3, hex(&md5(b"abc")), true));
    assert_eq!((version.modified.as_str().len(), walk(site, "b", 1000).await.len()), (24, 0));
    let key = key("a b\n%");
    let mut get = GetObject::new(&site.bucket, &key);
    get.version_id = Some("null");
    assert_eq!(site.send(get.request()).await.1, "abc");
    site.client.get_with(&get).await.unwrap();
    for absent in ["no-such-version", ""] {
        get.version_id = Some(absent);
        if site.is_swift() {
            // Without `allow_object_versioning`, it knows no other version.
            let result = site.client.get_with(&get).await;
            refused(result, ErrorKind::Unsupported, "501 NotImplemented");
            continue;
        }
        refused(site.client.get_with(&get).await, ErrorKind::NotFound, "404 NoSuchKey");
        let mut head = HeadObject::new(&site.bucket, &key);
        head.version_id = Some(absent);
        refused(site.client.execute(&head).await, ErrorKind::NotFound, "404");
    }
}

async fn pages_of_versions_of_any_size_have_each_once(site: &Site) {
    let mut expected = Vec::new();
    for name in KEYS.into_iter().filter(|name| site.answers_with(name)) {
        site.put(name, b"x").await.unwrap();
        expected.push((name.to_owned(), 1));
    }
    if site.is_radosgw() {
        set(site, "Enabled").await;
        for (name, count) in &mut expected[..12] {
            for _ in 0..2 {
                site.put(name, b"y").await.unwrap();
                *count += 1;
            }
        }
        site.client.delete(&site.bucket, &key(&expected[3].0)).await.unwrap();
        expected[3].1 += 1;
    }
    expected.sort_unstable();
    for max_keys in [1, 2, 7, 1000] {
        let versions = walk(site, "", max_keys).await;
        let mut counted: Vec<(String, usize)> = Vec::new();
        for version in &versions {
            match counted.last_mut() {
                Some((key, count)) if version.key == key.as_str() => *count += 1,
                _ => counted.push((version.key.to_string(), 1)),
            }
        }
        assert_eq!(counted, expected, "{max_keys} at a time");
        let mut ids: Vec<_> = versions.iter().map(|version| (&version.key, &version.version_id)).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), versions.len());
    }
}

async fn versions_and_delete_markers_are_listed_and_given(site: &Site) {
    if !site.is_radosgw() {
        return;
    }
    site.put("k", b"zero").await.unwrap();
    set(site, "Enabled").await;
    site.put("k", b"one").await.unwrap();
    let key = key("k");
    site.client.delete(&site.bucket, &key).await.unwrap();
    refused(site.get("k").await, ErrorKind::NotFound, "404 NoSuchKey");
    let versions = walk(site, "", 1000).await;
    let sizes: Vec<_> =
        versions.iter().map(|version| version.content.as_ref().map(|content| content.size_bytes)).collect();
    assert_eq!(sizes, [None, Some(3), Some(4)], "from the newest to the oldest");
    assert_eq!(versions.iter().map(|version| version.is_latest).collect::<Vec<_>>(), [true, false, false]);
    for (version, bytes) in versions[1..].iter().zip(["one", "zero"]) {
        let mut get = GetObject::new(&site.bucket, &key);
        get.version_id = Some(&version.version_id);
        let (head, body) = site.send(get.request()).await;
        get.parse_head(&head).unwrap();
        assert_eq!(body, bytes);
    }
    // Without its delete marker, the object is there again.
    let mut delete = DeleteObject::new(&site.bucket, &key);
    delete.version_id = Some(&versions[0].version_id);
    site.client.execute(&delete).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"one");
}
