//! The result of each fault of a gateway must be right data or a named error; never wrong data, never a short list, never
//! exit code 0 with a part missing. And within a number of requests that is known beforehand.
//!
//! The gateway is scripted (`deis_store_tests::faulty`), since a real one does none of this on demand.

mod answers;
mod get;
mod list;
mod program;
mod put;
mod random;
mod transfers;
mod waits;

use std::ops::Range;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use deis_store::ErrorKind;
use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::{Client, ClientOptions};
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::secret::Credentials;
use deis_store_tests::faulty::{Fault, FaultyGateway, Operation};

/// How often the client tries in all.
const ATTEMPTS: usize = 4;
/// After this a gateway that says nothing is given up.
const IDLE: Duration = Duration::from_millis(150);
/// All that is not a wait for a gateway is done in this time, on a busy machine too.
const SLACK: Duration = Duration::from_secs(5);

const ALWAYS: Range<usize> = 0..usize::MAX;
const ONCE: Range<usize> = 0..1;

/// One fault, and what must come of it.
struct Case {
    name: &'static str,
    nth: Range<usize>,
    fault: Fault,
    ends: Ends,
    /// Requests of the kind that met the fault, in all.
    requests: usize,
}

/// How an operation ends.
#[derive(Debug)]
enum Ends {
    Right,
    Named(ErrorKind),
}

impl Case {
    /// One that is mended: the fault meets the first requests.
    fn mended(name: &'static str, nth: Range<usize>, fault: Fault, requests: usize) -> Self {
        Self { name, nth, fault, ends: Ends::Right, requests }
    }

    /// One that lasts and ends in an error, after so many requests.
    fn named(name: &'static str, fault: Fault, kind: ErrorKind, requests: usize) -> Self {
        Self { name, nth: ALWAYS, fault, ends: Ends::Named(kind), requests }
    }

    /// Does something with a new gateway that was filled, and holds what came of it against what must.
    fn run<T>(
        self,
        operation: Operation,
        fill: impl FnOnce(&FaultyGateway),
        act: impl AsyncFnOnce(&Client) -> deis_store::Result<T>,
        check: impl FnOnce(T, &FaultyGateway),
    ) {
        let gateway = FaultyGateway::start().unwrap();
        fill(&gateway);
        gateway.on(operation, "", self.nth, self.fault);
        let begun = Instant::now();
        let result = runtime().block_on(act(&client(&gateway)));
        let (name, took) = (self.name, begun.elapsed());
        match (self.ends, result) {
            (Ends::Right, Ok(value)) => check(value, &gateway),
            (Ends::Named(kind), Err(error)) => assert_eq!(error.kind(), kind, "{name}: {error:?}"),
            (ends, Ok(_)) => panic!("{name}: a success, not {ends:?}"),
            (ends, Err(error)) => panic!("{name}: not {ends:?} but {error:?}"),
        }
        assert_eq!(gateway.asked_for(operation).len(), self.requests, "{name}: requests");
        let most = IDLE * u32::try_from(ATTEMPTS).unwrap() + SLACK;
        assert!(took < most, "{name}: it took {took:?}");
    }
}

/// A client that is quick to try again and to give up.
fn client(gateway: &FaultyGateway) -> Client {
    let mut timeouts = Timeouts::default();
    timeouts.idle = IDLE;
    let mut options = ClientOptions::default();
    options.backoff.first = Duration::from_millis(1);
    options.backoff.longest = Duration::from_millis(4);
    options.backoff.attempts = u32::try_from(ATTEMPTS).unwrap();
    let http = connect(&gateway.url(), timeouts).unwrap();
    Client::new(vec![http], Credentials::new("AK", "SK"), options, &Run::silent()).unwrap()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn bucket() -> BucketName {
    BucketName::new("registry").unwrap()
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name).unwrap()
}

/// Bytes that differ at every place, so that none can stand for another.
fn bytes(count: usize) -> Vec<u8> {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| (0..75_000_u32).flat_map(u32::to_be_bytes).collect());
    BYTES[..count].to_vec()
}
