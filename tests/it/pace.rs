//! The number of requests in flight, as the client finds it on a real radosgw, through a path like an ssh forward.

use std::time::{Duration, Instant};

use bytes::Bytes;
use deis_store::http::{Body, Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::client::{Client, ClientOptions};
use deis_store::s3::op::PutObject;
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::secret::Credentials;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::net::{TcpListener, TcpStream};

use crate::clusters::a;
use crate::main_job::{block, bucket};

const OBJECT_BYTES: usize = 16 << 10;

/// Gets the same object this many times, and returns the time that took.
async fn fetch(client: &Client, bucket: &BucketName, key: &ObjectKey, times: usize) -> Duration {
    let begun = Instant::now();
    stream::iter(0..times)
        .map(|_| async move {
            let mut download = client.get(bucket, key).await?;
            while download.try_next().await?.is_some() {}
            Ok::<(), deis_store::Error>(())
        })
        .buffer_unordered(100)
        .try_collect::<()>()
        .await
        .unwrap();
    begun.elapsed()
}

/// The far end of a forward. Its kernel acknowledges late, as the kernel of a cluster's host does for sshd.
async fn forward(to: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(to).await.unwrap();
                // Either side may hang up at any time.
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    url
}

#[test]
fn where_each_answer_takes_forty_milliseconds_longer_more_requests_are_in_flight() {
    let (a, bucket, key) = (a(), bucket("pace"), ObjectKey::new("k").unwrap());
    let options = ClientOptions::default;
    block(async {
        let gateway = a.gateways[0].trim_start_matches("http://").to_owned();
        let url = forward(gateway).await;
        let client = |options| {
            let http = connect(&url, Timeouts::default()).unwrap();
            Client::new(
                vec![http],
                Credentials::new(&a.access_key, a.secret_key.as_str()),
                options,
                &Run::silent(),
            )
            .unwrap()
        };
        let adaptive = client(options());
        adaptive.create_bucket(&bucket).await.unwrap();
        let body = vec![7; OBJECT_BYTES];
        let md5 = <md5::Md5 as md5::Digest>::digest(&body).into();
        let put = PutObject::new(&bucket, &key, OBJECT_BYTES as u64, md5).unwrap();
        adaptive.put(&put, &Body::Bytes(Bytes::from(body))).await.unwrap();

        assert_eq!(adaptive.pace(), 8);
        fetch(&adaptive, &bucket, &key, 1500).await;
        assert!(adaptive.pace() >= 24, "{} requests in flight", adaptive.pace());

        // The pace found is worth it: the same number of requests at the first pace takes much longer.
        let took = fetch(&adaptive, &bucket, &key, 600).await;
        let mut fixed = options();
        fixed.in_flight = 8;
        let fixed = fetch(&client(fixed), &bucket, &key, 600).await;
        assert!(took * 2 < fixed, "{took:?} with the pace found, {fixed:?} with 8");
    });
}
