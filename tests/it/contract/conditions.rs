//! Ranges and conditions.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use deis_store::ErrorKind;
use deis_store::http::Body;
use deis_store::s3::op::{ByteRange, Conditions, GetObject, HeadObject, PutObject};

use super::{Site, key, made, md5, refused, rules};

rules! {
    a_range_is_exactly_the_bytes_that_were_asked_for,
    a_range_beyond_the_end_is_refused_and_an_empty_object_has_none,
    an_object_is_given_only_while_the_conditions_hold,
    that_it_was_changed_is_said_before_that_a_range_is_none,
    what_creates_only_replaces_nothing,
}

async fn a_range_is_exactly_the_bytes_that_were_asked_for(site: &Site) {
    let (bytes, key) = (made(70_000), key("k"));
    site.put("k", &bytes).await.unwrap();
    for (first, last, end) in [
        (0, None, 70_000),
        (0, Some(0), 1),
        (1, Some(9), 10),
        (65_535, Some(65_536), 65_537),
        (69_999, None, 70_000),
        (69_990, Some(1 << 40), 70_000),
    ] {
        let mut operation = GetObject::new(&site.bucket, &key);
        operation.range = Some(ByteRange { first, last });
        let (head, body) = site.send(operation.request()).await;
        let info = operation.parse_head(&head).unwrap();
        let first = usize::try_from(first).unwrap();
        assert!(body == bytes[first..end], "{first} to {last:?}");
        assert_eq!((info.size_bytes, info.total_bytes), ((end - first) as u64, 70_000));
    }
}

async fn a_range_beyond_the_end_is_refused_and_an_empty_object_has_none(site: &Site) {
    site.put("ten", b"0123456789").await.unwrap();
    site.put("empty", b"").await.unwrap();
    for (name, first, last) in
        [("ten", 10, None), ("ten", 5, Some(4)), ("empty", 0, None), ("empty", 0, Some(0))]
    {
        if site.is_swift() && last == Some(4) {
            // A range that is none: it gives the whole object, which our client refuses.
            continue;
        }
        let key = key(name);
        let mut operation = GetObject::new(&site.bucket, &key);
        operation.range = Some(ByteRange { first, last });
        refused(site.client.get_with(&operation).await, ErrorKind::Changed, "416 InvalidRange");
    }
}

async fn an_object_is_given_only_while_the_conditions_hold(site: &Site) {
    site.put("k", b"x").await.unwrap();
    let key = key("k");
    let etag = site.head("k").await.unwrap().etag;
    let (etag, other) = (Some(etag.as_str()), Some("0123456789abcdef0123456789abcdef"));
    let (past, future) = (Some(UNIX_EPOCH), Some(SystemTime::now() + Duration::from_hours(1)));
    let none = Conditions::default();
    for (conditions, status) in [
        (Conditions { if_match: etag, ..none }, 200),
        (Conditions { if_match: other, ..none }, 412),
        (Conditions { if_match: Some("no\nheader"), ..none }, 412),
        (Conditions { if_none_match: other, ..none }, 200),
        (Conditions { if_none_match: etag, ..none }, 304),
        (Conditions { if_modified_since: past, ..none }, 200),
        (Conditions { if_modified_since: future, ..none }, 304),
        (Conditions { if_unmodified_since: future, ..none }, 200),
        (Conditions { if_unmodified_since: past, ..none }, 412),
    ] {
        let mut get = GetObject::new(&site.bucket, &key);
        let mut head = HeadObject::new(&site.bucket, &key);
        (get.conditions, head.conditions) = (conditions, conditions);
        let (got, headed) = (
            site.client.get_with(&get).await.map(|download| download.info().clone()),
            site.client.execute(&head).await,
        );
        match status {
            200 => assert_eq!(got.unwrap(), headed.unwrap()),
            304 => {
                refused(got, ErrorKind::NotModified, "304");
                refused(headed, ErrorKind::NotModified, "304");
            }
            _ => {
                refused(got, ErrorKind::Changed, "412 PreconditionFailed");
                refused(headed, ErrorKind::Changed, "412");
            }
        }
    }
}

async fn that_it_was_changed_is_said_before_that_a_range_is_none(site: &Site) {
    site.put("k", b"short").await.unwrap();
    let key = key("k");
    let mut operation = GetObject::new(&site.bucket, &key);
    operation.range = Some(ByteRange { first: 10, last: None });
    operation.conditions.if_match = Some("0123456789abcdef0123456789abcdef");
    refused(site.client.get_with(&operation).await, ErrorKind::Changed, "412 PreconditionFailed");
}

async fn what_creates_only_replaces_nothing(site: &Site) {
    let key = key("k");
    let put = async |bytes: &'static [u8]| {
        let operation = PutObject::new(&site.bucket, &key, bytes.len() as u64, md5(bytes)).unwrap();
        site.client.put(&operation.create_only(), &Body::Bytes(bytes.into())).await
    };
    if site.is_swift() {
        // It replaces nothing in this way, and creates nothing either.
        refused(put(b"first").await, ErrorKind::Unsupported, "501 NotImplemented");
        refused(site.get("k").await, ErrorKind::NotFound, "404 NoSuchKey");
        return;
    }
    put(b"first").await.unwrap();
    refused(put(b"second").await, ErrorKind::Occupied, "412 PreconditionFailed");
    assert_eq!(site.get("k").await.unwrap().1, b"first");
    site.client.delete(&site.bucket, &key).await.unwrap();
    put(b"third").await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"third");
}
