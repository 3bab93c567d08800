//! Answers that are odd: what is taken of them, and what is told of waits.

use std::sync::Mutex as StdMutex;

use futures_util::TryStreamExt as _;

use super::*;
use crate::run::{Event, Monitor};
use crate::s3::op::CopySource;

/// A page with one object of 3 bytes.
const PAGE: &[u8] = b"<ListBucketResult><Name>db_wal</Name><IsTruncated>false</IsTruncated><Contents><Key>a/../b</Key>\
    <LastModified>2026-11-22T06:38:30.123Z</LastModified><ETag>&quot;900150983cd24fb0d6963f7d28e17f72&quot;</ETag>\
    <Size>3</Size></Contents></ListBucketResult>";

const ETAG: (&str, &str) = ("etag", "W/\"900150983CD24FB0D6963F7D28E17F72\"");

#[tokio::test(start_paused = true)]
async fn a_head_without_a_length_is_asked_for_once_more_and_then_the_listing_says_it() {
    let unmeasured = || answer(200, &[ETAG], &[]);
    let (client, gateway) = client([unmeasured(), unmeasured(), answer(200, &[], &[Ok(PAGE)])]);
    let (bucket, key) = names();
    assert_eq!(client.head(&bucket, &key).await.unwrap().total_bytes, 3);
    assert_eq!(gateway.asked.lock().unwrap().len(), 3);
    let other = PAGE.to_vec().leak();
    let at = other.windows(4).position(|four| four == b"9001").unwrap();
    other[at] = b'8';
    let (client, _) = self::client([unmeasured(), unmeasured(), answer(200, &[], &[Ok(other)])]);
    assert_eq!(
        client.head(&bucket, &key).await.unwrap_err().kind(),
        ErrorKind::Protocol,
        "it is another one"
    );
}

