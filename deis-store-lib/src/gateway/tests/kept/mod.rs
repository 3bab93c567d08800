//! Writes that are kept above a snapshot: what was acknowledged is there after every end, and nothing else.

mod lives;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt as _;
use tempfile::TempDir;

use super::*;
use crate::error::ErrorKind;
use crate::gateway::{HeldBackParts, Limits};
use crate::snapshot::{SnapshotReader, sample};

/// A snapshot, and a directory for the writes.
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

    fn writes(&self) -> PathBuf {
        self.scratch.path().join("writes")
    }

    fn open(&self) -> crate::Result<Store> {
        Store::with_writes(&self.snapshot, &HeldBackParts::new(), &self.writes(), "a test")
    }

    /// The gateway before was not stopped, and may still hold the directory for a moment.
    async fn open_when_free(&self) -> crate::Result<Store> {
        loop {
            match self.open() {
                Err(error) if error.kind() == ErrorKind::Locked => {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                opened => break opened,
            }
        }
    }

    /// A gateway on it.
    async fn start(&self) -> Harness {
        let store = self.open_when_free().await.unwrap();
        store.set_limits(Limits { least_part_bytes: 3, ..Limits::default() });
        Harness::of(store, Arc::new(SystemClock)).await
    }

    fn files(&self) -> usize {
        fs::read_dir(self.writes().join("objects")).unwrap().count()
    }
}

/// All files below a directory.
fn tree(directory: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(tree(&path));
        } else {
            files.insert(path.clone(), fs::read(&path).unwrap());
        }
    }
    files
}

/// All objects of a gateway: bytes, `ETag` and type, by bucket and key.
type Objects = BTreeMap<String, BTreeMap<String, (Vec<u8>, String, String)>>;

async fn objects(harness: &Harness) -> Objects {
    let mut objects = Objects::new();
    for bucket in harness.client.buckets().await.unwrap() {
        let name = BucketName::new(&bucket.name).unwrap();
        let mut inside = BTreeMap::new();
        let mut listing = harness.client.list(&name, "");
        while let Some(listed) = listing.try_next().await.unwrap() {
            let key: String = listed.key.into();
            let mut download = harness.client.get(&name, &ObjectKey::new(&key).unwrap()).await.unwrap();
            let mut whole = Vec::new();
            while let Some(bytes) = download.try_next().await.unwrap() {
                whole.extend_from_slice(&bytes);
            }
            let info = download.info().clone();
            inside.insert(key, (whole, info.etag, info.content_type));
        }
        objects.insert(bucket.name, inside);
    }
    objects
}

#[tokio::test]
async fn what_was_written_deleted_copied_and_begun_is_there_after_a_start_and_the_snapshot_is_as_it_was() {
    let place = Place::new();
    let as_it_was = tree(place.snapshot.path());
    let harness = place.start().await;
    let ask = async |method: Method, target: &str, headers: &[(&str, &str)], body: &'static str| {
        let got = harness.ask(method, target, headers, body).await;
        assert!(got.head.status.is_success(), "{target}: {}", got.body);
        got
    };
    let odd = [("content-type", "x/y"), ("x-amz-meta-odd", "é€"), ("x-amz-acl", "public-read")];
    ask(Method::PUT, "/registry/new%0A", &odd, "new").await;
    ask(Method::PUT, "/registry/a", &[], "other").await;
    ask(Method::PUT, "/registry/a", &[], "another").await;
    ask(Method::DELETE, "/registry/a/b", &[], "").await;
    ask(Method::PUT, "/registry/copy", &[("x-amz-copy-source", "/registry//registry/one")], "").await;
    ask(Method::DELETE, "/registry//registry/one", &[], "").await;
    ask(Method::PUT, "/fresh", &[], "").await;
    ask(Method::PUT, "/fresh/empty", &[], "").await;
    ask(Method::PUT, "/gone", &[], "").await;
    ask(Method::DELETE, "/gone", &[], "").await;
    let upload = ask(Method::POST, "/fresh/parts?uploads", &[("content-type", "p/q")], "").await;
    let id = upload.element("UploadId").to_owned();
    let first = ask(Method::PUT, &format!("/fresh/parts?partNumber=1&uploadId={id}"), &[], "one").await;
    let range = [("x-amz-copy-source", "/registry//registry/two"), ("x-amz-copy-source-range", "bytes=0-4")];
    let second = ask(Method::PUT, &format!("/fresh/parts?partNumber=2&uploadId={id}"), &range, "").await;
    let other = ask(Method::POST, "/fresh/left?uploads", &[], "").await.element("UploadId").to_owned();
    ask(Method::DELETE, &format!("/fresh/left?uploadId={other}"), &[], "").await;
    let before = objects(&harness).await;
    drop(harness);

    let harness = place.start().await;
    assert_eq!(objects(&harness).await, before);
    assert_eq!(before["registry"].len(), 5, "{before:?}");
    let new = harness.ask(Method::GET, "/registry/new%0A", &[], "").await;
    assert_eq!((new.body.as_str(), new.head.text("x-amz-meta-odd")), ("new", "é€".to_owned()));
    let acl = harness.ask(Method::GET, "/registry/new%0A?acl", &[], "").await;
    assert!(acl.body.contains("AllUsers"), "{}", acl.body);
    assert_eq!(before["registry"]["copy"].0, b"bytes of /registry/one");
    // The upload goes on, and no later one has its id.
    let parts = [(1, first.head.text("etag")), (2, second.element("ETag").to_owned())];
    let parts = parts
        .map(|(number, etag)| format!("<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"));
    let body = format!("<CompleteMultipartUpload>{}</CompleteMultipartUpload>", parts.concat());
    let done = harness.ask(Method::POST, &format!("/fresh/parts?uploadId={id}"), &[], body.clone()).await;
    assert_eq!((done.status(), done.element("ETag")), (200, ""), "{}", done.body);
    let next = harness.ask(Method::POST, "/fresh/x?uploads", &[], "").await;
    assert!(![&id, &other].map(String::as_str).contains(&next.element("UploadId")));
    drop(harness);

    let harness = place.start().await;
    let made = harness.ask(Method::GET, "/fresh/parts", &[], "").await;
    assert_eq!((made.body.as_str(), made.head.text("content-type")), ("onebytes", "p/q".to_owned()));
    let again = harness.ask(Method::POST, &format!("/fresh/parts?uploadId={id}"), &[], body).await;
    assert!(again.element("ETag").ends_with("-2"), "{}", again.body);
    assert!(tree(place.snapshot.path()) == as_it_was, "the snapshot was written to");
}

