//! Multipart uploads, where the contract suite does not look: the XML itself.

use super::*;
use crate::gateway::Limits;

#[tokio::test]
async fn a_completion_names_parts_in_any_order_and_says_the_etag_only_when_it_is_repeated() {
    let store = Store::in_memory();
    store.set_limits(Limits { least_part_bytes: 3, ..Limits::default() });
    let harness = Harness::of(store, Arc::new(SystemClock)).await;
    harness.client.create_bucket(&bucket()).await.unwrap();
    let id = harness.ask(Method::POST, "/db_wal/k?uploads", &[], "").await.element("UploadId").to_owned();
    let target = format!("/db_wal/k?uploadId={id}");
    let part = async |number: u32, bytes: &'static str| {
        let target = format!("/db_wal/k?partNumber={number}&uploadId={id}");
        harness.ask(Method::PUT, &target, &[], bytes).await.head.text("etag")
    };
    let (first, third) = (part(1, "one").await, part(3, "3").await);
    let listed = harness.ask(Method::GET, &format!("{target}&max-parts=1"), &[], "").await;
    assert_eq!((listed.element("PartNumber"), listed.element("IsTruncated")), ("1", "true"));
    assert_eq!(listed.element("NextPartNumberMarker"), "1");

    let complete = async |parts: [(u32, &str); 2]| {
        let parts = parts.map(|(number, etag)| {
            format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>")
        });
        let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
        harness.ask(Method::POST, &target, &[], body).await
    };
    let done = complete([(3, third.trim_matches('"')), (1, &first.replace('"', "&quot;"))]).await;
    assert_eq!((done.status(), done.element("ETag")), (200, ""));
    let etag = format!("{}-2", crate::hash::lower_hex(&md5(&[md5(b"one"), md5(b"3")].concat())));
    assert_eq!(complete([(1, &first), (3, &third)]).await.element("ETag"), etag);
    assert_eq!(harness.get("k").await, b"one3");
}
