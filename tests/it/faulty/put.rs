//! Objects that go: stored as they were, or an error; also in parts.

use bytes::Bytes;
use deis_store::http::{Body, Frames, Source};
use deis_store::s3::Client;
use deis_store::s3::op::{CompleteUpload, InitiateUpload, PutObject, UploadPart};
use deis_store::{ErrorKind, Result};
use deis_store_tests::faulty::{Answer, Fault, FaultyGateway, Operation, edited, instead};
use futures_util::stream;
use md5::{Digest as _, Md5};
use std::collections::BTreeMap;
use std::sync::Arc;

use super::{ALWAYS, ATTEMPTS, Case, ONCE, bucket, bytes, client, key, runtime};

const SIZE: usize = 300_000;

fn fill(gateway: &FaultyGateway) {
    gateway.make_bucket("registry");
}

async fn put(client: &Client) -> Result<()> {
    let (bucket, key, body) = (bucket(), key("key"), bytes(SIZE));
    let operation = PutObject::new(&bucket, &key, SIZE as u64, Md5::digest(&body).into())?;
    client.put(&operation, &Body::Bytes(Bytes::from(body))).await
}

/// Uploads in two parts.
async fn upload(client: &Client) -> Result<()> {
    let (bucket, key, none) = (bucket(), key("key"), BTreeMap::new());
    let id = client.execute(&InitiateUpload::new(&bucket, &key, None, &none, &none)?).await?;
    let mut md5s = Vec::new();
    for (number, part) in (1..).zip(bytes(SIZE).chunks(SIZE / 2)) {
        let md5 = Md5::digest(part).into();
        let operation = UploadPart::new(&bucket, &key, &id, number, md5)?;
        client.upload_part(&operation, &Body::Bytes(Bytes::copy_from_slice(part))).await?;
        md5s.push(md5);
    }
    client.execute(&CompleteUpload { bucket: &bucket, key: &key, upload_id: &id, parts: &md5s }).await
}

fn is_stored(gateway: &FaultyGateway) {
    assert!(gateway.stored("registry", "key") == Some(bytes(SIZE)), "something else is stored");
}

fn wrong_etag(answer: &mut Answer) {
    *answer = answer.clone().header("ETag", "\"00000000000000000000000000000000\"");
}

/// Faults that are mended, for an object and a part alike.
fn mended() -> Vec<(&'static str, Fault)> {
    vec![
        ("hung up in mid-body", Fault::HangsUp(SIZE as u64 / 4)),
        ("hung up before the body", Fault::HangsUp(0)),
        ("no answer", Fault::Silent),
        ("closed", Fault::Closed),
        ("header without end", Fault::EndlessHeader),
        ("SlowDown", instead(Answer::error(503, "SlowDown"))),
        ("503 without a body", instead(Answer::new(503, ""))),
        ("500", instead(Answer::error(500, "InternalError"))),
        ("502 of a router", instead(Answer::html(502))),
        ("the body came cut off", instead(Answer::error(404, "NoSuchKey"))),
        ("damaged on its way", instead(Answer::error(400, "BadDigest"))),
        ("another ETag", edited(wrong_etag)),
        ("no ETag", edited(|answer| answer.remove("ETag"))),
        ("a captive portal", instead(Answer::html(200))),
        ("an error in a success", instead(Answer::error(200, "InternalError"))),
    ]
}

/// Faults that are an error, with the number of requests.
fn named() -> Vec<(&'static str, Fault, ErrorKind, usize)> {
    let html = |status| instead(Answer::html(status));
    vec![
        ("SlowDown", instead(Answer::error(503, "SlowDown")), ErrorKind::Busy, ATTEMPTS),
        ("damaged", instead(Answer::error(400, "BadDigest")), ErrorKind::Protocol, ATTEMPTS),
        ("another ETag", edited(wrong_etag), ErrorKind::Protocol, ATTEMPTS),
        ("a captive portal", html(200), ErrorKind::Protocol, ATTEMPTS),
        ("cut off", instead(Answer::error(404, "NoSuchKey")), ErrorKind::NotFound, ATTEMPTS),
        ("404 of a router", html(404), ErrorKind::Protocol, 1),
        ("413 of a router", html(413), ErrorKind::Denied, 1),
        ("301", html(301), ErrorKind::Protocol, 1),
        ("307", html(307), ErrorKind::Protocol, 1),
        ("quota", instead(Answer::error(403, "QuotaExceeded")), ErrorKind::Denied, 1),
        ("no bucket", instead(Answer::error(404, "NoSuchBucket")), ErrorKind::NotFound, 1),
    ]
}

#[test]
fn an_object_is_stored_as_it_was_or_it_is_an_error() {
    Case::mended("honest", 0..0, Fault::Closed, 1)
        .run(Operation::PutObject, fill, put, |(), gateway| is_stored(gateway));
    for (name, fault) in mended() {
        let case = Case::mended(name, ONCE, fault, 2);
        case.run(Operation::PutObject, fill, put, |(), gateway| is_stored(gateway));
    }
    for (name, fault, kind, requests) in named() {
        Case::named(name, fault, kind, requests).run(Operation::PutObject, fill, put, |(), _| ());
    }
}