#[tokio::test]
async fn files_go_when_nothing_needs_them_and_never_with_the_gateway() {
    let place = Place::new();
    let harness = place.start().await;
    for body in ["one", "two", "three"] {
        harness.ask(Method::PUT, "/registry/k", &[], body).await;
    }
    assert_eq!(place.files(), 1);
    harness.ask(Method::PUT, "/registry/copy", &[("x-amz-copy-source", "/registry/k")], "").await;
    harness.ask(Method::DELETE, "/registry/k", &[], "").await;
    assert_eq!(place.files(), 1, "the copy needs it");
    harness.ask(Method::PUT, "/registry/refused", &[("if-match", "x")], "x").await;
    assert_eq!(place.files(), 1);
    // What a process that was killed has left.
    for name in ["00000000000000ff", "%part.0123"] {
        fs::write(place.writes().join("objects").join(name), "x").unwrap();
    }
    drop(harness);
    let harness = place.start().await;
    assert_eq!(place.files(), 1);
    assert_eq!(harness.ask(Method::GET, "/registry/copy", &[], "").await.body, "three");
    harness.ask(Method::DELETE, "/registry/copy", &[], "").await;
    assert_eq!(place.files(), 0);
}

#[tokio::test]
async fn wherever_the_journal_breaks_off_whole_requests_are_there_and_it_goes_on() {
    let place = Place::new();
    let harness = place.start().await;
    harness.ask(Method::PUT, "/registry/k1", &[], "1").await;
    let delete = "<Delete><Object><Key>a</Key></Object><Object><Key>a/b</Key></Object></Delete>";
    harness.ask(Method::POST, "/registry?delete", &[], delete).await;
    harness.ask(Method::PUT, "/registry/k2", &[], "2").await;
    drop(harness);
    drop(place.open_when_free().await.unwrap());
    let whole = fs::read(place.writes().join("journal")).unwrap();
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').map(|at| at + 1).collect();
    assert_eq!(ends.len(), 4);
    for length in (ends[0]..=whole.len()).step_by(7).chain(ends.iter().copied()) {
        let copy = Place { scratch: tempfile::tempdir().unwrap(), snapshot: place.snapshot.clone() };
        copy_all(&place.writes(), &copy.writes());
        fs::write(copy.writes().join("journal"), &whole[..length]).unwrap();
        let store = copy.open().unwrap();
        let lines = ends[1..].iter().filter(|end| **end <= length).count();
        let keys: Vec<String> = store.buckets()["registry"].objects.keys().cloned().collect();
        let expected = [
            &["/registry/one", "/registry/two", "a", "a/b", "d/"][..],
            &["/registry/one", "/registry/two", "a", "a/b", "d/", "k1"],
            &["/registry/one", "/registry/two", "d/", "k1"],
            &["/registry/one", "/registry/two", "d/", "k1", "k2"],
        ];
        assert_eq!(keys, expected[lines], "{length}");
        drop(store);
        let harness = copy.start().await;
        harness.ask(Method::PUT, "/registry/later", &[], "later").await;
        drop(harness);
        let harness = copy.start().await;
        assert_eq!(harness.ask(Method::GET, "/registry/later", &[], "").await.body, "later", "{length}");
    }
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("objects")).unwrap();
    for directory in ["", "objects"] {
        for entry in fs::read_dir(from.join(directory)).unwrap() {
            let entry = entry.unwrap();
            if entry.path().is_file() {
                fs::copy(entry.path(), to.join(directory).join(entry.file_name())).unwrap();
            }
        }
    }
}

