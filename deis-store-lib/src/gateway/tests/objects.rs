//! Habits of radosgw that our client does not use.

use super::*;
use crate::gateway::Limits;

#[tokio::test]
async fn a_page_is_written_as_radosgw_writes_it() {
    let harness = Harness::with_bucket().await;
    for key in ["a/\u{1}", "a/b", "c%+ d", "e"] {
        harness.put(key, b"x").await;
    }
    let list = async |query: &str| harness.ask(Method::GET, &format!("/db_wal?{query}"), &[], "").await;
    let page = list("encoding-type=url&max-keys=3").await;
    assert!(page.body.contains("<Key>a%2F%01</Key>") && page.body.contains("<Key>c%25%2B%20d</Key>"));
    assert_eq!((page.element("IsTruncated"), page.element("NextMarker")), ("true", "c%+ d"));
    let raw = list("delimiter=/&prefix=a/&max-keys=1").await;
    assert_eq!((raw.element("Key"), raw.element("NextMarker")), ("a/&#x01;", "a/&#x01;"));
    let folded = list("delimiter=/&max-keys=5000").await;
    assert_eq!(
        (folded.element("MaxKeys"), folded.element("CommonPrefixes")),
        ("1000", "<Prefix>a/</Prefix>")
    );
    assert!(folded.body.find("<CommonPrefixes>") < folded.body.find("<Contents>"));
    assert!(!list("delimiter=/&marker=a/").await.body.contains("CommonPrefixes"));
    let none = list("max-keys=0").await;
    assert_eq!((none.element("IsTruncated"), none.element("Key")), ("false", ""));
    assert_eq!(list("max-keys=abc").await.code(), "InvalidArgument");
    let second = list("list-type=2&max-keys=1").await;
    assert_eq!((second.element("KeyCount"), second.element("NextContinuationToken")), ("1", "a/&#x01;"));
    let rest = list("list-type=2&continuation-token=a/%01").await;
    assert_eq!((rest.element("KeyCount"), rest.element("IsTruncated")), ("3", "false"));
}

#[tokio::test]
async fn names_and_places_of_buckets_that_radosgw_refuses_are_refused() {
    let harness = Harness::with_bucket().await;
    assert_eq!(harness.ask(Method::PUT, "/ab", &[], "").await.code(), "InvalidBucketName");
    let body =
        "<CreateBucketConfiguration><LocationConstraint>US</LocationConstraint></CreateBucketConfiguration>";
    assert_eq!(harness.ask(Method::PUT, "/abc", &[], body).await.code(), "InvalidLocationConstraint");
    assert_eq!(harness.ask(Method::GET, "//abc", &[], "").await.code(), "NoSuchBucket");
}

#[tokio::test]
async fn ranges_and_conditions_are_weighed_as_radosgw_does() {
    let harness = Harness::with_bucket().await;
    harness.put("k", b"0123456789").await;
    let get = async |headers: &[(&str, &str)]| harness.ask(Method::GET, "/db_wal/k", headers, "").await;
    let part = get(&[("range", "bytes=-3"), ("if-range", "\"other\"")]).await;
    assert_eq!((part.status(), part.body.as_str()), (206, "789"));
    assert_eq!(part.head.text("content-range"), "bytes 7-9/10");
    let unit = get(&[("range", "items=0-3")]).await;
    assert_eq!((unit.status(), unit.head.text("content-range")), (200, "bytes 0-9/10".to_owned()));
    let etag = get(&[]).await.head.text("etag");
    for (header, value, status) in [
        ("if-match", etag.trim_matches('"'), 200),
        ("if-match", "*", 412),
        ("if-match", "\"a\", \"b\"", 412),
        ("if-none-match", "*", 200),
        ("if-modified-since", "never", 400),
    ] {
        assert_eq!(get(&[(header, value)]).await.status(), status, "{header}: {value}");
    }
    let head = harness.ask(Method::HEAD, "/db_wal/k", &[("range", "bytes=2-4")], "").await;
    assert_eq!((head.status(), head.head.text("content-length"), head.body.as_str()), (206, "3".into(), ""));
    let other = harness.ask(Method::GET, "/db_wal/k?response-content-type=text%2Fhtml", &[], "").await;
    assert_eq!(other.head.text("content-type"), "text/html");
}

