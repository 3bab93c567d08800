//! A scripted gateway on loopback: the embedded one, which does wrong what its schedule says, and remembers what it was
//! asked.
//!
//! It is for what a real gateway does only when it is sick.

mod answer;
mod asked;
mod hooks;
mod schedule;

use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::SystemTime;

pub use answer::{Answer, Edit, edited, instead};
pub use asked::Asked;
pub use deis_store::gateway::{Fault, Operation};
use deis_store::gateway::{Gateway, GatewayOptions, Limits, Store};
use deis_store::secret::Credentials;
use futures_util::FutureExt as _;
use hooks::{Script, ShiftedClock, UNCOUNTED};
use md5::{Digest as _, Md5};
use schedule::Rule;
use tokio::sync::oneshot;

use crate::error::{Context as _, Error, Result};

/// The keys of its one user, if no others are given.
pub const KEYS: (&str, &str) = ("AK", "SK");

/// When every object was written that is there from the beginning.
pub const LAST_MODIFIED: &str = "Sun, 22 Nov 2026 08:00:00 GMT";

/// The `ETag`, without quotes, of an object that was stored in one request.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    Md5::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A running gateway; dropped, it stops.
pub struct FaultyGateway {
    address: SocketAddr,
    store: Arc<Store>,
    script: Arc<Script>,
    clock: Arc<ShiftedClock>,
    modified: SystemTime,
    /// Its thread, and what ends it.
    serving: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl FaultyGateway {
    /// Starts one without buckets, on a port of its own.
    pub fn start() -> Result<Self> {
        Self::of(Credentials::new(KEYS.0, KEYS.1))
    }

    /// One for a user with these keys.
    pub fn of(keys: Credentials) -> Result<Self> {
        let modified = httpdate::parse_http_date(LAST_MODIFIED).context("Faulty gateway")?;
        let (store, script) = (Arc::new(Store::in_memory()), Arc::new(Script::default()));
        let clock = Arc::new(ShiftedClock::default());
        let options = GatewayOptions::new(clock.clone()).faults(Arc::clone(&script));
        let (stop, stopped) = oneshot::channel();
        let (ready, started) = mpsc::channel();
        let served = Arc::clone(&store);
        let thread = std::thread::spawn(move || serve(served, keys, options, &ready, stopped));
        let address = started.recv().context("Faulty gateway")??;
        let serving = Some((stop, thread));
        let gateway = Self { address, store, script, clock, modified, serving };
        gateway.set_page_entries(1000);
        Ok(gateway)
    }

    /// `http://HOST:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Makes a bucket.
    pub fn make_bucket(&self, bucket: &str) {
        self.store.create_bucket(bucket, self.modified);
    }

    /// Stores an object, in a bucket that is made if need be.
    pub fn store(&self, bucket: &str, key: &str, body: &[u8]) {
        self.store.put(bucket, key, body.to_vec(), self.modified);
    }

    /// Deletes an object, if it is there.
    pub fn delete(&self, bucket: &str, key: &str) {
        self.store.delete(bucket, key);
    }

    /// The fault of deleting an object when it is asked for.
    #[must_use]
    pub fn vanishing(&self, bucket: &str, key: &str) -> Fault {
        let (store, bucket, key) = (Arc::clone(&self.store), bucket.to_owned(), key.to_owned());
        Fault::edited(move |response| {
            store.delete(&bucket, &key);
            *response = Answer::error(404, "NoSuchKey").into_http();
        })
    }

    /// The bytes of an object, if it is there.
    #[must_use]
    pub fn stored(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        // Bytes in memory are read without waiting.
        self.store.get(bucket, key).now_or_never()?.ok()?.map(Vec::from)
    }

    /// A page of a listing has at most so many entries, also where more are asked for. Parts of uploads may have any
    /// size.
    pub fn set_page_entries(&self, most: usize) {
        let mut limits = Limits::default();
        limits.page_entries = most;
        limits.least_part_bytes = 0;
        self.store.set_limits(limits);
    }

    /// Sets its clock; one that is over 15 minutes off the request's `Date` refuses the request, as a real one does.
    pub fn set_clock_ahead(&self, seconds: i64) {
        self.clock.set_ahead(seconds);
    }

    /// Adds to the schedule: of the requests for this operation (`None`: any) whose target holds `target`, those with
    /// these numbers, from 0, meet this fault. Of several rules that hold, the first one added counts.
    pub fn on(&self, operation: impl Into<Option<Operation>>, target: &str, nth: Range<usize>, fault: Fault) {
        let rule = Rule { operation: operation.into(), target: target.to_owned(), nth, fault, met: 0 };
        self.script.add(rule);
    }

    /// Every request so far, in the order of their coming.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.script.asked()
    }

    /// Waits until every request that has come was seen, also those of a program that was killed.
    pub fn settle(&self) -> Result<()> {
        let mut stream = TcpStream::connect(self.address).context("Faulty gateway")?;
        let request = format!("GET / HTTP/1.1\r\nHost: h\r\n{UNCOUNTED}: 1\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).context("Faulty gateway")?;
        // One thread serves all connections, in the order of their coming.
        stream.read_to_end(&mut Vec::new()).context("Faulty gateway").map(drop)
    }

    /// The requests for an operation.
    #[must_use]
    pub fn asked_for(&self, operation: Operation) -> Vec<Asked> {
        self.script.asked_for(operation)
    }
}

impl Drop for FaultyGateway {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.serving.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FaultyGateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultyGateway").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Serves until `stopped` is told or its sender is dropped. Requests under way are cut off then.
fn serve(
    store: Arc<Store>,
    keys: Credentials,
    options: GatewayOptions,
    ready: &mpsc::Sender<Result<SocketAddr>>,
    stopped: oneshot::Receiver<()>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(Error::new(error.to_string())));
            return;
        }
    };
    runtime.block_on(async {
        match Gateway::start(([127, 0, 0, 1], 0).into(), store, keys, options).await {
            Ok(gateway) => {
                let _ = ready.send(Ok(gateway.address()));
                let _ = stopped.await;
            }
            Err(error) => drop(ready.send(Err(Error::new(error.to_string())))),
        }
    });
}
