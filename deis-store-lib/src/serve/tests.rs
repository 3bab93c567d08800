//! The verb, from the start to the end, without a cluster: keys, files, and what is in etcd meanwhile.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::etcd::{Etcd, Memory};
use crate::http::{Body, HttpSend, Timeouts, connect};
use crate::outcome::{Outcome, PartOutcome};
use crate::part::Part;
use crate::run::heard::Heard;
use crate::s3::client::ClientOptions;
use crate::s3::op::{PutObject, Request};
use crate::s3::s3cfg::S3Cfg;
use crate::s3::{BucketName, Client, ObjectKey};
use crate::snapshot::{ListLine, Manifest, PartEntry, sample};

const GATEWAY: &str = "/deis/store/gateway";

struct Place {
    scratch: TempDir,
    snapshot: SnapshotReader,
}

impl Place {
    fn new() -> Self {
        let scratch = tempfile::tempdir().unwrap();
        let snapshot = sample::build(&scratch.path().join("repository"));
        Self { scratch, snapshot }
    }

    fn options(&self) -> ServeOptions {
        let writes = Some(self.scratch.path().join("writes"));
        ServeOptions { listen: ([127, 0, 0, 1], 0).into(), writes, ..ServeOptions::default() }
    }

    fn published(&self, memory: &Arc<Memory>) -> ServeOptions {
        let publish = Publish { etcd: Etcd::new(memory.clone()), confirmed: true };
        ServeOptions { publish: Some(publish), ..self.options() }
    }

    async fn serve(&self, options: ServeOptions, run: &Run) -> Serving {
        loop {
            match serve(&self.snapshot, options.clone(), run).await {
                // One that was dropped holds the directory for a moment.
                Err(error) if error.kind() == ErrorKind::Locked => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                serving => break serving.unwrap(),
            }
        }
    }
}

fn transport(serving: &Serving) -> Arc<dyn HttpSend> {
    connect(&serving.url(), Timeouts::default()).unwrap()
}

fn client(serving: &Serving, credentials: Credentials) -> Client {
    Client::new(vec![transport(serving)], credentials, ClientOptions::default(), &Run::silent()).unwrap()
}

async fn put(client: &Client, key: &str, bytes: &'static [u8]) -> Result<()> {
    use md5::Digest as _;

    let (bucket, key) = (BucketName::new("registry").unwrap(), ObjectKey::new(key).unwrap());
    let operation =
        PutObject::new(&bucket, &key, bytes.len() as u64, md5::Md5::digest(bytes).into()).unwrap();
    client.put(&operation, &Body::Bytes(Bytes::from_static(bytes))).await.map(drop)
}

async fn get(client: &Client, key: &str) -> Result<Bytes> {
    let (bucket, key) = (BucketName::new("registry").unwrap(), ObjectKey::new(key).unwrap());
    Ok(client.get(&bucket, &key).await?.try_next().await?.unwrap_or_default())
}

#[tokio::test]
async fn keys_and_writes_are_there_again_after_a_start_and_only_their_holder_gets_in() {
    let place = Place::new();
    let s3cfg = place.scratch.path().join("s3cfg");
    let options = ServeOptions { s3cfg: Some(s3cfg.clone()), ..place.options() };
    let run = Run::silent();
    let serving = place.serve(options.clone(), &run).await;
    let keys = serving.credentials().clone();
    put(&client(&serving, keys.clone()), "new", b"kept").await.unwrap();
    let read = S3Cfg::parse(&std::fs::read_to_string(&s3cfg).unwrap()).unwrap();
    assert!(read.credentials.are(&keys) && read.endpoint.as_deref() == Some(&*serving.url()));
    for file in [&s3cfg, &serving.keys_file().unwrap()] {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o7777, 0o600);
    }
    let listen = serving.address();
    drop(serving);

    // The same call again, at the same port: what it leaves is there already.
    let again = ServeOptions { listen, ..options };
    let serving = place.serve(again.clone(), &run).await;
    assert!(serving.credentials().are(&keys));
    assert_eq!(get(&client(&serving, keys.clone()), "new").await.unwrap(), "kept");
    let wrong = Credentials::new(keys.access_key(), "wrong");
    assert_eq!(get(&client(&serving, wrong), "new").await.unwrap_err().kind(), ErrorKind::Denied);
    run.stop.stop();
    let report = serving.until_stopped().await.unwrap();
    assert!(report.writes.is_some() && !report.published);
    std::fs::write(&s3cfg, "mine").unwrap();
    let refused = serve(&place.snapshot, again, &Run::silent()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Occupied);
    assert_eq!(std::fs::read_to_string(&s3cfg).unwrap(), "mine");
}

