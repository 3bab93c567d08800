//! Multipart uploads.

use super::*;

const PART_BYTES: usize = 5 << 20;

async fn initiate(harness: &Harness, key: &str) -> String {
    let headers = [("content-type", "image/x"), ("x-amz-meta-note", "kept")];
    let got = harness.ask(Method::POST, &format!("/db_wal/{key}?uploads"), &headers, "").await;
    got.element("UploadId").to_owned()
}

fn completion(parts: &[(u32, &str)]) -> String {
    let parts = parts
        .iter()
        .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.collect::<String>())
}

#[tokio::test]
async fn parts_become_an_object_with_radosgws_etag() {
    let harness = Harness::with_bucket().await;
    let id = initiate(&harness, "k").await;
    let target = format!("/db_wal/k?uploadId={id}");
    let part = async |number: u32, bytes: Vec<u8>| {
        let target = format!("/db_wal/k?partNumber={number}&uploadId={id}");
        harness.ask(Method::PUT, &target, &[], bytes).await.head.text("etag")
    };
    part(1, b"replaced".to_vec()).await;
    let first = part(1, vec![1; PART_BYTES]).await;
    let third = part(3, b"end".to_vec()).await;
    let listed = harness.ask(Method::GET, &format!("{target}&max-parts=1"), &[], "").await;
    assert_eq!((listed.element("PartNumber"), listed.element("IsTruncated")), ("1", "true"));
    assert_eq!(listed.element("NextPartNumberMarker"), "1");
    let uploads = harness.ask(Method::GET, "/db_wal?uploads", &[], "").await;
    assert_eq!((uploads.element("UploadId"), uploads.element("Key")), (id.as_str(), "k"));
    assert!(harness.client.is_empty(&bucket()).await.unwrap());

    let complete =
        async |parts: &[(u32, &str)]| harness.ask(Method::POST, &target, &[], completion(parts)).await;
    assert_eq!(complete(&[]).await.code(), "MalformedXML");
    assert_eq!(complete(&[(1, &first)]).await.code(), "InvalidPart");
    assert_eq!(complete(&[(1, &third), (3, &third)]).await.code(), "InvalidPart");
    let done = complete(&[(3, third.trim_matches('"')), (1, &first.replace('"', "&quot;"))]).await;
    assert_eq!((done.status(), done.element("ETag")), (200, ""));
    let mut md5s = md5(&vec![1; PART_BYTES]).to_vec();
    md5s.extend(md5(b"end"));
    let etag = format!("{}-2", crate::hash::lower_hex(&md5(&md5s)));
    assert_eq!(complete(&[(1, &first), (3, &third)]).await.element("ETag"), etag);

    let info = harness.client.head(&bucket(), &ObjectKey::new("k").unwrap()).await.unwrap();
    assert_eq!((info.etag, info.size_bytes), (etag, PART_BYTES as u64 + 3));
    assert_eq!((info.content_type.as_str(), info.meta["note"].as_str()), ("image/x", "kept"));
    let range = format!("bytes={}-", PART_BYTES - 1);
    let across = harness.ask(Method::GET, "/db_wal/k", &[("range", &range)], "").await;
    assert_eq!(across.body, "\u{1}end");
    assert_eq!(harness.ask(Method::GET, &target, &[], "").await.code(), "NoSuchKey");
}

#[tokio::test]
async fn uploads_that_are_unknown_too_small_or_aborted_are_refused() {
    let harness = Harness::with_bucket().await;
    let id = initiate(&harness, "k").await;
    let target = format!("/db_wal/k?uploadId={id}");
    let mut etags = Vec::new();
    for number in 1..=2 {
        let target = format!("/db_wal/k?partNumber={number}&uploadId={id}");
        etags.push(harness.ask(Method::PUT, &target, &[], "x").await.head.text("etag"));
    }
    let body = completion(&[(1, &etags[0]), (2, &etags[1])]);
    assert_eq!(harness.ask(Method::POST, &target, &[], body.clone()).await.code(), "EntityTooSmall");
    assert_eq!(harness.ask(Method::DELETE, &target, &[], "").await.status(), 204);
    assert_eq!(harness.ask(Method::DELETE, &target, &[], "").await.code(), "NoSuchUpload");
    let part = harness.ask(Method::PUT, &format!("{target}&partNumber=1"), &[], "x").await;
    assert_eq!(part.code(), "NoSuchUpload");
    let complete = harness.ask(Method::POST, &target, &[], body).await;
    assert_eq!((complete.status(), complete.code()), (500, "InternalError"));
}

#[tokio::test]
async fn a_part_can_be_a_range_of_another_object() {
    let harness = Harness::with_bucket().await;
    harness.put("source", b"0123456789").await;
    let id = initiate(&harness, "k").await;
    let headers = [("x-amz-copy-source", "/db_wal/source"), ("x-amz-copy-source-range", "bytes=2-5")];
    let part = harness.ask(Method::PUT, &format!("/db_wal/k?partNumber=1&uploadId={id}"), &headers, "").await;
    let etag = part.element("ETag").to_owned();
    assert_eq!(etag, crate::hash::lower_hex(&md5(b"2345")));
    let done =
        harness.ask(Method::POST, &format!("/db_wal/k?uploadId={id}"), &[], completion(&[(1, &etag)])).await;
    assert_eq!((done.status(), harness.get("k").await.as_slice()), (200, &b"2345"[..]));
}
