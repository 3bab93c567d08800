//! Many schedules of faults at random: whatever comes together, the outcome is right or a named error.

use std::ops::Range;
use std::thread::scope;

use bytes::Bytes;
use deis_store::http::Body;
use deis_store::s3::Client;
use deis_store::s3::op::PutObject;
use deis_store::{Error, ErrorKind};
use deis_store_tests::faulty::{Answer, Fault, FaultyGateway, Operation, edited, etag, instead};
use deis_store_tests::random::Sequence;
use futures_util::TryStreamExt as _;
use md5::{Digest as _, Md5};

use super::{ATTEMPTS, bucket, bytes, client, key, runtime};

const SCHEDULES: u64 = 300;
const THREADS: usize = 8;
const OBJECTS: usize = 20;
const PAGE: usize = 7;
/// Pages, objects that come, objects that go.
const HONEST_REQUESTS: usize = OBJECTS.div_ceil(PAGE) + OBJECTS + OBJECTS;

/// How many operations ended how.
#[derive(Debug, Default)]
struct Tally {
    right: usize,
    named: usize,
}

#[test]
fn whatever_comes_together_the_outcome_is_right_or_a_named_error() {
    let tallies: Vec<Tally> = scope(|threads| {
        let work = |thread| move || (0..SCHEDULES).skip(thread).step_by(THREADS).map(one).collect::<Vec<_>>();
        let threads: Vec<_> = (0..THREADS).map(|thread| threads.spawn(work(thread))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let right: usize = tallies.iter().map(|tally| tally.right).sum();
    let named: usize = tallies.iter().map(|tally| tally.named).sum();
    // Else the schedules would be too kind or too hard to show anything.
    assert!(right > named && named > right / 100, "{right} right, {named} named");
}

/// One schedule; its seed is in every message.
fn one(seed: u64) -> Tally {
    let mut random = Sequence::new(seed);
    let gateway = FaultyGateway::start().unwrap();
    gateway.set_page_entries(PAGE);
    for number in 0..OBJECTS {
        gateway.store("registry", &format!("{number:02}"), &body(number));
    }
    let mut schedule = Vec::new();
    for _ in 0..=below(&mut random, 8) {
        let (operation, nth, fault) = rule(&mut random);
        schedule.push(format!("{operation:?} {nth:?} {fault:.60?}"));
        gateway.on(operation, "", nth, fault);
    }
    let context = format!("seed {seed}: {schedule:#?}");
    let tally = runtime().block_on(use_it(&client(&gateway), &gateway, &context));
    // A page or a rest that breaks costs all attempts at most, and one that goes on costs one more for each fault.
    let asked = gateway.asked().len();
    assert!(asked <= HONEST_REQUESTS * (ATTEMPTS + 2), "{asked} requests: {context}");
    tally
}

async fn use_it(client: &Client, gateway: &FaultyGateway, context: &str) -> Tally {
    let mut tally = Tally::default();
    let bucket = bucket();
    match client.list(&bucket, "").try_collect::<Vec<_>>().await {
        Ok(objects) => {
            let listed: Vec<_> = objects
                .into_iter()
                .map(|object| (object.key.to_string(), object.size_bytes, object.etag))
                .collect();
            let expected = |number| (format!("{number:02}"), body(number).len() as u64, etag(&body(number)));
            assert_eq!(listed, (0..OBJECTS).map(expected).collect::<Vec<_>>(), "{context}");
            tally.right += 1;
        }
        Err(error) => tally.name(&error, context),
    }
    let scratch = tempfile::tempdir().unwrap();
    for number in 0..OBJECTS {
        let name = format!("{number:02}");
        let file = scratch.path().join(&name);
        match client.get_file(&bucket, &key(&name), &file).await {
            Ok(_) => {
                assert!(std::fs::read(file).unwrap() == body(number), "{name} is wrong: {context}");
                tally.right += 1;
            }
            Err(error) => {
                assert!(!file.exists(), "{name} is there: {context}");
                tally.name(&error, context);
            }
        }
    }
    for number in 0..OBJECTS {
        let (key, body) = (key(&format!("new/{number:02}")), body(number));
        let operation = PutObject::new(&bucket, &key, body.len() as u64, Md5::digest(&body).into()).unwrap();
        let result = client.put(&operation, &Body::Bytes(Bytes::from(body.clone()))).await;
        let stored = gateway.stored("registry", key.as_str());
        match result {
            Ok(()) => {
                assert!(stored.as_ref() == Some(&body), "{key} is wrong: {context}");
                tally.right += 1;
            }
            Err(error) => {
                // It may be stored: the answer alone may have been lost.
                assert!(stored.is_none_or(|stored| stored == body), "{key} is wrong: {context}");
                tally.name(&error, context);
            }
        }
    }
    tally
}

impl Tally {
    fn name(&mut self, error: &Error, context: &str) {
        assert_ne!(error.kind(), ErrorKind::Internal, "{error:?}: {context}");
        self.named += 1;
    }
}

/// From nothing to some hundred KB.
fn body(number: usize) -> Vec<u8> {
    bytes(number.pow(4))
}

fn below(random: &mut Sequence, limit: u64) -> usize {
    usize::try_from(random.next_number() % limit).unwrap()
}

fn rule(random: &mut Sequence) -> (Option<Operation>, Range<usize>, Fault) {
    let operations =
        [None, Some(Operation::ListObjects), Some(Operation::GetObject), Some(Operation::PutObject)];
    let operation = *random.choose(&operations);
    let first = below(random, 25);
    let nth = first..first + 1 + below(random, 6);
    let magnitude = below(random, 14);
    let at = below(random, 16 << magnitude);
    let fault = match below(random, 24) {
        0 | 1 => Fault::Short(at),
        2 | 3 => Fault::Reset(at),
        // A listing has no digest: a flipped bit in it is found when what it lists is asked for, not before.
        4 | 5 => return (Some(Operation::GetObject), nth, Fault::Flipped(at)),
        6 => Fault::Length(1 + i64::try_from(at).unwrap()),
        7 => Fault::Length(-1 - i64::try_from(at).unwrap()),
        8 => Fault::Chunked,
        9 => Fault::Unterminated,
        10 => Fault::Unmeasured,
        11 => Fault::Closed,
        12 => Fault::ClosedAfter,
        13 => Fault::HangsUp(at as u64),
        14 => Fault::EndlessHeader,
        15 => instead(Answer::error(503, "SlowDown")),
        16 => instead(Answer::html(*random.choose(&[200, 301, 404, 413, 502, 504]))),
        17 => instead(Answer::error(200, "InternalError")),
        18 => instead(Answer::error(403, "RequestTimeTooSkewed")),
        19 => edited(|answer| answer.body.truncate(answer.body.len() / 2)),
        20 => edited(|answer| answer.remove("ETag")),
        21 => edited(|answer| *answer = answer.clone().header("Content-Range", "bytes 0-9/10")),
        // One, since each takes as long as the client waits.
        22 => return (operation, first..first + 1, Fault::Stalled(at)),
        _ => return (operation, first..first + 1, Fault::Silent),
    };
    (operation, nth, fault)
}
