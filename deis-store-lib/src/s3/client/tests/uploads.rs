//! Objects that are stored, in one request and in parts.

use super::*;

#[tokio::test(start_paused = true)]
async fn an_upload_that_can_neither_be_done_nor_ended_is_named() {
    const BEGUN: &[u8] =
        b"<InitiateMultipartUploadResult><UploadId>2~x</UploadId></InitiateMultipartUploadResult>";
    for (ended, named) in [(error(403, "AccessDenied"), true), (error(404, "NoSuchUpload"), false)] {
        let (client, _) = client([answer(200, &[], &[Ok(BEGUN)]), error(403, "QuotaExceeded"), ended]);
        let (bucket, key) = names();
        let begin = InitiateUpload::new(&bucket, &key, None, &[].into(), &[].into()).unwrap();
        let part = Part { body: Body::Bytes(Bytes::new()), md5: [0; 16] };
        let parts = stream::iter([Ok(part)]);
        let error = client.upload(&begin, parts, &UploadOptions::default()).await.unwrap_err();
        assert!(error.to_string().contains("quota"), "{error}");
        assert_eq!(error.to_string().contains("unfinished upload 2~x"), named, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_upload_whose_beginning_was_lost_is_looked_for_and_not_begun_twice() {
    fn page(uploads: &str) -> Answer {
        let page = format!(
            "<ListMultipartUploadsResult><Bucket>db_wal</Bucket><IsTruncated>false</IsTruncated>{uploads}\
             </ListMultipartUploadsResult>"
        );
        answer(200, &[], &[Ok(page.into_bytes().leak())])
    }
    const BEGUN: &str =
        "<Upload><Key>a/../b</Key><UploadId>2~x</UploadId><Initiated>2026</Initiated></Upload>";
    const PARTS: &[u8] = b"<ListPartsResult><Key>a/../b</Key><UploadId>2~x</UploadId>\
        <IsTruncated>false</IsTruncated></ListPartsResult>";
    let (client, gateway) = client([
        page(""),
        Err(SendError::new(Stage::Unknown, io::Error::from(io::ErrorKind::ConnectionReset))),
        page(BEGUN),
        answer(200, &[], &[Ok(PARTS)]),
        error(403, "QuotaExceeded"),
        answer(204, &[], &[]),
    ]);
    // One answer first: before, a gateway that was never reached is not waited for.
    client.0.reached.store(true, std::sync::atomic::Ordering::Relaxed);
    let (bucket, key) = names();
    let begin = InitiateUpload::new(&bucket, &key, None, &[].into(), &[].into()).unwrap();
    let parts = stream::iter([Ok(Part { body: Body::Bytes(Bytes::new()), md5: [0; 16] })]);
    let options =
        UploadOptions { continues: Some(PartLayout::new(0, None).unwrap()), ..UploadOptions::default() };
    let error = client.upload(&begin, parts, &options).await.unwrap_err();
    assert!(error.to_string().contains("quota"), "{error}");
    let asked = gateway.asked.lock().unwrap();
    assert_eq!(asked.iter().filter(|(target, ..)| target.ends_with("/b?uploads")).count(), 1);
    assert!(asked.last().unwrap().0.contains("uploadId=2~x"), "and it is ended");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_bytes_goes_along_with_them() {
    let (client, gateway) = client([put_nothing()]);
    let (bucket, key) = names();
    let put = client.put_bytes(&bucket, &key, "").content_type("text/plain").meta("from", "me");
    let stored = put.header("cache-control", "no-store").await.unwrap();
    assert_eq!(stored, Revision { size_bytes: 0, etag: EMPTY_MD5.to_owned() });
    let headers = gateway.headers.lock().unwrap()[0].clone();
    assert_eq!(
        (&headers["content-type"], &headers["x-amz-meta-from"]),
        (&"text/plain".parse::<http::HeaderValue>().unwrap(), &"me".parse::<http::HeaderValue>().unwrap())
    );
    let error = client.put_bytes(&bucket, &key, "").header("x-rgw-own", "1").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_not_what_was_announced_is_not_sent() {
    let (client, gateway) = client([]);
    let (bucket, key) = names();
    let md5 = crate::hash::Md5::of(b"abc");
    for body in ["abd", "ab", "abcd"] {
        let operation = PutObject::new(&bucket, &key, 3, md5).unwrap();
        let error = client.put(&operation, &Body::Bytes(body.into())).await.unwrap_err();
        assert_eq!((error.kind(), error.place().key()), (ErrorKind::Usage, Some("a/../b")), "{body}");
    }
    assert!(gateway.asked.lock().unwrap().is_empty());
}