#[tokio::test]
async fn without_a_directory_nothing_can_be_written_and_keys_are_new_each_time() {
    let place = Place::new();
    let options = ServeOptions { writes: None, ..place.options() };
    let (one, other) = (
        serve(&place.snapshot, options.clone(), &Run::silent()).await.unwrap(),
        serve(&place.snapshot, options, &Run::silent()).await.unwrap(),
    );
    assert!(!one.credentials().are(other.credentials()) && one.keys_file().is_none());
    let client = client(&one, one.credentials().clone());
    assert_eq!(get(&client, "a").await.unwrap(), "bytes of a");
    assert_eq!(put(&client, "a", b"x").await.unwrap_err().kind(), ErrorKind::Denied);
}

#[tokio::test]
async fn a_thousand_wrong_signatures_let_nobody_in() {
    let place = Place::new();
    let serving = place.serve(place.options(), &Run::silent()).await;
    let (http, keys) = (transport(&serving), serving.credentials().clone());
    let mut random = fastrand::Rng::with_seed(1);
    let now = std::time::SystemTime::now();
    for attempt in 0..1000_u32 {
        let writes = attempt % 2 == 0;
        let method = if writes { http::Method::PUT } else { http::Method::GET };
        let mut request = Request::bare(method.clone(), "/registry/a".to_owned(), String::new());
        request.sign(&keys, now).unwrap();
        let signed = request.headers["authorization"].to_str().unwrap().to_owned();
        let (user, signature) = signed.rsplit_once(':').unwrap();
        let mut wrong: Vec<u8> = signature.bytes().collect();
        let at = random.usize(0..wrong.len());
        match attempt % 5 {
            // A character is another one, is missing, comes twice, all are others, or none is there.
            0 => wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' },
            1 => drop(wrong.remove(at)),
            2 => wrong.insert(at, b'A'),
            3 => wrong.iter_mut().for_each(|byte| *byte = random.alphanumeric() as u8),
            _ => wrong.clear(),
        }
        let authorization = format!("{user}:{}", String::from_utf8(wrong).unwrap());
        if authorization == signed {
            continue;
        }
        request.headers.insert("authorization", authorization.parse().unwrap());
        let mut built = http::Request::new(Body::Bytes(Bytes::from(if writes { "stolen" } else { "" })));
        *built.method_mut() = method;
        *built.uri_mut() = request.target().parse().unwrap();
        *built.headers_mut() = request.headers;
        let mut answer = http.send(built).await.unwrap();
        assert_eq!(answer.status().as_u16(), 403, "{attempt}");
        let body = answer.body_mut().collect(1 << 20).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("bytes of"), "{attempt}");
    }
    assert_eq!(get(&client(&serving, keys), "a").await.unwrap(), "bytes of a");
}

fn keys_of(memory: &Memory) -> BTreeMap<&'static str, Option<String>> {
    ["host", "port", "masterLock", "accessKey", "secretKey", "hosts/127.0.0.1/host", "hosts/127.0.0.1/port"]
        .into_iter()
        .map(|name| (name, memory.value(&format!("{GATEWAY}/{name}"))))
        .collect()
}

#[tokio::test]
async fn it_is_published_as_a_store_gateway_is_and_nothing_of_it_is_left_at_the_end() {
    let place = Place::new();
    let memory = Memory::with(&[("/deis/store/fsid", "x")]);
    let run = Run::silent();
    let serving = place.serve(place.published(&memory), &run).await;
    let port = serving.address().port().to_string();
    let expected = [
        ("host", "127.0.0.1"),
        ("port", &*port),
        ("masterLock", "127.0.0.1"),
        ("accessKey", serving.credentials().access_key()),
        ("secretKey", std::str::from_utf8(serving.credentials().secret_key()).unwrap()),
        ("hosts/127.0.0.1/host", "127.0.0.1"),
        ("hosts/127.0.0.1/port", &*port),
    ];
    let expected = expected.map(|(name, value)| (name, Some(value.to_owned())));
    assert_eq!(keys_of(&memory), BTreeMap::from(expected));
    run.stop.stop();
    assert!(serving.until_stopped().await.unwrap().published);
    assert!(keys_of(&memory).values().all(Option::is_none), "{:?}", keys_of(&memory));
    assert_eq!(memory.value("/deis/store/fsid").as_deref(), Some("x"));
}

