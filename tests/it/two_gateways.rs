//! Two real gateways of one cluster. One is killed during transfers: nothing is lost, and after its restart it is used
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use bytes::Bytes;
use deis_store::http::{Body, BoxFuture, Endpoint, HttpSend, Received, SendError, Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::{Client, ClientOptions};
use deis_store::s3::op::PutObject;
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::secret::Credentials;
use deis_store_tests::ceph::FurtherGateway;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::{Request, Response};
use md5::{Digest as _, Md5};
use tokio::runtime::Runtime;

use crate::clusters::a;
use crate::main_job::bucket;

const OBJECTS: usize = 160;
/// The number of transferred objects after which one gateway is killed.
const UNTIL_THE_KILL: usize = 40;
/// The size of each tenth object: so large that some are on their way at the kill.
const LARGE_BYTES: usize = 8 << 20;
const SMALL_BYTES: usize = 30_000;
const LEFT_OUT: Duration = Duration::from_secs(1);

#[test]
fn killing_one_of_two_gateways_in_mid_transfer_loses_nothing_and_it_is_used_again() {
    let a = a();
    let runtime = Runtime::new().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let mut further = FurtherGateway::start(&a.directory, scratch.path()).unwrap();
    let [stays, dies] = [a.gateways[0].clone(), further.url()].map(|url| Arc::new(Counting::new(&url)));
    let mut options = ClientOptions::default();
    options.suspension = LEFT_OUT;
    let credentials = Credentials::new(&a.access_key, &a.secret_key);
    let client =
        Client::new(vec![stays.clone(), dies.clone()], credentials, options, &Run::silent()).unwrap();
    let bucket = bucket("two_gateways");
    runtime.block_on(client.create_bucket(&bucket)).unwrap();
    let kill = |gateway: &mut FurtherGateway| {
        gateway.kill();
        (stays.answers(), dies.answers())
    };

    let up = |number| put(&client, &bucket, number);
    let (at_kill, broken) = transfer(&runtime, up, &dies, || kill(&mut further));
    assert!(at_kill.0 > 0 && at_kill.1 > 0, "both were used: {at_kill:?}");
    assert!(broken > 0, "something was under way when it was killed");
    assert!(dies.answers() - at_kill.1 <= client.in_flight(), "it answers no more");
    let listed: Vec<_> = runtime.block_on(client.list(&bucket, "").try_collect()).unwrap();
    assert_eq!(listed.len(), OBJECTS);

    further.start_again().unwrap();
    is_used_again(&runtime, &client, &bucket, &dies);

    let down = |number| get(&client, &bucket, number);
    let (at_kill, broken) = transfer(&runtime, down, &dies, || kill(&mut further));
    assert!(broken > 0, "something was under way when it was killed");
    assert!(stays.answers() > at_kill.0, "the other one did the rest");

    further.start_again().unwrap();
    is_used_again(&runtime, &client, &bucket, &dies);
}

/// Transfers all objects, with a kill in the middle. Returns the result of `kill`, and the number of failed attempts at
/// the killed gateway.
fn transfer<K, F: Future<Output = ()>>(
    runtime: &Runtime,
    one: impl Fn(usize) -> F,
    dies: &Counting,
    kill: impl FnOnce() -> K,
) -> (K, usize) {
    let (mut kill, mut killed, mut done) = (Some(kill), None, 0);
    let failures = dies.failures.load(Relaxed);
    runtime.block_on(async {
        let mut transfers = stream::iter(0..OBJECTS).map(one).buffer_unordered(16);
        while transfers.next().await.is_some() {
            done += 1;
            if done == UNTIL_THE_KILL
                && let Some(kill) = kill.take()
            {
                killed = Some(kill());
            }
        }
    });
    assert_eq!(done, OBJECTS);
    (killed.unwrap(), dies.failures.load(Relaxed) - failures)
}

fn is_used_again(runtime: &Runtime, client: &Client, bucket: &BucketName, gateway: &Counting) {
    let before = gateway.answers();
    let begun = Instant::now();
    while gateway.answers() == before {
        assert!(begun.elapsed() < LEFT_OUT + Duration::from_secs(10), "it is left out for ever");
        runtime.block_on(client.is_empty(bucket)).unwrap();
        std::thread::sleep(Duration::from_millis(20));
    }
}

async fn put(client: &Client, bucket: &BucketName, number: usize) {
    let (key, body) = (key(number), body(number));
    let operation = PutObject::new(bucket, &key, body.len() as u64, Md5::digest(&body).into()).unwrap();
    client.put(&operation, &Body::Bytes(Bytes::from(body))).await.unwrap();
}

async fn get(client: &Client, bucket: &BucketName, number: usize) {
    let key = key(number);
    let mut download = client.get(bucket, &key).await.unwrap();
    let mut whole = Vec::new();
    while let Some(bytes) = download.try_next().await.unwrap() {
        whole.extend_from_slice(&bytes);
    }
    assert!(whole == body(number), "{key} is not what was stored");
}

fn key(number: usize) -> ObjectKey {
    ObjectKey::new(format!("{number:03}")).unwrap()
}

/// A body whose bytes differ for each number, and in each of its blocks.
fn body(number: usize) -> Vec<u8> {
    let size_bytes = if number % 10 == 3 { LARGE_BYTES } else { SMALL_BYTES + number };
    let block = |index| Md5::digest(format!("{number} {index}")).repeat(256);
    let mut body: Vec<u8> = (0..=size_bytes / 4096).flat_map(block).collect();
    body.truncate(size_bytes);
    body
}

/// A gateway that counts its answers and the failed attempts.
#[derive(Debug)]
struct Counting {
    gateway: Arc<dyn HttpSend>,
    answers: AtomicUsize,
    failures: AtomicUsize,
}

impl Counting {
    fn new(url: &str) -> Self {
        let gateway = connect(url, Timeouts::default()).unwrap();
        Self { gateway, answers: AtomicUsize::new(0), failures: AtomicUsize::new(0) }
    }

    fn answers(&self) -> usize {
        self.answers.load(Relaxed)
    }
}

impl HttpSend for Counting {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(async move {
            let answer = self.gateway.send(request).await;
            let count = if answer.is_ok() { &self.answers } else { &self.failures };
            count.fetch_add(1, Relaxed);
            answer
        })
    }

    fn endpoint(&self) -> &Endpoint {
        self.gateway.endpoint()
    }
}
