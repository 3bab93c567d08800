//! Objects that come: whole, in spite of breaks, or not at all.

use futures_util::TryStreamExt as _;
use tokio::io::AsyncReadExt as _;

use super::*;
use crate::s3::Checked;
use crate::s3::op::{ByteRange, GetObject};

#[tokio::test(start_paused = true)]
async fn a_transfer_that_breaks_goes_on_at_the_byte_where_it_broke() {
    let broken = Err(io::Error::from(io::ErrorKind::ConnectionReset));
    let (client, gateway) = client([
        answer(200, &[("content-length", "6"), ("etag", "\"e\"")], &[Ok(b"abc"), broken]),
        answer(
            206,
            &[("content-length", "3"), ("content-range", "bytes 3-5/6"), ("etag", "\"e\"")],
            &[Ok(b"def")],
        ),
    ]);
    let (bucket, key) = names();
    let mut download = client.get(&bucket, &key).await.unwrap();
    let mut whole = Vec::new();
    while let Some(bytes) = download.try_next().await.unwrap() {
        whole.extend_from_slice(&bytes);
    }
    assert_eq!(whole, b"abcdef");
    assert_eq!(gateway.asked.lock().unwrap()[1].2, "bytes=3-5");
}

#[tokio::test(start_paused = true)]
async fn an_object_replaced_while_it_was_read_is_an_error_and_no_mixture() {
    let other = [("content-length", "3"), ("content-range", "bytes 3-5/6"), ("etag", "\"f\"")];
    for rest in [error(412, "PreconditionFailed"), error(416, "InvalidRange"), answer(206, &other, &[])] {
        let begin = answer(200, &[("content-length", "6"), ("etag", "\"e\"")], &[Ok(b"abc")]);
        let (client, _) = client([begin, rest]);
        let (bucket, key) = names();
        let mut download = client.get(&bucket, &key).await.unwrap();
        assert_eq!(&download.try_next().await.unwrap().unwrap()[..], b"abc");
        assert_eq!(download.try_next().await.unwrap_err().kind(), ErrorKind::Changed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_ends_when_the_run_is_stopped() {
    let run = Run::silent();
    let whole = answer(200, &[("content-length", "2"), ("etag", "\"e\"")], &[Ok(b"a"), Ok(b"b")]);
    let gateway = Arc::new(Scripted { answers: Mutex::new([whole].into()), ..Scripted::default() });
    let client =
        Client::new(vec![gateway], Credentials::new("a", "b"), ClientOptions::default(), &run).unwrap();
    let (bucket, key) = names();
    let mut download = client.get(&bucket, &key).await.unwrap();
    download.try_next().await.unwrap();
    run.stop.stop();
    assert_eq!(download.try_next().await.unwrap_err().kind(), ErrorKind::Interrupted);
}

fn revision(size_bytes: u64) -> Revision {
    Revision { size_bytes, etag: "e".to_owned() }
}

/// The answer to the request for a range of 2 MiB of an object of 32 MiB.
fn range(index: u64, etag: &str) -> Answer {
    const RANGE: &[u8] = &[0; 2 << 20];
    let first = index << 21;
    let said = format!("bytes {first}-{}/{}", first + (2 << 20) - 1, 32 << 20);
    answer(206, &[("content-length", "2097152"), ("content-range", &said), ("etag", etag)], &[Ok(RANGE)])
}

#[tokio::test(start_paused = true)]
async fn ranges_of_another_object_are_not_joined_also_where_if_match_is_not_known() {
    let (client, _) = client([range(0, "e"), range(1, "f"), range(2, "e"), range(3, "e"), range(4, "e")]);
    let (bucket, key) = names();
    let mut download = client.get_known(&bucket, &key, &revision(32 << 20)).await.unwrap();
    assert_eq!(download.try_next().await.unwrap().unwrap().len(), 2 << 20);
    assert_eq!(download.try_next().await.unwrap_err().kind(), ErrorKind::Changed);
}

#[tokio::test(start_paused = true)]
async fn small_objects_do_not_keep_a_big_one_from_coming_in_ranges() {
    let (client, _) = client([]);
    let mut permits = Vec::new();
    while let Some(permit) = client.0.concurrency.permit().now_or_never() {
        permits.push(permit);
    }
    let (bucket, key) = names();
    let known = revision(1);
    let mut small = std::pin::pin!(client.get_known(&bucket, &key, &known));
    assert!(small.as_mut().now_or_never().is_none(), "it waits for a permit");
    assert_eq!(client.0.in_ranges.available_permits(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_download_is_a_stream_and_a_reader_and_lives_by_itself() {
    let whole = || answer(200, &[("content-length", "6"), ("etag", "\"e\"")], &[Ok(b"abc"), Ok(b"def")]);
    let (client, _) = client([whole(), whole()]);
    let (bucket, key) = names();
    let download = client.get(&bucket, &key).await.unwrap();
    let pieces = tokio::spawn(download.try_collect::<Vec<_>>()).await.unwrap().unwrap();
    assert_eq!(pieces.concat(), b"abcdef");
    let mut download = client.get(&bucket, &key).await.unwrap();
    let (mut begin, mut rest) = ([0; 2], String::new());
    download.read_exact(&mut begin).await.unwrap();
    assert_eq!(download.try_next().await.unwrap().unwrap(), "c", "what a reader has left comes first");
    download.read_to_string(&mut rest).await.unwrap();
    assert_eq!((begin, rest.as_str()), (*b"ab", "def"));
}

#[tokio::test(start_paused = true)]
async fn what_is_asked_for_goes_along_and_an_answer_that_is_not_needed_is_no_object() {
    let part = [("content-length", "2"), ("content-range", "bytes 1-2/6"), ("etag", "\"e\"")];
    let (client, gateway) = client([answer(206, &part, &[Ok(b"bc")]), answer(304, &[], &[])]);
    let (bucket, key) = names();
    let mut get = GetObject::new(&bucket, &key);
    get.range = Some(ByteRange { first: 1, last: Some(2) });
    let mut download = client.get_with(&get).await.unwrap();
    assert_eq!(download.info().total_bytes, 6);
    assert_eq!(download.try_next().await.unwrap().unwrap(), "bc");
    assert_eq!(download.try_next().await.unwrap(), None);
    assert_eq!(gateway.asked.lock().unwrap()[0].2, "bytes=1-2");
    get.range = None;
    get.conditions.if_none_match = Some("e");
    assert_eq!(client.get_with(&get).await.unwrap_err().kind(), ErrorKind::NotModified);
}

#[tokio::test(start_paused = true)]
async fn bytes_in_memory_are_checked_and_bounded() {
    let abc = |body| answer(200, &[("content-length", "3"), ("etag", ABC_MD5)], &[Ok(body)]);
    let (client, _) = client([abc(b"abc"), abc(b"abd"), abc(b"abc")]);
    let (bucket, key) = names();
    assert_eq!(client.get_bytes(&bucket, &key).await.unwrap(), (Bytes::from("abc"), Checked::Md5));
    assert_eq!(client.get_bytes(&bucket, &key).await.unwrap_err().kind(), ErrorKind::Damaged);
    let error = client.get_bytes(&bucket, &key).at_most(2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
}

const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
