//! The program is killed while it takes writes: all that it has acknowledged is there when it is started again, and of the rest
//! nothing is half there.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use deis_store::http::Body;
use deis_store::s3::op::PutObject;
use deis_store::s3::{Client, ObjectKey};
use md5::Digest as _;

use super::{Served, golden, of_keys, serving};
use crate::main_job::{block, bucket};
use crate::program::path;

/// The system calls at which it is killed, each with the numbers of the call in the thread that makes it. A start makes the first of
/// them; the rest are spread over the threads that wait for the disk, each time in another way.
const CALLS: [(&str, &[usize]); 6] = [
    ("fsync", &[2, 3, 4, 5, 6, 7, 8]),
    ("renameat", &[1, 2, 3]),
    ("fchmod", &[1, 2]),
    ("unlinkat", &[1, 2]),
    ("write", &[12, 16, 20]),
    ("openat", &[72, 74, 76]),
];

/// Fewer kills while it takes writes would prove too little.
const KILLS: usize = 10;

/// What an object has, or that there is none.
type Objects = BTreeMap<String, Option<Vec<u8>>>;

async fn put(client: &Client, key: &str, bytes: &[u8]) -> deis_store::Result<()> {
    let (bucket, key) = (bucket("registry"), ObjectKey::new(key).unwrap());
    let md5 = md5::Md5::digest(bytes).into();
    let operation = PutObject::new(&bucket, &key, bytes.len() as u64, md5).unwrap();
    client.put(&operation, &Body::Bytes(Bytes::copy_from_slice(bytes))).await
}

async fn get(client: &Client, key: &str) -> Option<Vec<u8>> {
    let mut download = client.get(&bucket("registry"), &ObjectKey::new(key).unwrap()).await.ok()?;
    let mut whole = Vec::new();
    while let Some(bytes) = download.try_next().await.unwrap() {
        whole.extend_from_slice(&bytes);
    }
    Some(whole)
}

/// Writes and deletes until it fails. What was acknowledged, and what the one request that was not may have made.
async fn work(client: &Client) -> (Objects, Option<(String, Option<Vec<u8>>)>) {
    let mut acknowledged = Objects::new();
    for round in 0..12_u8 {
        let key = format!("k{}", round % 5);
        let (made, done) = if round % 4 == 3 {
            let deleted = client.delete(&bucket("registry"), &ObjectKey::new(&key).unwrap()).await;
            (None, deleted.map(drop))
        } else {
            let bytes = vec![round; 70_000 * usize::from(round % 3) + 5];
            let done = put(client, &key, &bytes).await;
            (Some(bytes), done)
        };
        if done.is_err() {
            return (acknowledged, Some((key, made)));
        }
        acknowledged.insert(key, made);
    }
    (acknowledged, None)
}

/// Whether it was killed at this call while it took writes.
fn killed(snapshot: &Path, calls: &str, number: usize) -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let writes = scratch.path().join("writes");
    let writes = ["--writes", writes.to_str().unwrap()];
    // So that the calls of the first start are not counted.
    assert_eq!(Served::start(&mut serving(snapshot, &writes)).stop("TERM").0, Some(0));
    let mut program = Command::new("strace");
    program.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", "/nonexistent");
    of_keys(&mut program);
    program.args(["-f", "-qqq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
    program.args(["-e", &format!("inject={calls}:signal=KILL:when={number}")]).arg(path());
    program.arg("serve").arg(snapshot).args(["--listen", "127.0.0.1:0"]).args(writes);
    let started = std::panic::catch_unwind(AssertUnwindSafe(|| Served::start(&mut program)));
    // One that was killed before it listened has acknowledged nothing.
    let (acknowledged, doubtful) = match &started {
        Ok(served) => block(work(&served.client())),
        Err(_) => (Objects::new(), None),
    };
    let was_killed = doubtful.is_some();
    if let Ok(served) = started {
        // strace ends with it.
        served.end_what_it_runs();
    }

    let served = Served::start(&mut serving(snapshot, &writes));
    let client = served.client();
    for (key, bytes) in &acknowledged {
        let found = block(get(&client, key));
        let is_doubtful = doubtful.as_ref().is_some_and(|(doubtful, made)| doubtful == key && found == *made);
        assert!(found == *bytes || is_doubtful, "{key}, killed at {calls} {number}");
    }
    if let Some((key, made)) = &doubtful
        && !acknowledged.contains_key(key)
    {
        let found = block(get(&client, key));
        assert!(found.is_none() || found == *made, "{key} is half there, killed at {calls} {number}");
    }
    block(put(&client, "afterwards", b"it goes on")).unwrap();
    assert_eq!(served.stop("TERM").0, Some(0));
    was_killed
}

#[test]
fn whenever_a_served_snapshot_is_killed_what_it_has_acknowledged_is_there_and_nothing_is_half() {
    let scratch = tempfile::tempdir().unwrap();
    let snapshot = golden(scratch.path());
    let each = CALLS.iter().flat_map(|(call, numbers)| numbers.iter().map(move |number| (*call, *number)));
    let kills = each.filter(|(call, number)| killed(&snapshot, call, *number)).count();
    eprintln!("{kills} runs were killed while they took writes");
    assert!(kills >= KILLS, "only {kills} runs were killed");
}