#[tokio::test(start_paused = true)]
async fn a_known_object_may_come_without_a_length_and_neither_shorter_nor_longer() {
    let (bucket, key) = names();
    let known = Revision { size_bytes: 3, etag: "900150983cd24fb0d6963f7d28e17f72".to_owned() };
    let read = async |bytes: &'static [u8]| {
        let (client, _) = client([answer(200, &[ETAG], &[Ok(bytes)])]);
        let mut download = client.get_known(&bucket, &key, &known).await.unwrap();
        let mut whole = Vec::new();
        while let Some(bytes) = download.try_next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok::<_, crate::Error>(whole)
    };
    assert_eq!(read(b"abc").await.unwrap(), b"abc");
    assert_eq!(read(b"abcd").await.unwrap_err().kind(), ErrorKind::Damaged);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_none_can_have_is_not_believed_and_one_that_does_not_help_is_forgotten() {
    let skewed = |date: &str| {
        let body: &'static [u8] = b"<Error><Code>RequestTimeTooSkewed</Code></Error>";
        answer(403, &[("date", date)], &[Ok(body)])
    };
    for date in
        ["Fri, 31 Dec 9999 23:59:59 GMT", "Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 22 Nov 2060 06:38:30 GMT"]
    {
        let (client, gateway) = client([skewed(date), skewed(date)]);
        assert!(put(&client).await.is_err());
        assert_eq!((client.clock_offset_ms(), gateway.asked.lock().unwrap().len()), (0, 2), "{date}");
    }
    // A refusal of another kind says nothing of the clock, whatever its date.
    let denied = answer(
        403,
        &[("date", "Mon, 22 Nov 2060 06:38:30 GMT")],
        &[Ok(b"<Error><Code>AccessDenied</Code></Error>")],
    );
    let (client, _) = client([denied]);
    assert!(put(&client).await.is_err());
    assert_eq!(client.clock_offset_ms(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_a_server_repeats_of_our_keys_is_not_told() {
    let said: &'static [u8] =
        b"<Error><Code>InvalidArgument</Code><Message>AK and SK are wrong</Message></Error>";
    let (client, _) = client([answer(400, &[], &[Ok(said)])]);
    let error = put(&client).await.unwrap_err();
    assert!(error.what().contains("which says: *** and *** are wrong"), "{}", error.what());
}

#[derive(Default)]
struct Heard(StdMutex<Vec<String>>);

impl Monitor for Heard {
    fn event(&self, event: &Event<'_>) {
        if let Event::Note { text, .. } = event {
            self.0.lock().unwrap().push((*text).to_owned());
        }
    }
}

/// A body of single bytes, one each five seconds.
fn dripping() -> Response<Received> {
    let drops = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(5)).await;
        Some((Ok(Bytes::from_static(b" ")), ()))
    });
    Response::new(Received::new(Box::pin(drops)))
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_drips_is_given_up_and_told_of() {
    let heard = Arc::new(Heard::default());
    let answers = (0..3).map(|_| Ok(dripping())).collect();
    let gateway = Arc::new(Scripted { answers: Mutex::new(answers), ..Scripted::default() });
    let run = Run::system(heard.clone());
    let credentials = Credentials::new("AK", "SK");
    let client = Client::new(vec![gateway.clone()], credentials, ClientOptions::default(), &run).unwrap();
    let began = tokio::time::Instant::now();
    let error = client.is_empty(&names().0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(
        error.what().contains("GET /db_wal") && error.what().contains("bytes have come within"),
        "{error:?}"
    );
    assert!(error.place().endpoint().is_some());
    assert!(began.elapsed() < Duration::from_mins(2), "{:?}", began.elapsed());
    assert_eq!(gateway.asked.lock().unwrap().len(), 3);
    let heard = heard.0.lock().unwrap();
    assert!(heard.iter().any(|text| text.contains("attempt 2 of 8 follows")), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_etag_is_of_no_form_is_an_object_only_if_it_is_listed_so() {
    let (bucket, key) = names();
    let page = |bytes: &'static [u8]| {
        answer(200, &[("etag", "\"5e1f2a3b-264\""), ("content-length", "3")], &[Ok(bytes)])
    };
    let (client, _) = self::client([page(b"<p>"), answer(200, &[], &[Ok(PAGE)])]);
    let error = client.get_listed(&bucket, &key).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Protocol && error.to_string().contains("is not the object"),
        "{error}"
    );
    let (client, _) = self::client([page(b""), answer(200, &[], &[Ok(PAGE)])]);
    let mut written = Vec::new();
    let error = client.get_to(&bucket, &key, &mut written).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && written.is_empty(), "{error}");
    let listed = String::from_utf8(PAGE.to_vec()).unwrap();
    let listed = listed.replace("900150983cd24fb0d6963f7d28e17f72", "5e1f2a3b-264").into_bytes().leak();
    let (client, _) = self::client([page(b"abc"), answer(200, &[], &[Ok(listed)])]);
    client.get_listed(&bucket, &key).await.unwrap();
    let (client, _) = self::client([page(b"abc"), super::error(403, "AccessDenied")]);
    client.get_listed(&bucket, &key).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_empty_last_page_after_one_that_promised_more_is_asked_for_again_and_held_against_the_bucket() {
    let truncated =
        String::from_utf8(PAGE.to_vec()).unwrap().replace("<IsTruncated>false", "<IsTruncated>true");
    let first = || answer(200, &[], &[Ok(truncated.clone().into_bytes().leak())]);
    let empty = || {
        answer(
            200,
            &[],
            &[Ok(
                b"<ListBucketResult><Name>db_wal</Name><IsTruncated>false</IsTruncated></ListBucketResult>",
            )],
        )
    };
    let other = String::from_utf8(PAGE.to_vec()).unwrap().replace("a/../b", "b");
    let other = || answer(200, &[], &[Ok(other.clone().into_bytes().leak())]);
    let totals = |count: &'static str| answer(200, &[("x-rgw-object-count", count)], &[]);
    let (bucket, _) = names();
    let listed = async |answers: Vec<Answer>| {
        let (client, _) = self::client(answers);
        client.list(&bucket, "").try_collect::<Vec<_>>().await
    };
    assert_eq!(listed(vec![first(), empty(), other()]).await.unwrap().len(), 2);
    assert_eq!(listed(vec![first(), empty(), empty(), totals("1")]).await.unwrap().len(), 1);
    let error = listed(vec![first(), empty(), empty(), totals("2")]).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("breaks off"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_copy_with_another_md5_is_damage() {
    let head =
        || answer(200, &[("etag", "\"900150983cd24fb0d6963f7d28e17f72\""), ("content-length", "3")], &[]);
    let copied = |etag: &str| {
        let body = format!("<CopyObjectResult><ETag>{etag}</ETag></CopyObjectResult>").into_bytes().leak();
        answer(200, &[], &[Ok(body)])
    };
    let (bucket, key) = names();
    let to = ObjectKey::new("c").unwrap();
    let copy = async |etag: &str| {
        let (client, _) = self::client([head(), copied(etag), head()]);
        let source = CopySource { bucket: &bucket, key: &key, version_id: None };
        client.copy_whole(source, &bucket, &to, &CopyOptions::default()).await
    };
    assert!(copy("900150983cd24fb0d6963f7d28e17f72").await.unwrap().keeps_etag);
    assert!(!copy("900150983cd24fb0d6963f7d28e17f72-1").await.unwrap().keeps_etag);
    assert_eq!(copy(EMPTY_MD5).await.unwrap_err().kind(), ErrorKind::Damaged);
}