#[tokio::test]
async fn a_put_that_radosgw_refuses_is_refused_with_its_code() {
    let harness = Harness::with_bucket().await;
    let put = async |headers: &[(&str, &str)]| harness.ask(Method::PUT, "/db_wal/k", headers, "abc").await;
    assert_eq!(put(&[("content-md5", "YWJyYWNhZGFicmE=")]).await.code(), "InvalidDigest");
    assert_eq!(harness.ask(Method::GET, "/db_wal/k", &[], "").await.code(), "NoSuchKey");
    assert_eq!(put(&[]).await.status(), 200);
    assert_eq!(put(&[("if-match", "\"other\"")]).await.code(), "PreconditionFailed");
    assert_eq!(put(&[("x-amz-server-side-encryption", "AES256")]).await.code(), "InvalidRequest");
    assert_eq!(put(&[("x-amz-storage-class", "GLACIER")]).await.code(), "InvalidArgument");
    assert_eq!(put(&[("x-amz-acl", "public-ready")]).await.code(), "InvalidArgument");
}

#[tokio::test]
async fn a_quiet_deletion_says_nothing_and_one_that_is_malformed_or_too_long_does_nothing() {
    let harness = Harness::with_bucket().await;
    harness.put("a", b"x").await;
    harness.put("b", b"x").await;
    let many = format!("<Delete>{}</Delete>", "<Object><Key>a</Key></Object>".repeat(1001));
    for bad in ["", "<Delete>", "<Delete></Delete>", many.as_str()] {
        let got = harness.ask(Method::POST, "/db_wal?delete", &[], bad.to_owned()).await;
        assert_eq!((got.status(), got.body.as_str()), (400, ""));
    }
    let quiet = "<Delete><Quiet>true</Quiet><Object><Key>b</Key></Object></Delete>";
    assert_eq!(harness.ask(Method::POST, "/db_wal?delete", &[], quiet).await.element("Deleted"), "");
    assert_eq!(harness.ask(Method::GET, "/db_wal", &[], "").await.element("Key"), "a");
    assert_eq!(harness.ask(Method::GET, "/db_wal/b", &[], "").await.code(), "NoSuchKey");
}

#[tokio::test]
async fn the_source_of_a_copy_may_stand_without_its_slash() {
    let harness = Harness::with_bucket().await;
    harness.ask(Method::PUT, "/db_wal/a+b%2520", &[], "abc").await;
    let source = [("x-amz-copy-source", "db_wal/a+b%2520")];
    let copy = harness.ask(Method::PUT, "/db_wal/copy", &source, "").await;
    assert_eq!((copy.status(), copy.element("ETag")), (200, "900150983cd24fb0d6963f7d28e17f72"));
    assert_eq!(harness.get("copy").await, b"abc");
}

#[tokio::test]
async fn a_setting_that_nobody_set_is_named_and_one_that_is_not_built_does_nothing_else() {
    let harness = Harness::with_bucket().await;
    harness.put("k", b"x").await;
    let get = async |target: &str| harness.ask(Method::GET, target, &[], "").await;
    assert_eq!(get("/db_wal?policy").await.code(), "NoSuchBucketPolicy");
    assert_eq!(get("/db_wal?requestPayment").await.element("Payer"), "BucketOwner");
    for query in ["tagging", "policyStatus", "publicAccessBlock"] {
        assert_eq!(get(&format!("/db_wal/k?{query}")).await.code(), "NotImplemented", "{query}");
    }
    // A trap of radosgw's is none here: it would overwrite the object with the request's XML.
    assert_eq!(harness.ask(Method::PUT, "/db_wal/k?cors", &[], "<x/>").await.code(), "NotImplemented");
    assert_eq!(harness.get("k").await, b"x");
}

#[tokio::test]
async fn a_page_has_no_more_entries_than_the_store_allows() {
    let store = Store::in_memory();
    store.set_limits(Limits { page_entries: 2, ..Limits::default() });
    for key in ["a", "b", "c"] {
        store.put("db_wal", key, "", SystemTime::UNIX_EPOCH);
    }
    let harness = Harness::of(store, Arc::new(SystemClock)).await;
    for query in ["", "max-keys=3"] {
        let page = harness.ask(Method::GET, &format!("/db_wal?{query}"), &[], "").await;
        assert_eq!((page.element("MaxKeys"), page.element("NextMarker")), ("2", "b"), "{query}");
    }
}
