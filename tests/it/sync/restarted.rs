//! A real gateway that is killed during a sync. If it comes back in time, the run succeeds. If it does not, the run
//! ends with an error, and the next run continues from there.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use deis_store::s3::{Client, ObjectKey};
use deis_store_tests::ceph::FurtherGateway;
use deis_store_tests::environment::Environment;
use futures_util::TryStreamExt as _;

use super::{Synced, files, write};
use crate::clusters::{a, client};
use crate::main_job::{block, bucket};
use crate::program::{Ran, command};

const SMALL: usize = 120;
const SMALL_BYTES: usize = 100_000;
/// The size of the large file: too large for one request.
const LARGE_BYTES: usize = 65 << 20;
/// The limited rate, so slow that the run takes some seconds.
const RATE: &str = "12m";
/// The number of transferred files after which the gateway is killed.
const UNTIL_THE_KILL: usize = 20;

struct Scene {
    a: Environment,
    /// A client of the gateway that always serves, for checks.
    client: Client,
    scratch: tempfile::TempDir,
    gateway: FurtherGateway,
    name: &'static str,
}

impl Scene {
    /// A directory full of files, a bucket of this name, and a gateway that can be killed.
    fn new(name: &'static str) -> Self {
        let (a, scratch) = (a(), tempfile::tempdir().unwrap());
        let gateway_files = scratch.path().join("gateway");
        fs::create_dir(&gateway_files).unwrap();
        let gateway = FurtherGateway::start(&a.directory, &gateway_files).unwrap();
        let client = client(&a);
        block(client.create_bucket(&bucket(name))).unwrap();
        let scene = Self { a, client, scratch, gateway, name };
        for number in 0..SMALL {
            let bytes: Vec<u8> =
                (0..SMALL_BYTES).map(|index| u8::try_from((index + number * 7) % 251).unwrap()).collect();
            write(&scene.path("source").join(format!("d/{number:03}")), &bytes);
        }
        let large: Vec<u8> = (0..LARGE_BYTES).map(|index| u8::try_from(index % 253).unwrap()).collect();
        write(&scene.path("source").join("large"), &large);
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    fn tree(&self, name: &str) -> String {
        format!("{}/", self.path(name).to_str().unwrap())
    }

    fn place(&self) -> String {
        format!("s3://{}", self.name)
    }

    /// Begins a sync.
    fn begin(&self, gateway: &str, words: &[&str]) -> Child {
        let mut command = command();
        command.env("AWS_ACCESS_KEY_ID", &self.a.access_key).env("AWS_SECRET_ACCESS_KEY", &self.a.secret_key);
        command.args(["--gateway", gateway, "--json", "s3", "sync"]).args(words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    fn sync(&self, words: &[&str]) -> Synced {
        ended(self.begin(&self.a.gateways[0], words))
    }

    /// Runs a sync, and kills the gateway when enough files are transferred. Calls `then`, and waits for the run's end.
    fn killed(
        &mut self,
        words: &[&str],
        across: impl Fn(&Self) -> usize,
        then: impl FnOnce(&mut Self),
    ) -> Synced {
        let mut child = self.begin(&self.gateway.url(), words);
        let end = Instant::now() + Duration::from_mins(1);
        while across(self) < UNTIL_THE_KILL {
            assert!(Instant::now() < end && child.try_wait().unwrap().is_none(), "it is under way");
            std::thread::sleep(Duration::from_millis(20));
        }
        self.gateway.kill();
        assert!(across(self) <= SMALL, "not all is across");
        assert!(child.try_wait().unwrap().is_none(), "it is still under way");
        then(self);
        ended(child)
    }

    /// The objects: key → time of writing.
    fn objects(&self) -> BTreeMap<String, String> {
        let listing = self.client.list(&bucket(self.name), "");
        block(listing.map_ok(|object| (object.key.into(), object.modified.to_string())).try_collect())
            .unwrap()
    }
}

fn ended(child: Child) -> Synced {
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Synced::of(Ran { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) })
}

/// The whole files: name → inode.
fn inodes(directory: &Path) -> BTreeMap<String, u64> {
    let whole = |name: &str| !name.contains("%part");
    let Ok(entries) = fs::read_dir(directory.join("d")) else { return BTreeMap::new() };
    entries
        .map(|entry| entry.unwrap())
        .filter(|entry| whole(entry.file_name().to_str().unwrap()))
        .filter_map(|entry| Some((entry.file_name().into_string().unwrap(), entry.metadata().ok()?.ino())))
        .collect()
}

fn same_files(one: &Path, other: &Path) {
    assert!(files(one) == files(other), "{:?} {:?}", files(one).keys(), files(other).keys());
}

const ALL: u64 = SMALL as u64 + 1;

#[test]
fn a_sync_up_outlives_a_gateway_that_is_killed_and_started_again_or_goes_on_in_the_next_run() {
    let mut scene = Scene::new("sync_restarted_up");
    let (source, place) = (scene.tree("source"), scene.place());
    let words = [&*source, &place, "--limit-rate", RATE];
    let restart = |scene: &mut Scene| scene.gateway.start_again().unwrap();
    let synced = scene.killed(&words, |scene| scene.objects().len(), restart).code(0);
    assert_eq!(synced.count("stored"), ALL, "{:#?}", synced.ran.stderr);
    scene.sync(&[&place, &scene.tree("back")]).code(0);
    same_files(&scene.path("back"), &scene.path("source"));

    // Now the gateway does not come back.
    let keys: Vec<ObjectKey> = scene.objects().into_keys().map(|key| ObjectKey::new(key).unwrap()).collect();
    assert!(block(scene.client.delete_all(&bucket(scene.name), &keys)).unwrap().is_empty());
    let synced = scene.killed(&words, |scene| scene.objects().len(), |_| ()).code(6);
    assert_eq!(synced.ran.json()["error"]["kind"], "unreachable", "{synced:#?}");
    let before = scene.objects();
    assert!((UNTIL_THE_KILL..SMALL).contains(&before.len()), "{}", before.len());
    let synced = scene.sync(&[&source, &place]).code(0);
    assert_eq!((synced.count("unchanged"), synced.count("listed")), (before.len() as u64, ALL));
    let after = scene.objects();
    assert!(before.iter().all(|(key, modified)| after[key] == *modified), "what was there is not sent again");
    let again = scene.tree("again");
    scene.sync(&[&place, &again]).code(0);
    same_files(&scene.path("again"), &scene.path("source"));
}

#[test]
fn a_sync_down_outlives_a_gateway_that_is_killed_and_started_again_or_goes_on_in_the_next_run() {
    let mut scene = Scene::new("sync_restarted_down");
    let place = scene.place();
    scene.sync(&[&scene.tree("source"), &place]).code(0);
    let (first, second) = (scene.tree("first"), scene.tree("second"));
    let restart = |scene: &mut Scene| scene.gateway.start_again().unwrap();
    let words = |tree| [&*place, tree, "--limit-rate", RATE];
    let synced = scene.killed(&words(&first), |scene| inodes(&scene.path("first")).len(), restart).code(0);
    assert_eq!(synced.count("stored"), ALL, "{:#?}", synced.ran.stderr);
    same_files(&scene.path("first"), &scene.path("source"));

    // Now the gateway does not come back.
    let synced = scene.killed(&words(&second), |scene| inodes(&scene.path("second")).len(), |_| ()).code(6);
    assert_eq!(synced.ran.json()["error"]["kind"], "unreachable", "{synced:#?}");
    let before = inodes(&scene.path("second"));
    let synced = scene.sync(&[&place, &second]).code(0);
    assert_eq!((synced.count("unchanged"), synced.count("listed")), (before.len() as u64, ALL));
    let after = inodes(&scene.path("second"));
    assert!(before.iter().all(|(name, inode)| after[name] == *inode), "what was there is not fetched again");
    same_files(&scene.path("second"), &scene.path("source"));
}
