//! Buckets that were changed at random, for as long as is asked: each of them gets a verdict.

mod registry;
mod wal_e;

use super::{Judge, Judged, Seen};

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
