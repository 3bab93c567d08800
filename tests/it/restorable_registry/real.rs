//! A real registry of distribution 2 over a directory, and the real client that pushes images into it and pulls them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use deis_store_tests::process::{Goodbye, Server, program, run};
use deis_store_tests::{http, port};
use tempfile::TempDir;

use super::layout;

/// The objects of a bucket by their keys.
pub(super) type Objects = BTreeMap<String, Vec<u8>>;

/// The tags that are pushed, each as a client names it. `multi` is a list of two images, `v0` is of schema 1, `latest` of
/// schema 2, and the others are of the OCI. The lowest layer is the same in all of them.
pub(super) const TAGS: [&str; 5] = ["app:multi", "app:v1", "app:v2", "team/old:v0", "team/tool:latest"];

/// The running registry. It stops when dropped.
pub(super) struct Registry {
    address: String,
    _server: Server,
    place: TempDir,
}

impl Registry {
    /// One that holds these objects.
    pub(super) fn of(objects: &Objects) -> Self {
        let place = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{}", port::free().unwrap());
        let root = place.path().join("root");
        fs::create_dir(&root).unwrap();
        for (key, body) in objects {
            write(&root.join(key), body);
        }
        let file = place.path().join("config.yml");
        fs::write(&file, configuration(&root, &address)).unwrap();
        let mut command = program("docker-registry");
        command.arg("serve").arg(&file);
        let log = place.path().join("log");
        let mut server = Server::start("docker-registry", command, &log, Goodbye::Kill).unwrap();
        server.wait_until(Duration::from_secs(20), || http::serves(&address)).unwrap();
        Self { address, _server: server, place }
    }

    /// What it holds once all tags are pushed.
    pub(super) fn pushed() -> Objects {
        let registry = Self::of(&Objects::new());
        let images = registry.place.path().join("images");
        layout::make(&images);
        for (name, tag, options) in [
            ("multi", "app:multi", &["--all"][..]),
            ("v1", "app:v1", &[]),
            ("v2", "app:v2", &[]),
            ("tool", "team/tool:latest", &["--format", "v2s2"]),
            ("v2", "team/old:v0", &["--format", "v2s1"]),
        ] {
            let mut copy = Self::skopeo();
            copy.args(["copy", "--quiet", "--dest-tls-verify=false"]).args(options);
            copy.arg(format!("oci:{}:{name}", images.display())).arg(registry.image(tag));
            run("Push an image", copy).unwrap();
        }
        objects_below(&registry.root())
    }

    /// Changes an object; nothing deletes it.
    pub(super) fn change(&self, key: &str, body: Option<&[u8]>) {
        let file = self.root().join(key);
        match body {
            Some(body) => write(&file, body),
            None => fs::remove_file(file).unwrap(),
        }
    }

    /// Those of the tags that it does not give with all that belongs to them.
    pub(super) fn refused(&self) -> Vec<&'static str> {
        std::thread::scope(|threads| {
            let pulls = TAGS.map(|tag| (tag, threads.spawn(move || self.gives(tag))));
            pulls.into_iter().filter_map(|(tag, pull)| (!pull.join().unwrap()).then_some(tag)).collect()
        })
    }

    fn gives(&self, tag: &str) -> bool {
        let to = tempfile::tempdir_in(self.place.path()).unwrap();
        let mut copy = Self::skopeo();
        copy.args(["copy", "--quiet", "--all", "--src-tls-verify=false"]).arg(self.image(tag));
        copy.arg(format!("dir:{}", to.path().display()));
        run("Pull an image", copy).is_ok()
    }

    /// Whether it gives the manifest of a tag, whatever that is.
    pub(super) fn gives_manifest(&self, tag: &str) -> bool {
        let mut inspect = Self::skopeo();
        inspect.args(["inspect", "--raw", "--tls-verify=false"]).arg(self.image(tag));
        run("Look at a manifest", inspect).is_ok()
    }

    /// Whether it gives a blob of a repository.
    pub(super) fn gives_blob(&self, repository: &str, digest: &str) -> bool {
        let target = format!("/v2/{repository}/blobs/{digest}");
        http::request(&self.address, "GET", &target, "").unwrap().status == 200
    }

    /// It keeps no memory of blobs: not root to it, it would have that in a directory that cannot be.
    fn skopeo() -> Command {
        let mut command = program("skopeo");
        command.env("_CONTAINERS_ROOTLESS_UID", "1").env("XDG_DATA_HOME", "/dev/null");
        command.arg("--insecure-policy");
        command
    }

    fn image(&self, tag: &str) -> String {
        format!("docker://{}/{tag}", self.address)
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }
}

/// The files below a directory, as objects.
pub(super) fn objects_below(root: &Path) -> Objects {
    let mut objects = Objects::new();
    let mut directories = vec![root.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let key = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                objects.insert(key, fs::read(path).unwrap());
            }
        }
    }
    objects
}

fn write(file: &Path, body: &[u8]) {
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, body).unwrap();
}

fn configuration(root: &Path, address: &str) -> String {
    format!(
        "version: 0.1
log: {{level: error}}
storage:
  filesystem: {{rootdirectory: {}}}
http: {{addr: {address}, secret: none}}
compatibility: {{schema1: {{enabled: true}}}}
",
        root.display()
    )
}
