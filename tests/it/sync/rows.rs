//! Faults of gateways, each with one good object beside a bad one. Other tools were measured on the same faults.

use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::{ClientOptions, UploadOptions, cut_into_parts};
use deis_store::s3::op::InitiateUpload;
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;
use deis_store_tests::faulty::{Answer, Edit, Fault, Operation, edited, instead};

use super::Place;

const ALWAYS: std::ops::Range<usize> = 0..usize::MAX;
const ONCE: std::ops::Range<usize> = 0..1;
const BODY: &[u8] = b"the bytes of the object";

fn with_fault(nth: std::ops::Range<usize>, fault: Fault) -> Place {
    let place = Place::with(&[("bad", BODY), ("ok.txt", b"ok")]);
    place.gateway.on(Operation::GetObject, "/bad", nth, fault);
    place
}

#[track_caller]
fn is_failed_and_named(place: &Place) {
    let synced = place.pull(&[]).code(3);
    assert_eq!((synced.outcome("bad"), synced.outcome("ok.txt")), ("failed", "stored"), "{synced:#?}");
    assert!(synced.keys["bad"]["why"].as_str().is_some_and(|why| !why.is_empty()));
    assert_eq!((place.file("bad"), place.file("ok.txt").as_deref()), (None, Some(&b"ok"[..])));
    assert_eq!(std::fs::read_dir(place.directory()).unwrap().count(), 1, "nothing half-done is left");
}

#[test]
fn a_flipped_byte_is_failed_and_leaves_no_file() {
    is_failed_and_named(&with_fault(ALWAYS, Fault::Flipped(3)));
}

#[test]
fn a_body_of_which_nothing_comes_is_failed_and_leaves_no_file() {
    is_failed_and_named(&with_fault(ALWAYS, Fault::Short(0)));
}

#[test]
fn a_short_body_goes_on_where_it_broke() {
    let place = with_fault(ALWAYS, Fault::Short(5));
    assert_eq!(place.pull(&[]).code(0).count("stored"), 2);
    assert_eq!(place.file("bad").as_deref(), Some(BODY));
}

#[test]
fn an_object_that_is_listed_and_not_given_is_failed() {
    is_failed_and_named(&with_fault(ALWAYS, instead(Answer::error(404, "NoSuchKey"))));
}

#[test]
fn an_object_that_is_gone_since_it_was_listed_has_vanished() {
    let place = Place::with(&[("ok.txt", b"ok")]);
    let adds: Edit = |page| {
        let text = String::from_utf8(page.body.clone()).unwrap();
        let gone = "<Contents><Key>gone</Key><LastModified>2026-11-22T08:00:00.000Z</LastModified>\
                    <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size></Contents>";
        page.body = text.replacen("<Contents>", &format!("{gone}<Contents>"), 1).into();
    };
    place.gateway.on(Operation::ListObjects, "", ONCE, edited(adds));
    let synced = place.pull(&[]).code(0);
    assert_eq!((synced.outcome("gone"), synced.outcome("ok.txt")), ("vanished", "stored"));
}

#[test]
fn slowdown_three_times_is_waited_for() {
    let place = with_fault(0..3, instead(Answer::error(503, "SlowDown")));
    let synced = place.pull(&[]).code(0);
    assert_eq!((synced.count("stored"), place.file("bad").as_deref()), (2, Some(BODY)));
}

#[test]
fn an_object_that_is_replaced_while_it_is_copied_is_copied_as_it_is_then() {
    let place = with_fault(ONCE, Fault::Replaced { at: 5, by: b"new".to_vec().into() });
    let synced = place.pull(&[]).code(0);
    assert_eq!((synced.outcome("bad"), place.file("bad").as_deref()), ("stored", Some(&b"new"[..])));
}

#[test]
fn a_denied_object_is_refused_and_named() {
    let place = with_fault(ALWAYS, instead(Answer::error(403, "AccessDenied")));
    let synced = place.pull(&[]).code(3);
    assert_eq!((synced.outcome("bad"), synced.outcome("ok.txt")), ("refused", "stored"));
}

#[test]
fn a_flipped_byte_of_an_object_of_parts_is_never_taken_for_good() {
    let place = Place::with(&[("ok.txt", b"ok")]);
    let big: Vec<u8> = (0..6_u32 << 20).map(|index| u8::try_from(index % 251).unwrap()).collect();
    let etag = upload_in_parts(&place, "parts", &big);
    assert!(etag.ends_with("-2"), "{etag}");
    let synced = place.pull(&[]).code(0);
    assert_eq!(synced.outcome("parts"), "stored", "its ETag is recomputed from its parts");
    assert!(place.file("parts").unwrap() == big);

    place.gateway.on(Operation::GetObject, "/parts", ALWAYS, Fault::Flipped(5_500_000));
    std::fs::remove_file(place.directory().join("parts")).unwrap();
    let synced = place.pull(&[]).code(3);
    assert_eq!(synced.outcome("parts"), "unverifiable", "it is named, and not among what was stored");
}

fn upload_in_parts(place: &Place, key: &str, bytes: &[u8]) -> String {
    let http = connect(&place.gateway.url(), Timeouts::default()).unwrap();
    let credentials = Credentials::new("AK", "SK");
    let client = Client::new(vec![http], credentials, ClientOptions::default(), &Run::silent()).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (bucket, key) = (BucketName::new("db_wal").unwrap(), ObjectKey::new(key).unwrap());
    let begin = InitiateUpload::new(&bucket, &key, None, &[].into(), &[].into()).unwrap();
    let options = UploadOptions::default();
    let uploaded = client.upload(&begin, cut_into_parts(bytes, 5 << 20), &options);
    runtime.block_on(uploaded).unwrap().etag
}

#[test]
fn one_file_that_the_gateway_does_not_take_is_failed_and_the_others_are_stored() {
    let place = Place::with(&[]);
    for name in ["a", "bad", "c"] {
        super::write(&place.directory().join(name), name.as_bytes());
    }
    let fault = instead(Answer::error(500, "UnknownError"));
    place.gateway.on(Operation::PutObject, "/bad", ALWAYS, fault);
    let directory = format!("{}/", place.directory().display());
    let synced = place.sync(&[&directory, super::BUCKET]).code(3);
    assert_eq!((synced.outcome("bad"), synced.count("stored")), ("failed", 2));
    assert_eq!(place.gateway.stored("db_wal", "c").as_deref(), Some(&b"c"[..]));
}
