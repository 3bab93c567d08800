//! Backups of added buckets, from one embedded gateway and onto another.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use md5::{Digest as _, Md5};

use super::*;
use crate::cluster::Discovery;
use crate::etcd::{Etcd, Memory, Node};
use crate::gateway::{Gateway, GatewayOptions, Store};
use crate::http::{Body, Timeouts, connect};
use crate::outcome::PartOutcome;
use crate::part::{BucketPart, PartChoice};
use crate::remote::Local;
use crate::restore::{RestoreOptions, plan, restore};
use crate::run::{Event, Monitor, SystemClock};
use crate::s3::client::ClientOptions;
use crate::s3::op::{ListedObject, PutObject};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::secret::Credentials;
use crate::snapshot::SnapshotReader;

const BASE: &str = "pg/basebackups_005/base_00000001000000000000000";

struct Site {
    client: Client,
    cluster: Cluster,
    _gateway: Gateway,
}

impl Site {
    /// A gateway alone, or one with an etcd that says nothing but that it is there.
    async fn new(with_etcd: bool) -> Self {
        let credentials = Credentials::new("KEY", "secret");
        let listen = ([127, 0, 0, 1], 0).into();
        let gateway = Gateway::start(
            listen,
            Store::in_memory(),
            credentials.clone(),
            GatewayOptions::new(Arc::new(SystemClock)),
        )
        .await;
        let gateway = gateway.unwrap();
        let http = connect(&gateway.url(), Timeouts::default()).unwrap();
        let client = Client::new(vec![http], credentials, ClientOptions::default(), &Run::silent()).unwrap();
        let tree = Node::directory("/deis");
        let etcd = with_etcd.then(|| (Etcd::new(Arc::new(Memory::of(&tree))), Discovery::from_tree(&tree)));
        let cluster = Cluster::new(client.clone(), etcd, Arc::new(Local::default())).unwrap();
        Self { client, cluster, _gateway: gateway }
    }

    async fn put(&self, bucket: &str, keys: &[&str]) {
        let bucket = BucketName::new(bucket).unwrap();
        self.client.create_bucket(&bucket).await.unwrap();
        for key in keys {
            let (key, bytes) = (ObjectKey::new(*key).unwrap(), Bytes::from(format!("bytes of {key}")));
            let md5 = Md5::digest(&bytes).into();
            let put = PutObject::new(&bucket, &key, bytes.len() as u64, md5).unwrap();
            self.client.put(&put, &Body::Bytes(bytes)).await.unwrap();
        }
    }

    async fn objects(&self, bucket: &str) -> Vec<ListedObject> {
        let bucket = BucketName::new(bucket).unwrap();
        Box::pin(self.client.list(&bucket, "")).try_collect().await.unwrap()
    }
}

fn options(buckets: &[&str], choice: PartChoice) -> Result<BackupOptions> {
    BackupOptions::new(buckets.iter().map(|text| text.parse::<BucketPart>().unwrap()), choice)
}

fn only(names: &[&str]) -> PartChoice {
    PartChoice::Only(names.iter().map(|name| name.parse().unwrap()).collect())
}

fn stored(report: &BackupReport) -> Vec<&str> {
    let stored = report.parts.iter().filter(|(_, part)| part.outcome == PartOutcome::Stored);
    stored.map(|(part, _)| part.name()).collect()
}

#[tokio::test]
async fn without_etcd_the_added_buckets_are_meant_alone_unless_parts_are_named() {
    let site = Site::new(false).await;
    site.put("uploads", &["a", "b/c"]).await;
    site.put("registry", &["x"]).await;
    let scratch = tempfile::tempdir().unwrap();
    let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
    let backup = async |buckets: &[&str], choice: PartChoice| {
        backup(&site.cluster, &repository, &options(buckets, choice).unwrap(), &Run::silent()).await
    };

    // There is no bucket db_wal, and nobody asked for it.
    let report = backup(&["uploads"], PartChoice::All).await.unwrap();
    assert_eq!((report.verdict, stored(&report)), (Verdict::Good, vec!["bucket.uploads"]));
    let named = only(&["registry", "bucket.uploads"]);
    let report = backup(&["uploads"], named).await.unwrap();
    assert_eq!(stored(&report), ["registry", "bucket.uploads"]);
    let report = backup(&["uploads"], only(&["registry"])).await.unwrap();
    assert_eq!(stored(&report), ["registry"]);
    assert!(SnapshotReader::open(&report.snapshot).unwrap().manifest().requires.is_empty());
    let missing = backup(&["not-there"], PartChoice::All).await.unwrap_err();
    assert_eq!((missing.kind(), missing.place().bucket()), (ErrorKind::NotFound, Some("not-there")));
}

