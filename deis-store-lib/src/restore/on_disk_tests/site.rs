//! A whole platform: an embedded gateway, an etcd in memory, and this machine as its host, with a volume in a directory of its
//! own and a database that is a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use md5::{Digest as _, Md5};

use crate::backup::site::serve;
use crate::cluster::{Cluster, Discovery};
use crate::error::Result;
use crate::etcd::{Etcd, Memory, Node};
use crate::gateway::{Fault, Gateway, Limits, RequestSeen, Store};
use crate::http::{Body, BoxFuture, Dial};
use crate::remote::{Child, Host, Input, Local, Login, Remote};
use crate::run::Run;
use crate::s3::client::{UploadOptions, cut_into_parts};
use crate::s3::op::{InitiateUpload, ObjectInfo, PutObject};
use crate::s3::{BucketName, Client, ObjectKey};

pub(super) struct WholeSite {
    pub(super) cluster: Cluster,
    pub(super) etcd: Arc<Memory>,
    pub(super) volume: tempfile::TempDir,
    client: Client,
    _gateway: Gateway,
}

/// An object, and what is stored with it.
#[derive(Clone, Debug, Default)]
pub(super) struct Object {
    pub(super) key: String,
    pub(super) body: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) headers: &'static [(&'static str, &'static str)],
    pub(super) meta: &'static [(&'static str, &'static str)],
    /// The size of its parts, if it is uploaded in parts.
    pub(super) part_bytes: Option<usize>,
}

impl Object {
    pub(super) fn new(key: impl Into<String>, body: impl Into<String>) -> Self {
        Self { key: key.into(), body: body.into(), ..Self::default() }
    }
}

impl WholeSite {
    /// A platform on which nothing is yet.
    pub(super) async fn empty() -> Self {
        Self::new(&[], "", |_, _| None).await
    }

    pub(super) async fn new(
        keys: &[(&str, &str)],
        dump: &str,
        fault: impl Fn(&RequestSeen, &Store) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let store = Arc::new(Store::in_memory());
        store.set_limits(Limits { least_part_bytes: 0, ..Limits::default() });
        let (gateway, client) = serve(store, &Run::silent(), fault).await;
        let tree = Node::of_keys("/deis", keys);
        let etcd = Arc::new(Memory::of(&tree));
        let pair = (Etcd::new(etcd.clone()), Discovery::from_tree(&tree));
        let host = Arc::new(ThisMachine { local: Local::default(), dump: dump.to_owned() });
        let mut cluster = Cluster::new(client.clone(), Some(pair), host).unwrap();
        let volume = tempfile::tempdir().unwrap();
        volume.path().to_str().unwrap().clone_into(&mut cluster.volume);
        Self { cluster, etcd, volume, client, _gateway: gateway }
    }

    pub(super) async fn fill(&self, bucket: &str, objects: &[Object]) {
        let bucket = BucketName::new(bucket).unwrap();
        self.client.create_bucket(&bucket).await.unwrap();
        for object in objects {
            self.put(&bucket, object).await;
        }
    }

    pub(super) async fn delete(&self, bucket: &str, keys: &[&str]) {
        for key in keys {
            let (bucket, key) = (BucketName::new(bucket).unwrap(), ObjectKey::new(*key).unwrap());
            self.client.delete(&bucket, &key).await.unwrap();
        }
    }

    async fn put(&self, bucket: &BucketName, object: &Object) {
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let key = ObjectKey::new(&object.key).unwrap();
        let (headers, meta) = (map(object.headers), map(object.meta));
        let bytes = Bytes::from(object.body.clone());
        if let Some(part_bytes) = object.part_bytes {
            let begin = InitiateUpload::new(bucket, &key, object.content_type, &headers, &meta).unwrap();
            let parts = cut_into_parts(&bytes[..], part_bytes);
            self.client.upload(&begin, parts, &UploadOptions::default()).await.unwrap();
            return;
        }
        let put = PutObject::new(bucket, &key, bytes.len() as u64, Md5::digest(&bytes).into()).unwrap();
        let put = put.with(object.content_type, &headers, &meta).unwrap();
        self.client.put(&put, &Body::Bytes(bytes)).await.unwrap();
    }

    /// The objects of a bucket; none of one that is not there.
    pub(super) async fn objects(&self, bucket: &str) -> BTreeMap<String, (ObjectInfo, String)> {
        let bucket = BucketName::new(bucket).unwrap();
        let listed: Result<Vec<_>> = Box::pin(self.client.list(&bucket, "")).try_collect().await;
        let mut objects = BTreeMap::new();
        for object in listed.unwrap_or_default() {
            let key = ObjectKey::new(&object.key).unwrap();
            let mut download = self.client.get(&bucket, &key).await.unwrap();
            let mut body = Vec::new();
            while let Some(piece) = download.try_next().await.unwrap() {
                body.extend_from_slice(&piece);
            }
            let body = String::from_utf8(body).unwrap();
            objects.insert(object.key.into(), (download.info().clone(), body));
        }
        objects
    }

    pub(super) async fn keys(&self, bucket: &str) -> Vec<String> {
        self.objects(bucket).await.into_keys().collect()
    }
}

/// This machine, on which a database seems to run.
#[derive(Clone, Debug)]
struct ThisMachine {
    local: Local,
    dump: String,
}

impl Host for ThisMachine {
    fn host(&self) -> &str {
        self.local.host()
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        let printed = match command.iter().position(|word| *word == "docker") {
            Some(at) if command[at..].contains(&"inspect") => "true\n",
            Some(at) if command[at..].contains(&"pg_dumpall") => &self.dump,
            _ => return self.local.spawn(command, input),
        };
        Box::pin(async move { self.local.spawn(&["printf", "%s", printed], input).await })
    }

    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>> {
        self.local.forward(host, port)
    }

    fn beyond<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<dyn Remote>>> {
        self.local.beyond(host)
    }

    fn login(&self) -> &Login {
        self.local.login()
    }
}
