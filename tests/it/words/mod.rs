//! The words of `deis-store s3` beside s3cmd's, on a real radosgw. Words with the same meaning give the same result.

mod bad_input;
mod files;
mod mistakes;
mod objects;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use deis_store::s3::ObjectKey;
use deis_store_tests::environment::Environment;

use crate::clusters::{a, client};
use crate::main_job::{block, bucket, put};
use crate::program::on;
use crate::s3cmd::S3cmd;

/// A bucket of the test's own with these keys, each with its key as its bytes.
fn filled(name: &str, keys: &[&str]) -> (Environment, S3cmd) {
    let a = a();
    let (client, bucket) = (client(&a), bucket(name));
    block(client.create_bucket(&bucket)).unwrap();
    for key in keys {
        put(&client, &bucket, &ObjectKey::new(*key).unwrap(), content(key));
    }
    let s3cmd = S3cmd::new(&a);
    (a, s3cmd)
}

/// The key as static bytes, because the client keeps them.
fn content(key: &str) -> &'static [u8] {
    key.to_owned().leak().as_bytes()
}

fn listed(a: &Environment, place: &str) -> Vec<String> {
    let json = on(a, &["s3", "ls", "-r", place, "--json"]).code(0).json();
    let objects = json["report"]["objects"].as_array().unwrap();
    objects.iter().map(|object| object["key"].as_str().unwrap().to_owned()).collect()
}

/// The files below a directory, by path, with their content.
fn files(directory: &Path) -> BTreeMap<String, String> {
    fn walk(directory: &Path, root: &Path, files: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, root, files);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(directory, directory, &mut found);
    found
}

const ORDINARY: [&str; 7] = ["a/0001", "a/0002", "a/b/c.log", "ab", "d.txt", "wal_005/0000", "wal_005/x y"];
