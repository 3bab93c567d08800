//! The client: it sends operations to the gateways of one cluster, signs each attempt and repeats what may be
//! repeated.

mod download;
mod execute;
mod gateways;
mod list;
#[cfg(test)]
mod tests;
mod upload;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicI64};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::Semaphore;

pub use download::Download;
use gateways::Gateways;

use super::op::{
    Bucket, CreateBucket, DeleteObject, HeadObject, ListBuckets, ListObjects, ObjectInfo, Operation, Page,
};
use super::{BucketName, ObjectKey};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::http::HttpSend;
use crate::http::backoff::Backoff;
use crate::monitor::{Clock, Run, Stop};
use crate::secret::Credentials;

/// A client of one cluster's gateways. Clones share everything.
#[derive(Clone)]
pub struct Client(Arc<Shared>);

struct Shared {
    gateways: Gateways,
    credentials: Credentials,
    options: ClientOptions,
    clock: Arc<dyn Clock>,
    stop: Stop,
    permits: Arc<Semaphore>,
    /// Whether any gateway has ever answered: one that never did is not waited for.
    reached: AtomicBool,
    /// What to add to our clock to get the gateways', in milliseconds.
    offset_ms: AtomicI64,
    random: Mutex<fastrand::Rng>,
}

/// How a client behaves.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// Requests in flight at most. 16: with quick ACKs a stock radosgw gives no more with more.
    pub in_flight: usize,
    /// When and how often to try again.
    pub backoff: Backoff,
    /// How long a gateway that did not answer is left out while another one does. 60 s: long against a request, short
    /// against a restart.
    pub left_out: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { in_flight: 16, backoff: Backoff::default(), left_out: Duration::from_mins(1) }
    }
}

impl Client {
    /// A client of these gateways, which must belong to one cluster.
    pub fn new(
        gateways: Vec<Arc<dyn HttpSend>>,
        credentials: Credentials,
        options: ClientOptions,
        run: &Run,
    ) -> Result<Self> {
        if gateways.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "no gateway is given"));
        }
        Ok(Self(Arc::new(Shared {
            gateways: Gateways::new(gateways),
            credentials,
            permits: Arc::new(Semaphore::new(options.in_flight.max(1))),
            options,
            clock: run.clock.clone(),
            stop: run.stop.clone(),
            reached: AtomicBool::new(false),
            offset_ms: AtomicI64::new(0),
            random: Mutex::new(fastrand::Rng::with_seed(run.seed)),
        })))
    }

    /// The endpoints, as people know them.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.0.gateways.endpoints().map(str::to_owned).collect()
    }

    /// How many requests it keeps in flight at most.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.0.options.in_flight.max(1)
    }

    /// What was learnt of the gateways' clocks: milliseconds to add to ours; 0 if ours was never refused.
    #[must_use]
    pub fn clock_offset_ms(&self) -> i64 {
        self.0.offset_ms.load(std::sync::atomic::Ordering::Relaxed)
    }

    /// The buckets of the user.
    pub async fn buckets(&self) -> Result<Vec<Bucket>> {
        self.execute(&ListBuckets).await
    }

    /// Creates a bucket; one's own may be there already.
    pub async fn create_bucket(&self, bucket: &BucketName) -> Result<()> {
        self.execute(&CreateBucket { bucket }).await.at("bucket", bucket)
    }

    /// One page of a listing.
    pub async fn page(&self, page: &ListObjects<'_>) -> Result<Page> {
        self.execute(page).await.at("bucket", page.bucket)
    }

    /// Whether a bucket holds no object; an error if it does not exist.
    pub async fn is_empty(&self, bucket: &BucketName) -> Result<bool> {
        let page = ListObjects { bucket, prefix: "", marker: "", delimiter: None, max_keys: 1 };
        Ok(self.page(&page).await?.objects.is_empty())
    }

    /// What is stored with an object.
    pub async fn head(&self, bucket: &BucketName, key: &ObjectKey) -> Result<ObjectInfo> {
        self.execute(&HeadObject { bucket, key }).await.at("bucket", bucket).at("key", key)
    }

    /// Deletes an object; one that is not there is deleted too.
    pub async fn delete(&self, bucket: &BucketName, key: &ObjectKey) -> Result<()> {
        self.execute(&DeleteObject { bucket, key }).await.at("bucket", bucket).at("key", key)
    }

    /// Sends an operation without a separate body.
    pub async fn execute<O: Operation>(&self, operation: &O) -> Result<O::Output> {
        self.collected(operation, None).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("gateways", &self.0.gateways).finish_non_exhaustive()
    }
}
