//! A client with a limited rate, against a real gateway.

use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use deis_store::http::{Body, ConnectOptions, connect};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::s3::op::PutObject;
use deis_store::secret::Credentials;

use crate::clusters::a;
use crate::contract::{key, made, md5};
use crate::main_job::{block, bucket};

#[test]
fn an_upload_and_a_download_within_limits_take_their_time_and_lose_nothing() {
    block(async {
        let a = a();
        let mut options = ClientOptions::default();
        options.bytes_per_second = NonZeroU64::new(2_000_000);
        let transport = connect(&a.gateways[0], ConnectOptions::default()).unwrap();
        let credentials = Credentials::new(&a.access_key, &a.secret_key);
        let client = Client::new(vec![transport], credentials, options, &Run::silent()).unwrap();
        let (bucket, key, sent) = (bucket("within_limits"), key("k"), made(3_000_000));
        client.create_bucket(&bucket).await.unwrap();
        let put = PutObject::new(&bucket, &key, sent.len() as u64, md5(&sent)).unwrap();
        let start = Instant::now();
        client.put(&put, &Body::Bytes(sent.clone().into())).await.unwrap();
        let mut download = client.get(&bucket, &key).await.unwrap();
        let mut whole = Vec::new();
        while let Some(bytes) = download.try_next().await.unwrap() {
            whole.extend_from_slice(&bytes);
        }
        // Six million bytes in all. The first two million may go at once.
        assert!(start.elapsed() >= Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(whole == sent);
    });
}
