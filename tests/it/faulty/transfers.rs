//! Downloads in ranges and uploads in parts: what breaks is done again, and no more than that.

use std::sync::LazyLock;

use bytes::Bytes;
use deis_store::http::{Body, Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::{Client, ClientOptions, Part, UploadOptions};
use deis_store::s3::op::{InitiateUpload, PutObject};
use deis_store::secret::Credentials;
use deis_store::{ErrorKind, Result};
use deis_store_tests::faulty::{Answer, Edit, Fault, FaultyGateway, Operation, edited, instead};
use futures_util::stream;
use md5::Digest as _;

use super::{ALWAYS, ATTEMPTS, Case, Ends, ONCE, bucket, client, key, runtime};

/// Over what is fetched in ranges.
const BIG: usize = (33 << 20) + 5;
/// Ranges of 2 MiB.
const RANGES: usize = 17;

/// Bytes that differ at every place, so that none can stand for another.
static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut bytes: Vec<u8> = (0..10_000_000_u32).flat_map(u32::to_be_bytes).collect();
    bytes.truncate(BIG);
    bytes
});

fn download(case: Case) {
    case.run(
        Operation::GetObject,
        |gateway| gateway.store("registry", "key", &BYTES),
        async |client| {
            let mut whole = Vec::new();
            client.get_to(&bucket(), &key("key"), &mut whole).await.map(|_| whole)
        },
        |whole, gateway| {
            assert!(whole == *BYTES, "other bytes");
            let served: usize =
                gateway.asked_for(Operation::GetObject).iter().map(|asked| asked.answered_bytes).sum();
            // A range that breaks goes on; only answers to throw away are sent twice.
            assert!(served <= BIG + (2 << 20), "{served} bytes were sent");
        },
    );
}

#[test]
fn a_range_that_breaks_goes_on_where_it_broke() {
    for (name, fault) in [
        ("short", Fault::Short(1 << 20)),
        ("reset", Fault::Reset(1)),
        ("reset near the end", Fault::Reset((1 << 20) + 4)),
        ("stalled", Fault::Stalled(1 << 20)),
        ("closed", Fault::Closed),
        ("overloaded", instead(Answer::error(503, "SlowDown"))),
    ] {
        for nth in [0, 3, RANGES - 1] {
            download(Case { nth: nth..nth + 1, ..Case::mended(name, ONCE, fault.clone(), RANGES + 1) });
        }
    }
}

#[test]
fn only_the_range_that_was_asked_for_is_taken() {
    let whole: Edit = |answer| answer.status = 200;
    let next: Edit = |answer| {
        let moved = format!("bytes 1-{}/{BIG}", answer.body.len());
        *answer = answer.clone().header("Content-Range", &moved);
    };
    for (name, edit) in [("the whole", whole), ("another range", next)] {
        download(Case::mended(name, 2..3, edited(edit), RANGES + 1));
    }
}

#[test]
fn a_flipped_byte_in_a_range_is_damage_and_a_replaced_object_is_named() {
    let damaged =
        Case { nth: 4..5, ..Case::named("flipped", Fault::Flipped(77), ErrorKind::Damaged, RANGES) };
    download(damaged);
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "key", &BYTES);
    gateway.on(Operation::GetObject, "", 5..6, Fault::Replaced { at: 100, by: vec![7; BIG].into() });
    let error =
        runtime().block_on(client(&gateway).get_to(&bucket(), &key("key"), &mut Vec::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error:?}");
}

const PART_BYTES: usize = 5 << 20;
const PARTS: usize = 3;

fn upload(operation: Operation, case: Case) -> FaultyGateway {
    let bytes = &BYTES[..(PARTS - 1) * PART_BYTES + 7];
    let gateway = FaultyGateway::start().unwrap();
    gateway.make_bucket("registry");
    gateway.on(operation, "", case.nth.clone(), case.fault.clone());
    let (bucket, key) = (bucket(), key("key"));
    let begin = InitiateUpload::new(&bucket, &key, None, &[].into(), &[].into()).unwrap();
    let parts: Vec<_> = bytes
        .chunks(PART_BYTES)
        .map(|part| {
            Ok(Part { body: Body::Bytes(Bytes::from_static(part)), md5: md5::Md5::digest(part).into() })
        })
        .collect();
    let result =
        runtime().block_on(client(&gateway).upload(&begin, stream::iter(parts), &UploadOptions::default()));
    let name = case.name;
    match (case.ends, result) {
        (Ends::Right, Ok(_)) => assert!(gateway.stored("registry", "key").unwrap() == bytes, "{name}"),
        (Ends::Named(kind), Err(error)) => {
            assert_eq!(error.kind(), kind, "{name}: {error:?}");
            let ended = gateway.asked_for(Operation::AbortUpload).len();
            assert_eq!(
                ended,
                usize::from(operation != Operation::InitiateUpload),
                "{name}: uploads that were ended"
            );
        }
        (_, Err(error)) => panic!("{name}: {error:?}"),
        (ends, Ok(_)) => panic!("{name}: a success, not {ends:?}"),
    }
    assert_eq!(gateway.asked_for(operation).len(), case.requests, "{name}: requests");
    gateway
}