#[tokio::test]
async fn with_etcd_the_added_buckets_are_taken_besides_the_platforms_parts() {
    let site = Site::new(true).await;
    for bucket in ["uploads", "db_wal", "registry"] {
        site.put(bucket, &["k"]).await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let repository = Repository::create(scratch.path(), &Run::silent()).unwrap();
    let without = ["sql", "volume", "config"].map(|name| name.parse().unwrap());
    let options = options(&["uploads"], PartChoice::AllBut(without.into())).unwrap();
    let report = backup(&site.cluster, &repository, &options, &Run::silent()).await.unwrap();
    assert_eq!(stored(&report), ["db_wal", "registry", "bucket.uploads"]);
}

#[tokio::test]
async fn what_is_the_same_bucket_or_no_part_is_refused_before_anything_is_written() {
    let site = Site::new(true).await;
    let kind = |buckets: &[&str], choice| options(buckets, choice).unwrap_err().kind();
    assert_eq!(kind(&["uploads", "Uploads"], PartChoice::All), ErrorKind::Usage);
    assert_eq!(kind(&["uploads"], only(&["bucket.downloads"])), ErrorKind::Usage);
    assert_eq!(kind(&[], only(&["bucket.uploads"])), ErrorKind::Usage);
    let twice = options(&["registry:registry"], PartChoice::All).unwrap();
    let error = check(&site.cluster, &twice).await.unwrap_err();
    assert_eq!((error.kind(), error.place().bucket()), (ErrorKind::Usage, Some("registry")));
    let once = options(&["registry:registry"], only(&["bucket.registry"])).unwrap();
    check(&site.cluster, &once).await.unwrap();
}

#[tokio::test]
async fn base_backups_below_a_prefix_come_back_with_their_sentinels_last_and_their_latest() {
    let (old, new) = (Site::new(false).await, Site::new(false).await);
    let sentinel = |segment: char| format!("{BASE}{segment}_00000040_backup_stop_sentinel.json");
    let part = |segment: char| format!("{BASE}{segment}_00000040/tar_partitions/part_00000000.tar.lzo");
    // The greater name was written first: LATEST is the other one.
    for key in [part('B'), sentinel('B'), part('A'), sentinel('A')] {
        old.put("dbwal", &[&key, "pg/wal_005/00000001000000000000000A.lzo"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let scratch = tempfile::tempdir().unwrap();
    let run = Run::silent();
    let repository = Repository::create(scratch.path(), &run).unwrap();
    let options = options(&["dbwal:wal-e"], PartChoice::All).unwrap();
    let report = backup(&old.cluster, &repository, &options, &run).await.unwrap();
    let snapshot = SnapshotReader::open(&report.snapshot).unwrap();
    let part = snapshot.manifest().parts.keys().find(|part| part.name() == "bucket.dbwal").unwrap();
    assert_eq!(snapshot.manifest().parts[part].lists.len(), 2, "base backups, then all else");

    let planned = plan(&new.cluster, &snapshot, &RestoreOptions::default(), &run).await.unwrap();
    assert_eq!(planned.steps.len(), 1);
    let restored = restore(&new.cluster, &snapshot, &planned, &run).await.unwrap();
    assert_eq!(restored.verdict, Verdict::Good);
    assert_eq!(restored.parts[part].latest.as_deref(), Some(sentinel('A').as_str()));
    let mut objects = new.objects("dbwal").await;
    objects.sort_by(|one, other| one.modified.cmp(&other.modified));
    let last: Vec<&str> = objects.iter().skip(3).map(|object| object.key.as_str()).collect();
    assert_eq!(last, [sentinel('B'), sentinel('A')]);
}

/// The events of the parts, one after the other: the announced objects and bytes, and those that were copied.
#[derive(Default)]
struct Heard(Mutex<Vec<Told>>);

#[derive(Debug, Default)]
struct Told {
    total: (Option<u64>, Option<u64>),
    done: (u64, u64),
}

impl Monitor for Heard {
    fn event(&self, event: &Event<'_>) {
        let mut heard = self.0.lock().unwrap();
        match *event {
            Event::Total { objects, bytes, .. } => {
                heard.push(Told { total: (objects, bytes), ..Told::default() });
            }
            Event::Advance { objects, bytes, .. } => {
                let last = heard.last_mut().unwrap();
                last.done.0 += objects;
                last.done.1 += bytes;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_monitor_hears_how_much_there_will_be_before_it_hears_of_it() {
    let site = Site::new(false).await;
    site.put("uploads", &["a", "b/c", "d"]).await;
    site.put("dbwal", &["wal_005/x", &format!("{BASE}A_00000040_backup_stop_sentinel.json")]).await;
    let scratch = tempfile::tempdir().unwrap();
    let heard = Arc::new(Heard::default());
    let run = Run::system(heard.clone());
    let repository = Repository::create(scratch.path(), &run).unwrap();
    let options = options(&["uploads", "dbwal:wal-e"], PartChoice::All).unwrap();
    backup(&site.cluster, &repository, &options, &run).await.unwrap();
    let heard = heard.0.lock().unwrap();
    assert_eq!(heard.len(), 2);
    for Told { total, done } in &*heard {
        assert_eq!(*total, (Some(done.0), Some(done.1)), "{heard:?}");
    }
}
