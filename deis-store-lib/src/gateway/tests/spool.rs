//! Bodies that are kept elsewhere: in the spool, or in a snapshot.

use super::*;
use crate::error::ErrorKind;
use crate::snapshot::sample;

#[tokio::test]
async fn large_bodies_go_to_an_unnamed_file_and_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::spooling(directory.path(), 1000).unwrap();
    let harness = Harness::of(store, Arc::new(SystemClock)).await;
    harness.client.create_bucket(&bucket()).await.unwrap();
    for size in [0_usize, 999, 1000, 131_073, 1 << 20] {
        let bytes: Vec<u8> = (0..size).map(|at| (at % 251).to_le_bytes()[0]).collect();
        harness.put("k", &bytes).await;
        assert!(harness.get("k").await == bytes, "{size}");
    }
    assert_eq!(directory.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_snapshot_is_served_as_it_is_and_takes_no_writes() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let harness = Harness::of(Store::of_snapshot(&snapshot).unwrap(), Arc::new(SystemClock)).await;
    let registry = BucketName::new("registry").unwrap();
    let page = harness.ask(Method::GET, "/registry", &[], "").await;
    assert_eq!(page.body.matches("<Contents>").count(), sample::KEYS.len());
    assert_eq!(
        (page.element("ETag"), page.element("LastModified")),
        ("&quot;e&quot;", "2015-10-21T07:28:00.000Z")
    );
    for key in sample::KEYS {
        let name = ObjectKey::new(key).unwrap();
        let mut download = harness.client.get(&registry, &name).await.unwrap();
        assert_eq!(download.try_next().await.unwrap().unwrap(), format!("bytes of {key}"));
    }
    assert!(harness.client.is_empty(&bucket()).await.unwrap());
    let refused = harness.client.delete(&registry, &ObjectKey::new("a").unwrap()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert_eq!(harness.ask(Method::PUT, "/registry/new", &[], "x").await.code(), "AccessDenied");
    assert_eq!(harness.ask(Method::PUT, "/fresh", &[], "").await.code(), "AccessDenied");
}

#[tokio::test]
async fn a_snapshots_file_that_is_shorter_than_listed_breaks_off_and_is_no_short_object() {
    let directory = tempfile::tempdir().unwrap();
    let snapshot = sample::build(directory.path());
    let harness = Harness::of(Store::of_snapshot(&snapshot).unwrap(), Arc::new(SystemClock)).await;
    std::fs::OpenOptions::new()
        .write(true)
        .open(snapshot.path().join("registry/a"))
        .unwrap()
        .set_len(3)
        .unwrap();
    let mut request = request(Method::GET, "/registry/a", &[]);
    request.sign(&credentials(), SystemTime::now()).unwrap();
    let mut built = http::Request::new(Body::Bytes(Bytes::new()));
    *built.uri_mut() = request.target().parse().unwrap();
    *built.headers_mut() = request.headers;
    // It may break off before our side has read the head.
    if let Ok(mut answer) = harness.http.send(built).await {
        assert!(answer.body_mut().collect(1 << 20).await.is_err());
    }
}
