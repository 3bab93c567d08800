//! The loop against a scripted gateway: what is tried again, what is not, and what comes out.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{FutureExt as _, stream};
use http::{Request, Response};

use super::{Client, ClientOptions, Part, Revision, UploadOptions};
use crate::error::{ErrorKind, Result};
use crate::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Stage};
use crate::run::Run;
use crate::s3::op::{InitiateUpload, PutObject};
use crate::s3::{BucketName, ObjectKey, PartLayout};
use crate::secret::Credentials;

type Answer = Result<Response<Received>, SendError>;

/// A gateway that gives the answers it was told to, and remembers what it was asked.
#[derive(Debug, Default)]
struct Scripted {
    answers: Mutex<VecDeque<Answer>>,
    asked: Mutex<Vec<(String, String, String)>>,
}

impl HttpSend for Scripted {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Answer> {
        let header =
            |name: &str| request.headers().get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        self.asked.lock().unwrap().push((request.uri().to_string(), header("date"), header("range")));
        let answer = self.answers.lock().unwrap().pop_front().expect("no more answers in the script");
        Box::pin(async move { answer })
    }

    fn endpoint(&self) -> &Endpoint {
        static SCRIPTED: LazyLock<Endpoint> =
            LazyLock::new(|| Endpoint::within("scripted").through("core@host"));
        &SCRIPTED
    }
}

fn answer(status: u16, headers: &[(&str, &str)], body: &[io::Result<&'static [u8]>]) -> Answer {
    let frames: Vec<io::Result<Bytes>> = body
        .iter()
        .map(|piece| match piece {
            Ok(bytes) => Ok(Bytes::from_static(bytes)),
            Err(error) => Err(error.kind().into()),
        })
        .collect();
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    let body = Received::new(Box::pin(stream::iter(frames)));
    response.body(body).map_err(|error| SendError::new(Stage::Unfaithful, error))
}

fn error(status: u16, code: &str) -> Answer {
    let body = format!("<Error><Code>{code}</Code></Error>").into_bytes();
    answer(status, &[("date", "Sun, 22 Nov 2026 06:38:30 GMT")], &[Ok(body.leak())])
}

fn client(answers: impl IntoIterator<Item = Answer>) -> (Client, Arc<Scripted>) {
    let gateway =
        Arc::new(Scripted { answers: Mutex::new(answers.into_iter().collect()), ..Scripted::default() });
    let credentials = Credentials::new("AK", "SK");
    let client =
        Client::new(vec![gateway.clone()], credentials, ClientOptions::default(), &Run::silent()).unwrap();
    (client, gateway)
}

fn names() -> (BucketName, ObjectKey) {
    (BucketName::new("db_wal").unwrap(), ObjectKey::new("a/../b").unwrap())
}

const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn put_nothing() -> Answer {
    answer(200, &[("etag", EMPTY_MD5)], &[])
}

async fn put(client: &Client) -> Result<()> {
    let (bucket, key) = names();
    let md5 =
        (0..16).map(|at| u8::from_str_radix(&EMPTY_MD5[at * 2..at * 2 + 2], 16).unwrap()).collect::<Vec<_>>();
    let operation = PutObject::new(&bucket, &key, 0, md5.try_into().unwrap())?;
    client.put(&operation, &Body::Bytes(Bytes::new())).await
}

#[tokio::test(start_paused = true)]
async fn a_busy_gateway_is_asked_again() {
    let (client, gateway) = client([error(503, "SlowDown"), error(500, "InternalError"), put_nothing()]);
    put(&client).await.unwrap();
    assert_eq!(gateway.asked.lock().unwrap().len(), 3);
    assert_eq!(gateway.asked.lock().unwrap()[0].0, "/db_wal/a/../b");
}

#[tokio::test(start_paused = true)]
async fn wrong_keys_are_not_tried_again() {
    let (client, gateway) = client([error(403, "SignatureDoesNotMatch")]);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Denied);
    assert_eq!(gateway.asked.lock().unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_body_that_came_cut_off_at_the_gateway_is_sent_again() {
    let (client, _) = client([error(404, "NoSuchKey"), put_nothing()]);
    put(&client).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn another_etag_than_what_was_sent_is_never_a_success() {
    let answers = (0..8).map(|_| answer(200, &[("etag", "\"00000000000000000000000000000000\"")], &[]));
    let (client, _) = client(answers);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Protocol);
}

#[tokio::test(start_paused = true)]
async fn the_gateways_clock_is_learnt_once_and_kept() {
    let (client, gateway) = client([error(403, "RequestTimeTooSkewed"), put_nothing(), put_nothing()]);
    put(&client).await.unwrap();
    put(&client).await.unwrap();
    let asked = gateway.asked.lock().unwrap();
    let dates: Vec<SystemTime> =
        asked.iter().map(|(_, date, _)| httpdate::parse_http_date(date).unwrap()).collect();
    let gateways = UNIX_EPOCH + Duration::from_secs(1_795_329_510);
    let off = |date: SystemTime| date.duration_since(gateways).unwrap_or_else(|early| early.duration());
    assert!(off(dates[1]) < Duration::from_mins(1) && off(dates[2]) < Duration::from_mins(1), "{dates:?}");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_stays_skewed_is_an_error_and_no_loop() {
    let (client, _) = client([error(403, "RequestTimeTooSkewed"), error(403, "RequestTimeTooSkewed")]);
    assert!(put(&client).await.unwrap_err().to_string().contains("clocks differ"));
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_never_answered_is_not_waited_for() {
    let refused = || Err(SendError::new(Stage::NotSent, io::Error::from(io::ErrorKind::ConnectionRefused)));
    let (client, gateway) = client([refused(), refused()]);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Unreachable);
    assert_eq!(gateway.asked.lock().unwrap().len(), 2);
}

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
async fn a_stopped_run_sends_nothing_more() {
    let run = Run::silent();
    let gateway = Arc::new(Scripted::default());
    let client =
        Client::new(vec![gateway], Credentials::new("a", "b"), ClientOptions::default(), &run).unwrap();
    run.stop.stop();
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Interrupted);
}

#[tokio::test(start_paused = true)]
async fn a_gateway_that_does_not_answer_is_left_out_for_a_while() {
    let silent = || Err(SendError::new(Stage::Unknown, io::Error::from(io::ErrorKind::TimedOut)));
    let gateway = |answers: Vec<Answer>| {
        Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() })
    };
    let hung = gateway(vec![silent(), put_nothing()]);
    let good = gateway((0..9).map(|_| put_nothing()).collect());
    let both: Vec<Arc<dyn HttpSend>> = vec![hung.clone(), good.clone()];
    let client =
        Client::new(both, Credentials::new("a", "b"), ClientOptions::default(), &Run::silent()).unwrap();
    // One answer first: before, a gateway that was never reached is not waited for.
    client.0.reached.store(true, std::sync::atomic::Ordering::Relaxed);
    for _ in 0..6 {
        put(&client).await.unwrap();
    }
    let asked = |gateway: &Scripted| gateway.asked.lock().unwrap().len();
    assert_eq!((asked(&hung), asked(&good)), (1, 6));
    tokio::time::advance(Duration::from_mins(2)).await;
    put(&client).await.unwrap();
    put(&client).await.unwrap();
    assert_eq!(asked(&hung), 2, "it is tried again later");
}

