//! Buckets that were changed at random, for as long as is asked: each of them gets a verdict.

mod registry;
mod wal_e;

use super::{Judge, Judged, Seen};
use crate::contents::random_changes::{change, choose};

type Objects = Vec<(String, Vec<u8>)>;

/// These objects after some changes of names and bytes, as a listing gives them.
fn objects_changed(whole: &Objects, random: &mut fastrand::Rng) -> Objects {
    let mut objects = whole.clone();
    for _ in 0..random.usize(1..6) {
        let at = random.usize(..objects.len());
        match random.u8(..8) {
            0 => drop(objects.remove(at)),
            1 => {
                let body = choose(random, whole).1.clone();
                objects[at].1 = body;
            }
            2 | 3 => {
                let mut key = objects[at].0.clone().into_bytes();
                change(&mut key, random);
                objects[at].0 = String::from_utf8_lossy(&key).into_owned();
            }
            _ => change(&mut objects[at].1, random),
        }
    }
    objects.sort();
    objects.dedup_by(|a, b| a.0 == b.0);
    objects
}

/// The verdict on these objects, some of which are not what they were, and how many rounds it took.
fn rounds(
    mut judge: Judge,
    objects: &[(String, Vec<u8>)],
    mut is_shown: impl FnMut() -> bool,
) -> (Judged, usize) {
    let mut rounds = 1;
    loop {
        for (key, bytes) in objects {
            if judge.see(Seen { key, modified: None, sha256: None }) {
                judge.show(key, is_shown().then_some(bytes.as_slice()));
            }
        }
        if !judge.next_round() {
            return (judge.judged(), rounds);
        }
        rounds += 1;
        // Each round but the last ones has read a manifest that no tag had read before it.
        assert!(rounds < objects.len() * objects.len() + 10, "no end of rounds");
    }
}
