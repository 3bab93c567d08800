//! A cluster for tests: an embedded gateway with faults, and perhaps an etcd in memory.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use md5::{Digest as _, Md5};

use crate::cluster::{Cluster, Discovery};
use crate::etcd::{Etcd, Memory, Node};
use crate::gateway::{Fault, Gateway, GatewayOptions, Operation, RequestSeen, Store};
use crate::http::{Body, Timeouts, connect};
use crate::remote::Local;
use crate::run::{Run, SystemClock};
use crate::s3::client::ClientOptions;
use crate::s3::op::{ListedObject, PutObject};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::secret::Credentials;

pub(crate) struct Site {
    pub(crate) client: Client,
    pub(crate) cluster: Cluster,
    pub(crate) etcd: Arc<Memory>,
    _gateway: Gateway,
}

/// What becomes of a GET of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    /// It is denied.
    Refused,
    /// It is listed, and there is no data for it.
    Failed,
    /// It is deleted before it is fetched.
    Vanished,
}

/// Serves a store with faults, to a client.
pub(crate) async fn serve(
    store: Arc<Store>,
    run: &Run,
    fault: impl Fn(&RequestSeen, &Store) -> Option<Fault> + Send + Sync + 'static,
) -> (Gateway, Client) {
    let credentials = Credentials::new("KEY", "secret");
    let seen = Arc::clone(&store);
    let options =
        GatewayOptions::new(Arc::new(SystemClock)).faults(move |asked: &RequestSeen| fault(asked, &seen));
    let listen = ([127, 0, 0, 1], 0).into();
    let gateway = Gateway::start(listen, store, credentials.clone(), options).await.unwrap();
    let http = connect(&gateway.url(), Timeouts::default()).unwrap();
    let client = Client::new(vec![http], credentials, ClientOptions::default(), run).unwrap();
    (gateway, client)
}

impl Site {
    /// A gateway alone, or one with an etcd that says nothing but that it is there.
    pub(crate) async fn new(with_etcd: bool) -> Self {
        Self::faulty(with_etcd, &Run::silent(), |_, _| None).await
    }

    /// One at which these objects are lost when they are fetched; what vanishes takes other keys with it.
    pub(crate) async fn losing(lost: &[(&str, Loss)], gone_too: &[&str]) -> Self {
        let owned = |key: &str| key.to_owned();
        let lost: Vec<_> = lost.iter().map(|(key, loss)| (owned(key), *loss)).collect();
        let gone_too: Vec<_> = gone_too.iter().map(|key| owned(key)).collect();
        Self::faulty(false, &Run::silent(), move |asked, store| {
            let found =
                lost.iter().find(|(key, _)| asked.operation == Operation::GetObject && asked.key == *key);
            let (key, how) = found?;
            let (status, code) = match how {
                Loss::Refused => (403, "AccessDenied"),
                Loss::Failed => (404, "NoSuchKey"),
                Loss::Vanished => {
                    for key in gone_too.iter().chain([key]) {
                        store.delete(&asked.bucket, key);
                    }
                    (404, "NoSuchKey")
                }
            };
            let body = format!("<Error><Code>{code}</Code><RequestId>tx1</RequestId></Error>").into_bytes();
            let mut response = http::Response::new(body);
            *response.status_mut() = http::StatusCode::from_u16(status).unwrap();
            Some(Fault::Instead(response))
        })
        .await
    }

    pub(crate) async fn faulty(
        with_etcd: bool,
        run: &Run,
        fault: impl Fn(&RequestSeen, &Store) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let (gateway, client) = serve(Arc::new(Store::in_memory()), run, fault).await;
        let tree = Node::directory("/deis");
        let etcd = Arc::new(Memory::of(&tree));
        let pair = with_etcd.then(|| (Etcd::new(etcd.clone()), Discovery::from_tree(&tree)));
        let cluster = Cluster::new(client.clone(), pair, Arc::new(Local::default())).unwrap();
        Self { client, cluster, etcd, _gateway: gateway }
    }

    pub(crate) async fn put(&self, bucket: &str, keys: &[&str]) {
        let objects: Vec<(&str, String)> = keys.iter().map(|key| (*key, body_of(key))).collect();
        let objects: Vec<(&str, &str)> = objects.iter().map(|(key, body)| (*key, body.as_str())).collect();
        self.fill(bucket, &objects).await;
    }

    pub(crate) async fn fill(&self, bucket: &str, objects: &[(&str, &str)]) {
        let bucket = BucketName::new(bucket).unwrap();
        self.client.create_bucket(&bucket).await.unwrap();
        for (key, body) in objects {
            let (key, bytes) = (ObjectKey::new(*key).unwrap(), Bytes::from((*body).to_owned()));
            let md5 = Md5::digest(&bytes).into();
            let put = PutObject::new(&bucket, &key, bytes.len() as u64, md5).unwrap();
            self.client.put(&put, &Body::Bytes(bytes)).await.unwrap();
        }
    }

    pub(crate) async fn objects(&self, bucket: &str) -> Vec<ListedObject> {
        let bucket = BucketName::new(bucket).unwrap();
        Box::pin(self.client.list(&bucket, "")).try_collect().await.unwrap()
    }

    pub(crate) async fn keys(&self, bucket: &str) -> Vec<String> {
        self.objects(bucket).await.into_iter().map(|object| object.key.into()).collect()
    }
}

/// A body of its own for each key. A sentinel stops where it starts.
fn body_of(key: &str) -> String {
    match key.rsplit_once("/base_").and_then(|(_, name)| name.get(..24)) {
        Some(start) if key.ends_with("_backup_stop_sentinel.json") => {
            format!(r#"{{"wal_segment_backup_stop": "{start}"}}"#)
        }
        _ => format!("bytes of {key}"),
    }
}
