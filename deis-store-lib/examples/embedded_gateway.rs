//! The embedded gateway in a test of another program: it behaves as radosgw does, and fails when it is told to.
//!
//! ```sh
//! cargo run --example embedded_gateway --features gateway
//! ```
//!
//! The program under test here is `newest_of`, which any client of S3 with signature version 2 could be. The gateway needs
//! no server, no port of its own and no directory.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use deis_store::gateway::{Fault, Gateway, GatewayOptions, Operation, RequestSeen, Store};
use deis_store::http::{Timeouts, connect};
use deis_store::run::{Run, SystemClock};
use deis_store::s3::client::ClientOptions;
use deis_store::s3::{BucketName, Client};
use deis_store::secret::Credentials;
use futures_util::TryStreamExt as _;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = Arc::new(Store::in_memory());
    let now = SystemTime::now();
    store.create_bucket("uploads", now);
    store.put("uploads", "old", "1", now - Duration::from_hours(1));
    store.put("uploads", "new", "2", now);

    // The first listing is cut off in the middle of its XML.
    let faults = |request: &RequestSeen| {
        (request.operation == Operation::ListObjects && request.number == 1).then_some(Fault::Short(60))
    };
    let options = GatewayOptions::new(Arc::new(SystemClock)).faults(faults);
    let (listen, keys) = (([127, 0, 0, 1], 0).into(), || Credentials::new("access-key", "secret-key"));
    let gateway = Gateway::start(listen, store.clone(), keys(), options).await?;

    let newest = newest_of(&gateway.url(), keys(), "uploads").await?;
    assert_eq!(newest.as_deref(), Some("new"), "a broken listing is asked for again");
    println!("the newest object is {newest:?}, though the first listing was cut off");

    gateway.stop().await;
    assert!(
        newest_of("http://127.0.0.1:1", keys(), "uploads").await.is_err(),
        "no gateway is no empty bucket"
    );
    Ok(())
}

/// The program under test: the key that was written last.
async fn newest_of(url: &str, credentials: Credentials, bucket: &str) -> deis_store::Result<Option<String>> {
    let gateway = connect(url, Timeouts::default())?;
    let client = Client::new(vec![gateway], credentials, ClientOptions::default(), &Run::silent())?;
    let mut objects = client.list(&BucketName::new(bucket)?, "");
    let mut newest = None;
    while let Some(object) = objects.try_next().await? {
        newest = newest.max(Some((object.modified, object.key)));
    }
    Ok(newest.map(|(_, key)| key.into()))
}
