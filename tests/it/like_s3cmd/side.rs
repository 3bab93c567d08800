//! One of the two programs, with a bucket and a directory of its own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store_tests::environment::Environment;
use futures_util::TryStreamExt as _;
use tokio::runtime::Runtime;

use super::{Case, Tree, Word};
use crate::clusters::client;
use crate::main_job::bucket;
use crate::program::{Ran, command, ran};
use crate::s3cmd::S3cmd;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    S3cmd,
    Ours,
}

pub(super) struct Side<'a> {
    cluster: &'a Environment,
    tool: Tool,
    client: Client,
    /// The bucket that is read or written to.
    bucket: BucketName,
    /// The bucket that is the source of a sync between two.
    from: BucketName,
    s3cmd: S3cmd,
    directory: PathBuf,
    runtime: Runtime,
}

impl<'a> Side<'a> {
    pub(super) fn new(cluster: &'a Environment, tool: Tool, thread: u64) -> Self {
        let (client, s3cmd, runtime) = (client(cluster), S3cmd::new(cluster), Runtime::new().unwrap());
        let name = format!("like_s3cmd_{}_{thread}", if tool == Tool::Ours { "ours" } else { "theirs" });
        let (bucket, from) = (bucket(&name), bucket(&format!("{name}_from")));
        for bucket in [&bucket, &from] {
            runtime.block_on(client.create_bucket(bucket)).unwrap();
        }
        let directory = PathBuf::from(s3cmd.path("files"));
        Self { cluster, tool, client, bucket, from, s3cmd, directory, runtime }
    }

    /// Makes all as it is before the case, and returns the state of the target.
    pub(super) fn prepare(&self, case: &Case) -> Tree {
        for (bucket, objects) in [(&self.bucket, &case.objects), (&self.from, &case.from)] {
            let there: Vec<ObjectKey> =
                self.keys(bucket).into_keys().map(|key| ObjectKey::new(key).unwrap()).collect();
            if !there.is_empty() {
                self.runtime.block_on(self.client.delete_all(bucket, &there)).unwrap();
            }
            for (key, content) in objects {
                let key = ObjectKey::new(key).unwrap();
                let put = self.client.put_bytes(bucket, &key, *content);
                self.runtime.block_on(async { put.await }).unwrap();
            }
        }
        let _ = fs::remove_dir_all(&self.directory);
        fs::create_dir_all(self.directory.join("dir")).unwrap();
        for (path, content) in &case.files {
            let path = self.directory.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        self.state(case)
    }

    /// The side that the case writes to.
    pub(super) fn state(&self, case: &Case) -> Tree {
        match case.word {
            Word::Get | Word::Down => files(&self.directory),
            _ => self.keys(&self.bucket),
        }
    }

    pub(super) fn run(&self, case: &Case) -> Ran {
        let word = match case.word {
            Word::Put => "put",
            Word::Get => "get",
            Word::Up | Word::Down | Word::Across => "sync",
        };
        let place = |place: &str| {
            let place = place.replace("{B}", self.bucket.as_str()).replace("{F}", self.from.as_str());
            place.replace("{D}", self.directory.to_str().unwrap())
        };
        let mut words = vec![word.to_owned(), place(&case.source), place(&case.target)];
        match case.word {
            Word::Put => words.push("--recursive".to_owned()),
            Word::Get => words.extend(["--recursive", "--force"].map(str::to_owned)),
            _ if case.delete_removed => words.push("--delete-removed".to_owned()),
            _ => {}
        }
        for (number, (option, value)) in case.options.iter().enumerate() {
            words.push(if case.in_file {
                let file = self.s3cmd.path(&format!("patterns{number}"));
                fs::write(&file, format!("# a comment\n\n  {value} \n")).unwrap();
                format!("{option}-from={file}")
            } else {
                format!("{option}={value}")
            });
        }
        let mut command = match self.tool {
            Tool::S3cmd => {
                let mut command = Command::new("s3cmd");
                command.env("LC_ALL", "C.UTF-8").args(["-c", &self.s3cmd.path("s3cfg"), "--no-progress"]);
                command
            }
            Tool::Ours => {
                let mut command = command();
                command.env("AWS_ACCESS_KEY_ID", &self.cluster.access_key);
                command.env("AWS_SECRET_ACCESS_KEY", &self.cluster.secret_key);
                command.args(["--gateway", &self.cluster.gateways[0], "s3"]);
                command
            }
        };
        ran(command.current_dir(self.directory.join(case.cwd)).args(words))
    }

    fn keys(&self, bucket: &BucketName) -> Tree {
        let listing = self.client.list(bucket, "");
        let all = listing.map_ok(|object| (object.key.to_string(), &*object.etag.leak()));
        self.runtime.block_on(all.try_collect()).unwrap()
    }
}

fn files(directory: &Path) -> Tree {
    let mut all = Tree::new();
    let mut left = vec![directory.to_owned()];
    while let Some(here) = left.pop() {
        for entry in fs::read_dir(here).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                left.push(entry);
            } else {
                let name = entry.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                all.insert(name, fs::read_to_string(entry).unwrap().leak());
            }
        }
    }
    all
}