#[tokio::test]
async fn damage_is_one_clear_error_and_removes_nothing() {
    let place = Place::new();
    let harness = place.start().await;
    for key in ["k1", "k2", "k3"] {
        harness.ask(Method::PUT, &format!("/registry/{key}"), &[], key).await;
    }
    drop(harness);
    drop(place.open_when_free().await.unwrap());
    let journal = place.writes().join("journal");
    let whole = fs::read(&journal).unwrap();
    // In the first line, in the middle, and in the last one, which was acknowledged as well.
    let ends: Vec<usize> = (0..whole.len()).filter(|at| whole[*at] == b'\n').collect();
    for at in [0, 20, ends[0] / 2, ends[0], ends[1] - 9, ends[1], ends[2] + 3, ends[3] - 40, ends[3] - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs::write(&journal, flipped).unwrap();
        assert_eq!(place.open().unwrap_err().kind(), ErrorKind::Damaged, "{at}");
    }
    fs::write(&journal, &whole).unwrap();
    let file = place.writes().join("objects").join("0000000000000001");
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, "longer than it was").unwrap();
    let error = place.open().unwrap_err();
    assert!(error.kind() == ErrorKind::Damaged && error.to_string().contains("0000000000000001"), "{error}");
    fs::remove_file(&file).unwrap();
    assert_eq!(place.open().unwrap_err().kind(), ErrorKind::Damaged);
    fs::write(&file, bytes).unwrap();
    for length in [0, ends[0]] {
        fs::write(&journal, &whole[..length]).unwrap();
        assert_eq!(place.open().unwrap_err().kind(), ErrorKind::Damaged, "{length}");
    }
    fs::remove_file(&journal).unwrap();
    assert_eq!(place.open().unwrap_err().kind(), ErrorKind::Occupied);
    for record in ["[{\"later\":{}}]", "[{\"delete_object\":{\"bucket\":\"none\",\"key\":\"k\"}}]", "7"] {
        fs::write(&journal, [&whole[..=ends[0]], &crate::disk::sealed(record)].concat()).unwrap();
        assert_eq!(place.open().unwrap_err().kind(), ErrorKind::Damaged, "{record}");
    }
    fs::write(&journal, &whole).unwrap();
    assert_eq!(place.files(), 3);
    drop(place.open().unwrap());
}

#[tokio::test]
async fn the_directory_belongs_to_one_snapshot_and_one_store_at_a_time() {
    let (place, other) = (Place::new(), Place::new());
    let store = place.open().unwrap();
    let error = place.open().unwrap_err();
    assert!(error.kind() == ErrorKind::Locked && error.to_string().contains("a test"), "{error}");
    drop(store);
    drop(place.open().unwrap());
    std::thread::sleep(Duration::from_millis(1100));
    let another = sample::build(&other.scratch.path().join("later"));
    let refused = |snapshot: &SnapshotReader, path: &Path| {
        Store::with_writes(snapshot, &HeldBackParts::new(), path, "x").unwrap_err().kind()
    };
    assert_eq!(refused(&another, &place.writes()), ErrorKind::Guard);
    for below in ["", "below", "below/deeper"] {
        assert_eq!(refused(&place.snapshot, &place.snapshot.path().join(below)), ErrorKind::Usage, "{below}");
    }
    assert!(!place.snapshot.path().join("below").exists());
    assert_eq!(refused(&place.snapshot, &place.scratch.path().join("repository")), ErrorKind::Occupied);
    fs::write(place.writes().join("journal"), crate::disk::sealed("{}")).unwrap();
    assert_eq!(refused(&place.snapshot, &place.writes()), ErrorKind::Damaged);
}

#[tokio::test]
async fn a_disk_that_takes_nothing_is_said_and_what_was_acknowledged_stays() {
    let place = Place::new();
    let store = Arc::new(place.open().unwrap());
    let keys = Harness::of_shared(store.clone()).await;
    keys.ask(Method::PUT, "/registry/k", &[], "kept").await;
    // In place of the directory of the files.
    let (objects, away) = (place.writes().join("objects"), place.writes().join("away"));
    fs::rename(&objects, &away).unwrap();
    fs::remove_dir_all(&away).unwrap_or_default();
    let refused = keys.ask(Method::PUT, "/registry/more", &[], "x").await;
    assert_eq!((refused.status(), refused.code()), (500, "InternalError"));
    let failure = store.take_failure().unwrap();
    assert_eq!(failure.kind(), ErrorKind::Disk, "{failure}");
    assert!(store.take_failure().is_none());
    assert_eq!(keys.ask(Method::HEAD, "/registry/more", &[], "").await.status(), 404);
}
