//! Every error says where it was; and everything can be spawned.

use super::*;
use crate::error::At;
use crate::s3::op::{BucketAcl, CopyObject, CopySource, DeleteObject, GetObject, HeadObject, ListBuckets};

#[tokio::test(start_paused = true)]
async fn bucket_and_key_are_in_the_place_of_every_operations_error() {
    let (bucket, key) = names();
    let denied = || error(403, "AccessDenied");
    let (client, _) = client((0..9).map(|_| denied()));
    let source = CopySource { bucket: &bucket, key: &key, version_id: None };
    let errors = [
        client.execute(&HeadObject::new(&bucket, &key)).await.unwrap_err(),
        client.execute(&DeleteObject::new(&bucket, &key)).await.unwrap_err(),
        client.execute(&CopyObject::new(source, &bucket, &key)).await.unwrap_err(),
        client.get_with(&GetObject::new(&bucket, &key)).await.unwrap_err(),
        client.get_bytes(&bucket, &key).await.unwrap_err(),
        client.put_bytes(&bucket, &key, "x").await.unwrap_err(),
    ];
    for error in errors {
        let place = (error.place().bucket(), error.place().key());
        assert_eq!(place, (Some("db_wal"), Some("a/../b")), "{error}");
        assert_eq!(
            (error.status().map(|status| status.as_u16()), error.code()),
            (Some(403), Some("AccessDenied"))
        );
    }
    let error = client.execute(&BucketAcl { bucket: &bucket }).await.unwrap_err();
    assert_eq!((error.place().bucket(), error.place().key()), (Some("db_wal"), None));
    let error = client.execute(&ListBuckets).await.unwrap_err();
    assert_eq!((error.place().bucket(), error.place().get(At::Endpoint).is_some()), (None, true));
}

#[tokio::test(start_paused = true)]
async fn an_operation_of_a_stopped_run_says_what_it_was_about_too() {
    let (client, _) = client([]);
    client.0.stop.stop();
    let (bucket, key) = names();
    let error = client.head(&bucket, &key).await.unwrap_err();
    assert_eq!((error.kind(), error.place().key()), (ErrorKind::Interrupted, Some("a/../b")));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_taken_is_occupied_unless_the_same_bytes_are_ours() {
    let (bucket, key) = names();
    let lost = Err(SendError::new(Stage::Unknown, io::Error::from(io::ErrorKind::ConnectionReset)));
    let there = answer(200, &[("content-length", "0"), ("etag", EMPTY_MD5)], &[]);
    let (client, _) = client([error(412, "PreconditionFailed"), lost, there]);
    let put = async |bytes: &'static str| client.put_bytes(&bucket, &key, bytes).create_only().await;
    let error = put("").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Occupied);
    assert!(error.to_string().starts_with("the key is taken: an object is there already (412"), "{error}");
    put("").await.unwrap();
}

#[tokio::test]
async fn everything_can_be_spawned_and_nothing_is_borrowed_where_a_stream_must_live() {
    fn spawned<T: Send + 'static>(_: impl Future<Output = T> + Send + 'static) {}
    fn kept<T: Send + Unpin + 'static>(_: &T) {}
    let (client, _) = client([]);
    kept(&client.list(&names().0, ""));
    let (own, (bucket, key)) = (client.clone(), names());
    spawned(async move { own.get(&bucket, &key).await });
    let (own, (bucket, key)) = (client.clone(), names());
    spawned(
        async move { own.get_known(&bucket, &key, &Revision { size_bytes: 0, etag: String::new() }).await },
    );
    let (own, (bucket, key)) = (client.clone(), names());
    spawned(async move { own.get_bytes(&bucket, &key).await });
    let (own, (bucket, key)) = (client.clone(), names());
    spawned(async move { own.put_bytes(&bucket, &key, "x").create_only().await });
    let (own, (bucket, key)) = (client.clone(), names());
    spawned(async move { own.get_to(&bucket, &key, tokio::io::sink()).await });
    let (own, (bucket, key)) = (client.clone(), names());
    spawned(async move {
        let begin = InitiateUpload::new(&bucket, &key, None, &[].into(), &[].into())?;
        own.upload(&begin, stream::empty(), &UploadOptions::default()).await
    });
    let (own, (bucket, key)) = (client, names());
    spawned(async move {
        let source = CopySource { bucket: &bucket, key: &key, version_id: None };
        own.copy_whole(source, &bucket, &key, &CopyOptions::default()).await
    });
}