#[tokio::test(start_paused = true)]
async fn limits_hold_for_all_gateways_of_a_client_together() {
    let gateways: Vec<Arc<dyn HttpSend>> = (0..2)
        .map(|_| {
            let answers = (0..6).map(|_| put_nothing()).collect();
            Arc::new(Scripted { answers: Mutex::new(answers), ..Scripted::default() }) as _
        })
        .collect();
    let options =
        ClientOptions { requests_per_second: std::num::NonZeroU64::new(2), ..ClientOptions::default() };
    let client = Client::new(gateways, Credentials::new("a", "b"), options, &Run::silent()).unwrap();
    let start = tokio::time::Instant::now();
    for _ in 0..12 {
        put(&client).await.unwrap();
    }
    // Two at once, and ten at two a second.
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_listing_goes_on_when_other_requests_have_used_up_all_retries() {
    const PAGE: &[u8] =
        b"<ListBucketResult><Name>db_wal</Name><IsTruncated>false</IsTruncated></ListBucketResult>";
    let (client, _) = client([error(503, "SlowDown"), answer(200, &[], &[Ok(PAGE)]), error(503, "SlowDown")]);
    while client.0.budget.lock().unwrap().spend() {}
    assert!(client.is_empty(&names().0).await.unwrap());
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Busy);
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
async fn where_one_of_two_gateways_is_none_the_other_one_is_asked() {
    let gateway = |answers: Vec<Answer>| {
        Arc::new(Scripted { answers: Mutex::new(answers.into()), ..Scripted::default() })
    };
    let page = || answer(404, &[], &[Ok(b"<html>no such host</html>")]);
    let wrong = gateway(vec![page(), page()]);
    let good = gateway((0..6).map(|_| put_nothing()).collect());
    let both: Vec<Arc<dyn HttpSend>> = vec![wrong.clone(), good.clone()];
    let client =
        Client::new(both, Credentials::new("a", "b"), ClientOptions::default(), &Run::silent()).unwrap();
    for _ in 0..6 {
        put(&client).await.unwrap();
    }
    assert_eq!(wrong.asked.lock().unwrap().len(), 1, "and it is left out for a while");
    let (client, wrong) = self::client([page()]);
    assert_eq!(put(&client).await.unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(wrong.asked.lock().unwrap().len(), 1);
}

#[test]
fn a_presigned_url_behind_a_tunnel_is_a_url_and_says_nothing_of_the_tunnel() {
    let (client, _) = client([]);
    let (bucket, key) = (BucketName::new("db_wal").unwrap(), ObjectKey::new("a b").unwrap());
    let url =
        client.presigned(&crate::s3::op::GetObject::new(&bucket, &key), SystemTime::UNIX_EPOCH).unwrap();
    assert!(url.starts_with("http://scripted/db_wal/a%20b?"), "{url}");
    assert!(url.parse::<http::Uri>().is_ok() && !url.contains("core"), "{url}");
}