#[tokio::test]
async fn keys_of_another_gateway_are_put_back_also_of_one_that_was_started_meanwhile() {
    let place = Place::new();
    let (access, secret) = (format!("{GATEWAY}/accessKey"), format!("{GATEWAY}/secretKey"));
    let memory = Memory::with(&[(&access, "OLD"), (&secret, "OLDSECRET")]);
    let run = Run::silent();
    let serving = place.serve(place.published(&memory), &run).await;
    let ours = serving.credentials().access_key().to_owned();
    assert_eq!(memory.value(&access), Some(ours.clone()));
    let etcd = Etcd::new(memory.clone());
    etcd.set(&access, "NEW", None).await.unwrap();
    etcd.set(&secret, "NEWSECRET", None).await.unwrap();
    let refreshed = async {
        while memory.value(&access).as_deref() != Some(&*ours) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), refreshed).await.unwrap();
    run.stop.stop();
    serving.until_stopped().await.unwrap();
    assert_eq!(memory.value(&access).as_deref(), Some("NEW"));
    assert_eq!(memory.value(&secret).as_deref(), Some("NEWSECRET"));
}

#[tokio::test(start_paused = true)]
async fn beside_a_gateway_that_is_kept_up_it_is_never_published() {
    for left in [("host", "10.0.0.9"), ("masterLock", "10.0.0.9"), ("hosts/10.0.0.9/host", "10.0.0.9")] {
        let place = Place::new();
        let memory = Memory::with(&[(&format!("{GATEWAY}/{}", left.0), left.1)]);
        let before = memory.len();
        let (run, heard) = Heard::run();
        let error = serve(&place.snapshot, place.published(&memory), &run).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Guard, "{left:?}");
        assert!(error.to_string().contains("10.0.0.9"), "{error}");
        assert!(heard.notes().iter().any(|note| note.contains("expires")), "{:?}", heard.notes());
        assert_eq!(memory.len(), before, "nothing was set");
    }
}

#[tokio::test]
async fn one_that_has_lost_the_lead_ends_with_an_error_and_takes_nothing_of_the_other_away() {
    let place = Place::new();
    let memory = Memory::with(&[("/deis/store/fsid", "x")]);
    let serving = place.serve(place.published(&memory), &Run::silent()).await;
    let etcd = Etcd::new(memory.clone());
    for (name, value) in [("masterLock", "10.0.0.9"), ("host", "10.0.0.9"), ("port", "8888")] {
        etcd.set(&format!("{GATEWAY}/{name}"), value, None).await.unwrap();
    }
    let error = serving.until_stopped().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Changed, "{error}");
    assert_eq!(memory.value(&format!("{GATEWAY}/host")).as_deref(), Some("10.0.0.9"));
    assert_eq!(memory.value(&format!("{GATEWAY}/masterLock")).as_deref(), Some("10.0.0.9"));
    assert_eq!(memory.value(&format!("{GATEWAY}/hosts/127.0.0.1/host")), None);
}

#[tokio::test]
async fn what_could_not_work_is_refused_and_another_address_is_said_aloud() {
    let place = Place::new();
    let memory = Memory::with(&[("/deis/store/fsid", "x")]);
    let unconfirmed = |listen: [u8; 4]| {
        let publish = Publish::new(Etcd::new(memory.clone()));
        ServeOptions { listen: (listen, 0).into(), publish: Some(publish), ..place.options() }
    };
    let without_writes = ServeOptions { writes: None, ..place.published(&memory) };
    for (options, kind) in [
        (unconfirmed([127, 0, 0, 1]), ErrorKind::Guard),
        (unconfirmed([0, 0, 0, 0]), ErrorKind::Usage),
        (without_writes, ErrorKind::Usage),
        (
            ServeOptions { credentials: Some(Credentials::new("a b", "c")), ..place.options() },
            ErrorKind::Usage,
        ),
    ] {
        assert_eq!(serve(&place.snapshot, options, &Run::silent()).await.unwrap_err().kind(), kind);
    }
    assert!(memory.len() == 1 && !Path::new(&place.scratch.path().join("writes")).exists());
    for (address, warns) in [([127, 0, 0, 1], false), ([0, 0, 0, 0], true)] {
        let (run, heard) = Heard::run();
        let options = ServeOptions { listen: (address, 0).into(), writes: None, ..place.options() };
        drop(serve(&place.snapshot, options, &run).await.unwrap());
        assert_eq!(heard.notes().iter().any(|note| note.contains("other machines")), warns);
    }
}

