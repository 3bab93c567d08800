//! Everything that our own client can do.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::TryStreamExt as _;

use super::*;
use crate::error::ErrorKind;
use crate::s3::op::{ByteRange, GetObject, ListObjects, ListedObject};

#[tokio::test]
async fn buckets_with_an_underscore_are_made_and_listed() {
    let harness = Harness::with_bucket().await;
    harness.client.create_bucket(&bucket()).await.unwrap();
    let buckets = harness.client.buckets().await.unwrap();
    assert_eq!(buckets.iter().map(|bucket| bucket.name.as_str()).collect::<Vec<_>>(), ["db_wal"]);
    assert!(harness.client.is_empty(&bucket()).await.unwrap());
    let other = BucketName::new("registry").unwrap();
    assert_eq!(harness.client.is_empty(&other).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn odd_keys_come_back_byte_for_byte_over_any_page_size() {
    let harness = Harness::with_bucket().await;
    for key in ODD_KEYS {
        harness.put(key, key.as_bytes()).await;
    }
    let mut sorted = ODD_KEYS.to_vec();
    sorted.sort_unstable();
    for max_keys in [1, 5, 1000] {
        let (mut marker, mut listed) = (Some(String::new()), Vec::new());
        while let Some(after) = marker {
            let name = bucket();
            let page = ListObjects { bucket: &name, prefix: "", marker: &after, delimiter: None, max_keys };
            let page = harness.client.page(&page).await.unwrap();
            listed.extend(page.objects.into_iter().map(|object| object.key));
            marker = page.next;
        }
        assert_eq!(listed, sorted);
    }
    for key in ODD_KEYS {
        assert_eq!(harness.get(key).await, key.as_bytes());
        harness.client.delete(&bucket(), &ObjectKey::new(key).unwrap()).await.unwrap();
    }
    assert!(harness.client.is_empty(&bucket()).await.unwrap());
}

#[tokio::test]
async fn metadata_and_kept_headers_come_back_verbatim() {
    let harness = Harness::with_bucket().await;
    let pairs = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let kept = pairs(&[
        ("cache-control", "max-age=1"),
        ("content-disposition", "attachment; filename=\"x\""),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("expires", "not a date at all"),
    ]);
    let meta = pairs(&[("note", "café €"), ("empty", ""), ("literal", "=?UTF-8?Q?a=09b?="), ("two", "a  b")]);
    let (name, key) = (bucket(), ObjectKey::new("k").unwrap());
    let operation = PutObject::new(&name, &key, 1, md5(b"x")).unwrap();
    let operation = operation.with(Some("text/plain; charset=utf-8"), &kept, &meta).unwrap();
    harness.client.put(&operation, &Body::Bytes(Bytes::from_static(b"x"))).await.unwrap();
    let info = harness.client.head(&name, &key).await.unwrap();
    assert_eq!((&info.headers, &info.meta), (&kept, &meta));
    assert_eq!((info.size_bytes, info.content_type.as_str()), (1, "text/plain; charset=utf-8"));
    harness.put("plain", b"").await;
    let plain = harness.client.head(&name, &ObjectKey::new("plain").unwrap()).await.unwrap();
    assert_eq!((plain.size_bytes, plain.content_type.as_str()), (0, "binary/octet-stream"));
}

#[tokio::test]
async fn the_rest_of_an_object_is_given_only_while_it_is_the_same() {
    let harness = Harness::with_bucket().await;
    harness.put("k", b"0123456789").await;
    let etag = harness.client.head(&bucket(), &ObjectKey::new("k").unwrap()).await.unwrap().etag;
    for (etag, status) in [(etag.as_str(), 206), ("other", 412)] {
        let (name, key) = (bucket(), ObjectKey::new("k").unwrap());
        let mut operation = GetObject::new(&name, &key);
        operation.range = Some(ByteRange { first: 4, last: None });
        operation.conditions.if_match = Some(etag);
        let mut request = crate::s3::op::Operation::request(&operation);
        request.sign(&credentials(), SystemTime::now()).unwrap();
        let got = harness.send(request, "").await;
        assert_eq!((got.status(), got.body.as_str() == "456789"), (status, status == 206));
    }
}

#[tokio::test]
async fn a_listing_of_more_than_a_page_says_sizes_etags_and_times() {
    let harness = Harness::with_bucket().await;
    for number in 0..1003 {
        harness.put(&format!("k{number:04}"), b"abc").await;
    }
    let name = bucket();
    let listed: Vec<ListedObject> = harness.client.list(&name, "k").try_collect().await.unwrap();
    assert_eq!(listed.len(), 1003);
    assert_eq!((listed[7].key.as_str(), listed[7].size_bytes), ("k0007", 3));
    assert_eq!(listed[7].etag, "900150983cd24fb0d6963f7d28e17f72");
    assert!(listed[7].modified.time().is_ok() && listed[7].modified.as_str().len() == 24);
}

#[tokio::test]
async fn wrong_keys_are_denied_by_name() {
    let harness = Harness::with_bucket().await;
    for (access_key, secret, code) in
        [("AKIDEIS", "wrong", "SignatureDoesNotMatch"), ("other", "SECRETDEIS", "InvalidAccessKeyId")]
    {
        let error =
            client(&harness.gateway, Credentials::new(access_key, secret)).buckets().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.to_string().contains(code), "{error}");
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_learnt_from_the_answer() {
    let ahead = Duration::from_hours(3);
    let harness = Harness::of(Store::in_memory(), Arc::new(Off(ahead))).await;
    harness.client.create_bucket(&bucket()).await.unwrap();
    let learnt = harness.client.clock_offset_ms();
    assert!((learnt - i64::try_from(ahead.as_millis()).unwrap()).abs() < 5_000, "{learnt}");
}