#[test]
fn a_part_that_is_lost_is_sent_again_and_no_other() {
    let wrong: Edit =
        |answer| *answer = answer.clone().header("ETag", "\"0123456789abcdef0123456789abcdef\"");
    for (name, fault) in [
        ("closed", Fault::Closed),
        ("silent", Fault::Silent),
        ("hangs up", Fault::HangsUp(1 << 20)),
        ("overloaded", instead(Answer::error(503, "SlowDown"))),
        ("router", instead(Answer::html(502))),
        ("cut off", instead(Answer::error(404, "NoSuchKey"))),
        ("flipped on the way", instead(Answer::error(400, "BadDigest"))),
        ("wrong ETag", edited(wrong)),
    ] {
        upload(Operation::UploadPart, Case::mended(name, 1..2, fault, PARTS + 1));
    }
}

#[test]
fn an_upload_whose_parts_are_refused_is_ended_and_named() {
    let refused = |status, code| instead(Answer::error(status, code));
    for (name, fault, kind) in [
        ("denied", refused(403, "AccessDenied"), ErrorKind::Denied),
        ("too big for a router", instead(Answer::html(413)), ErrorKind::Denied),
        ("no such upload", refused(404, "NoSuchUpload"), ErrorKind::NotFound),
    ] {
        upload(Operation::UploadPart, Case { nth: 2..3, ..Case::named(name, fault, kind, PARTS) });
    }
}

#[test]
fn a_completion_of_unknown_outcome_is_looked_for_before_it_is_tried_again() {
    // Carried out, and the answer is lost or no success: the object is there, and that counts.
    let error: Edit = |answer| answer.body = Answer::error(500, "InternalError").body;
    let cut: Edit = |answer| answer.body.truncate(60);
    for (name, fault) in [
        ("closed", Fault::Closed),
        ("silent", Fault::Silent),
        ("an error in a success", edited(error)),
        ("cut XML", edited(cut)),
    ] {
        upload(Operation::CompleteUpload, Case::mended(name, ONCE, fault, 1));
    }
    // Not carried out: the upload is still there, and it is tried again.
    let failed = || instead(Answer::error(500, "InternalError"));
    for fault in [failed(), instead(Answer::html(504)), instead(Answer::error(503, "SlowDown"))] {
        upload(Operation::CompleteUpload, Case::mended("not carried out", ONCE, fault, 2));
    }
    upload(Operation::CompleteUpload, Case::named("never", failed(), ErrorKind::NotReady, ATTEMPTS));
    let error_in_success = instead(Answer::xml(200, Answer::error(500, "InternalError").body));
    upload(
        Operation::CompleteUpload,
        Case::named("said to be done", error_in_success, ErrorKind::Protocol, 1),
    );
}

#[test]
fn what_was_begun_perhaps_is_not_begun_twice() {
    let case = Case { nth: ONCE, ..Case::named("closed", Fault::Closed, ErrorKind::Unreachable, 1) };
    upload(Operation::InitiateUpload, case);
}

#[test]
fn an_object_that_shall_only_be_created_knows_its_own_again() {
    let put = |gateway: &FaultyGateway| -> Result<()> {
        let (bucket, key) = (bucket(), key("key"));
        let md5 = md5::Md5::digest(b"ours").into();
        let operation = PutObject::new(&bucket, &key, 4, md5).unwrap().create_only();
        runtime().block_on(client(gateway).put(&operation, &Body::Bytes("ours".into())))
    };
    for (fault, requests) in
        [(Fault::Closed, 1), (Fault::Silent, 1), (instead(Answer::error(500, "InternalError")), 2)]
    {
        let gateway = FaultyGateway::start().unwrap();
        gateway.make_bucket("registry");
        gateway.on(Operation::PutObject, "", ONCE, fault);
        put(&gateway).unwrap();
        assert_eq!(gateway.asked_for(Operation::PutObject).len(), requests);
        assert_eq!(gateway.stored("registry", "key").unwrap(), b"ours");
    }
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "key", b"other");
    gateway.on(Operation::PutObject, "", ALWAYS, instead(Answer::error(500, "InternalError")));
    assert_eq!(put(&gateway).unwrap_err().kind(), ErrorKind::NotReady);
    assert_eq!(gateway.stored("registry", "key").unwrap(), b"other");
}

#[test]
fn a_big_file_goes_in_parts_unless_its_etag_shall_be_its_md5() {
    const SIZE: usize = (64 << 20) + 1;
    const NONE: &str = "<ListMultipartUploadsResult><Bucket>registry</Bucket><IsTruncated>false</IsTruncated>\
                        </ListMultipartUploadsResult>";
    for (in_one, requests) in [(true, (1, 0)), (false, (0, 5))] {
        let gateway = FaultyGateway::start().unwrap();
        gateway.make_bucket("registry");
        gateway.on(Operation::ListObjects, "?uploads", ALWAYS, instead(Answer::xml(200, NONE)));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), vec![7; SIZE]).unwrap();
        // The gateway needs its time for so many bytes.
        let http = connect(&gateway.url(), Timeouts::default()).unwrap();
        let keys = Credentials::new("AK", "SK");
        let client = Client::new(vec![http], keys, ClientOptions::default(), &Run::silent()).unwrap();
        let (bucket, key) = (bucket(), key("key"));
        let put = client.put_file(&bucket, &key, file.path());
        let put = if in_one { put.create_only() } else { put };
        let etag = runtime().block_on(put.into_future()).unwrap().etag;
        let asked = |operation| gateway.asked_for(operation).len();
        assert_eq!((asked(Operation::PutObject), asked(Operation::UploadPart)), requests);
        assert_eq!(runtime().block_on(client.head(&bucket, &key)).unwrap().etag, etag);
        assert_eq!(etag.contains('-'), !in_one, "{etag}");
    }
}