#[test]
fn an_upload_in_parts_is_stored_as_it_was_or_it_is_an_error() {
    let honest = Case::mended("honest", 0..0, Fault::Closed, 2);
    honest.run(Operation::UploadPart, fill, upload, |(), gateway| is_stored(gateway));
    for (name, fault) in mended() {
        let case = Case::mended(name, 1..2, fault, 3);
        case.run(Operation::UploadPart, fill, upload, |(), gateway| is_stored(gateway));
    }
    for (name, fault, kind, requests) in named() {
        Case::named(name, fault, kind, requests).run(Operation::UploadPart, fill, upload, |(), _| ());
    }
}

/// Nobody knows what became of a completion without a good answer, so it is not simply sent again; nor is one that
/// begins an upload, since the first one may stay behind.
#[test]
fn what_begins_or_ends_an_upload_is_repeated_only_if_surely_nothing_was_done() {
    for operation in [Operation::InitiateUpload, Operation::CompleteUpload] {
        let busy = instead(Answer::error(503, "SlowDown"));
        let case = Case::mended("busy", ONCE, busy, 2);
        case.run(operation, fill, upload, |(), gateway| is_stored(gateway));
        for (name, fault, kind) in [
            ("an error in a success", instead(Answer::error(200, "InternalError")), ErrorKind::Protocol),
            ("a captive portal", instead(Answer::html(200)), ErrorKind::Protocol),
            ("nothing", instead(Answer::new(200, "")), ErrorKind::Protocol),
            ("500", instead(Answer::error(500, "InternalError")), ErrorKind::NotReady),
            ("closed", Fault::Closed, ErrorKind::Unreachable),
            ("no answer", Fault::Silent, ErrorKind::Timeout),
            ("short answer", Fault::Short(90), ErrorKind::Unreachable),
        ] {
            Case::named(name, fault, kind, 1).run(operation, fill, upload, |(), _| ());
        }
    }
}

#[test]
fn what_changes_a_bucket_is_done_or_it_is_an_error() {
    let create = async |client: &Client| {
        client.create_bucket(&bucket()).await?;
        // An error if it is not there.
        client.is_empty(&bucket()).await.map(|empty| assert!(empty))
    };
    let delete = async |client: &Client| client.delete(&bucket(), &key("key")).await;
    let filled = |gateway: &FaultyGateway| gateway.store("registry", "key", b"x");
    for (name, fault) in [
        ("closed", Fault::Closed),
        ("no answer", Fault::Silent),
        ("busy", instead(Answer::new(503, ""))),
        ("a captive portal", instead(Answer::html(200))),
    ] {
        let case = Case::mended(name, ONCE, fault.clone(), 2);
        case.run(
            Operation::CreateBucket,
            |_| (),
            create,
            |(), gateway| {
                gateway.store("registry", "there", b"");
            },
        );
        let case = Case::mended(name, ONCE, fault, 2);
        case.run(Operation::DeleteObject, filled, delete, |(), gateway| {
            assert_eq!(gateway.stored("registry", "key"), None, "{name}");
        });
    }
    let portal = || instead(Answer::html(200));
    let named = || Case::named("a captive portal", portal(), ErrorKind::Protocol, ATTEMPTS);
    named().run(Operation::CreateBucket, |_| (), create, |(), _| ());
    named().run(Operation::DeleteObject, filled, delete, |(), _| ());
}

/// A body that is shorter than it was announced, as a file that somebody has cut off.
#[derive(Debug)]
struct CutOff;

impl Source for CutOff {
    fn length_bytes(&self) -> u64 {
        SIZE as u64
    }

    fn open(&self) -> Frames {
        Box::pin(stream::iter([Ok(bytes(SIZE / 2).into())]))
    }
}

#[test]
fn a_source_that_ends_early_is_named_and_neither_sent_again_nor_taken_for_a_fault_of_the_gateway() {
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway);
    let client = client(&gateway);
    let (bucket, key) = (bucket(), key("key"));
    let operation = PutObject::new(&bucket, &key, SIZE as u64, [0; 16]).unwrap();
    let error = runtime().block_on(client.put(&operation, &Body::Source(Arc::new(CutOff)))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error:?}");
    assert!(error.to_string().contains("changed or became unreadable during the upload"), "{error}");
    assert_eq!(gateway.stored("registry", "key"), None);
    assert!(gateway.asked_for(Operation::PutObject).len() <= 1);
}

#[test]
fn a_success_before_an_answer_that_was_lost_is_not_undone_by_the_second_attempt() {
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway);
    gateway.on(Operation::PutObject, "", ONCE, Fault::Closed);
    gateway.on(None, "", ALWAYS, Fault::ClosedAfter);
    let client = client(&gateway);
    runtime().block_on(put(&client)).unwrap();
    is_stored(&gateway);
    assert_eq!(gateway.asked_for(Operation::PutObject).len(), 2);
}