/// A snapshot whose backup could not take a partition of the one base backup, and that has no registry.
fn with_a_lost_partition(repository: &Path) -> SnapshotReader {
    use std::io::Write as _;

    let unfinished = sample::begin(repository);
    let objects = unfinished.objects(&Part::db_wal()).unwrap();
    let mut list = unfinished.list(&Part::db_wal(), 1, 1).unwrap();
    let time = || "2015-10-21T07:28:00Z".parse().unwrap();
    let mut gone = ListLine::new(format!("{BASE}/tar_partitions/part_00000000.tar.lzo"), 7, "e", time());
    gone.outcome = Outcome::Failed("the disk of the gateway".to_owned());
    list.add(&gone).unwrap();
    let key = format!("{BASE}_backup_stop_sentinel.json");
    let mut file = objects.new_object(&key, "").unwrap();
    file.write_all(b"{\"wal_segment_backup_stop\":\"000000010000000000000002\"}").unwrap();
    let stored = file.commit(0o400, None, false).unwrap();
    let mut line = ListLine::new(&*key, stored.size_bytes, "e", time());
    line.sha256 = stored.sha256;
    list.add(&line.stored_at(&stored.path)).unwrap();
    let sealed = list.finish().unwrap();
    let mut entry = PartEntry::new(PartOutcome::Stored);
    (entry.lists, entry.counts, entry.bytes) = (vec![sealed.name], sealed.counts, sealed.bytes);
    let start = unfinished.name().time().unwrap();
    let manifest = Manifest::of_run((start, start), [(Part::db_wal(), entry)].into());
    unfinished.commit(Manifest { program: "deis-store 0.1.0".to_owned(), ..manifest }).unwrap()
}

const BASE: &str = "basebackups_005/base_000000010000000000000002_00000040";

#[tokio::test]
async fn what_is_lost_is_said_and_a_base_backup_that_needs_it_is_not_served() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = with_a_lost_partition(&scratch.path().join("repository"));
    let bucket = BucketName::new("db_wal").unwrap();
    for writes in [None, Some(scratch.path().join("writes")), Some(scratch.path().join("writes"))] {
        let (run, heard) = Heard::run();
        let options = ServeOptions { listen: ([127, 0, 0, 1], 0).into(), writes, ..ServeOptions::default() };
        let serving = serve(&snapshot, options, &run).await.unwrap();
        let client = client(&serving, serving.credentials().clone());
        let listed: Vec<_> = client.list(&bucket, "").try_collect().await.unwrap();
        assert!(listed.is_empty(), "{listed:?}");
        let notes = heard.notes().join("\n");
        for said in ["1 objects of db_wal are not served", "sentinel.json` of db_wal is not served"] {
            assert!(notes.contains(said), "{notes}");
        }
        run.stop.stop();
        serving.until_stopped().await.unwrap();
    }
}

#[tokio::test]
async fn a_platform_that_would_begin_with_an_empty_bucket_is_not_published_to_unless_confirmed() {
    let place = Place::new();
    let memory = Memory::with(&[("/deis/database/bucketName", "other")]);
    let refused = missing::of_platform(&place.snapshot, &Etcd::new(memory.clone())).await.unwrap().unwrap();
    assert_eq!(refused.kind(), ErrorKind::Guard);
    assert!(
        refused.what().contains("db_wal is in the bucket db_wal, and the platform uses other"),
        "{refused}"
    );
    let (run, heard) = Heard::run();
    let serving = place.serve(place.published(&memory), &run).await;
    assert!(heard.notes().iter().any(|note| note.contains("uses other")), "{:?}", heard.notes());
    drop(serving);
    let without = with_a_lost_partition(&place.scratch.path().join("another"));
    for (keys, what) in [
        (&[("/deis/store/fsid", "x")][..], Some("the snapshot has no registry")),
        (&[("/deis/registry/s3bucket", "images")], None),
    ] {
        let refused = missing::of_platform(&without, &Etcd::new(Memory::with(keys))).await.unwrap();
        assert_eq!(refused.is_some(), what.is_some(), "{refused:?}");
        assert!(refused.is_none_or(|error| error.what().ends_with(what.unwrap_or_default())));
    }
}

#[tokio::test]
async fn what_the_disk_refuses_is_told() {
    let place = Place::new();
    let (run, heard) = Heard::run();
    let serving = place.serve(place.options(), &run).await;
    std::fs::remove_file(place.snapshot.path().join("registry/a")).unwrap();
    assert!(get(&client(&serving, serving.credentials().clone()), "a").await.is_err());
    run.stop.stop();
    serving.until_stopped().await.unwrap();
    assert!(heard.notes().iter().any(|note| note.contains("registry/a")), "{:?}", heard.notes());
}
