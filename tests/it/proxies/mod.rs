//! Proxies before a real gateway: what goes through them is what is there, or it is named.

mod changing;
mod flipping;
mod passing;
mod paths;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use deis_store::key_path;
use deis_store_tests::environment::Environment;
use deis_store_tests::nginx::{Nginx, Passing};
use tempfile::TempDir;

use crate::clusters::a;
use crate::program::{Ran, at_gateway};

/// Bodies of any size pass.
const ANY_SIZE: &str = "client_max_body_size 0;";

/// The files of a tree, by the path below it.
type Files = BTreeMap<String, Vec<u8>>;

/// A bucket of the test's own behind a proxy, and a directory.
struct Site {
    a: Environment,
    bucket: String,
    /// The URL of the proxy.
    proxy: String,
    scratch: TempDir,
    _nginx: Vec<Nginx>,
}

impl Site {
    /// Behind an nginx with these settings.
    fn behind(name: &str, settings: &str) -> Self {
        let to = a().gateway_address().unwrap().to_owned();
        Self::behind_each(name, &[Passing { to: &to, settings }])
    }

    /// Behind the last one of several, each of which passes on to the one before.
    fn behind_each(name: &str, each: &[Passing<'_>]) -> Self {
        let (a, scratch, mut nginx) = (a(), tempfile::tempdir().unwrap(), Vec::<Nginx>::new());
        for passing in each {
            let before = nginx.last().map(|nginx| nginx.address().to_owned());
            let passing = Passing { to: before.as_deref().unwrap_or(passing.to), ..*passing };
            nginx.push(Nginx::start(scratch.path(), passing).unwrap());
        }
        let proxy = nginx.last().unwrap().url();
        Self::made(Self { a, bucket: format!("proxies-{name}"), proxy, scratch, _nginx: nginx })
    }

    /// Behind a proxy with this URL.
    fn at(name: &str, proxy: String) -> Self {
        let (a, scratch) = (a(), tempfile::tempdir().unwrap());
        Self::made(Self { a, bucket: format!("proxies-{name}"), proxy, scratch, _nginx: Vec::new() })
    }

    fn made(self) -> Self {
        self.directly(&["s3", "mb", &self.place("")]).code(0);
        self
    }

    fn place(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    fn path(&self, name: &str) -> String {
        self.scratch.path().join(name).to_str().unwrap().to_owned()
    }

    /// The program behind the proxy.
    fn through(&self, arguments: &[&str]) -> Ran {
        at_gateway(&self.proxy, &self.a, &self.a.secret_key, arguments)
    }

    /// The program at the gateway itself.
    fn directly(&self, arguments: &[&str]) -> Ran {
        at_gateway(&self.a.gateways[0], &self.a, &self.a.secret_key, arguments)
    }

    /// Stores an object, at the gateway itself.
    fn store(&self, key: &str, bytes: &[u8]) {
        let path = self.path("stored");
        std::fs::write(&path, bytes).unwrap();
        self.directly(&["s3", "put", &path, &self.place(key)]).code(0);
    }

    /// The bytes of an object, read at the gateway itself.
    fn stored(&self, key: &str) -> Option<Vec<u8>> {
        let path = self.path("read");
        let ran = self.directly(&["s3", "get", &self.place(key), &path, "--force"]);
        (ran.code == Some(0)).then(|| std::fs::read(path).unwrap())
    }

    /// The keys, read at the gateway itself.
    fn keys(&self) -> Vec<String> {
        let listed = self.directly(&["--json", "s3", "ls", "-r", &self.place("")]).code(0).json();
        let objects = listed["report"]["objects"].as_array().unwrap();
        objects.iter().map(|object| object["key"].as_str().unwrap().to_owned()).collect()
    }

    /// A backup of the bucket through the proxy, and its snapshot if there is one.
    fn backup(&self) -> (Ran, Option<PathBuf>) {
        let (repository, part) = (self.path("repository"), format!("bucket.{}", self.bucket));
        let words = ["--json", "backup", &repository, "--bucket", &self.bucket, "--only", &part];
        let ran = self.through(&words);
        let snapshot = std::fs::read_dir(&repository).into_iter().flatten();
        let mut snapshot = snapshot.map(|entry| entry.unwrap().path());
        (ran, snapshot.find(|path| path.join("manifest.json").exists()))
    }

    /// Where a snapshot has an object.
    fn in_snapshot(&self, snapshot: &Path, key: &str) -> PathBuf {
        let part = snapshot.join(format!("bucket.{}", self.bucket));
        key_path::encode(key).iter().fold(part, |path, name| path.join(name))
    }
}

/// A tree with text that can be compressed, an empty file and a big one.
fn tree() -> Files {
    let made = |size: usize, seed: usize| -> Vec<u8> {
        (0..size).map(|index| u8::try_from((index * 31 + index / 251 * 7 + seed) % 251).unwrap()).collect()
    };
    let mut files = Files::from([
        ("empty".to_owned(), Vec::new()),
        ("page.html".to_owned(), "<p>text</p>\n".repeat(2000).into_bytes()),
        ("a b+c é&d".to_owned(), made(99, 1)),
        ("dir/q?x#y;z".to_owned(), made(7, 2)),
        ("dir/big".to_owned(), made(3_000_001, 3)),
    ]);
    files.extend((0..40).map(|number| (format!("dir/many/{number:02}"), made(1000 + number, number))));
    files
}

fn plant(directory: &str, files: &Files) {
    for (name, bytes) in files {
        let path = Path::new(directory).join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
}

#[track_caller]
fn are_planted(directory: &str, files: &Files) {
    for (name, bytes) in files {
        assert!(std::fs::read(Path::new(directory).join(name)).unwrap() == *bytes, "{name}");
    }
}
