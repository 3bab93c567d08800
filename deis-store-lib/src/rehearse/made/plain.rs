//! A made bucket of objects that do not refer to each other, such as an application's uploads: odd keys. Pure.

use super::object::{SampleObject, dated};
use super::sequence::Sequence;

/// 2015-09-03 00:00 UTC.
const START: i64 = 1_441_238_400;

/// Keys that S3 allows and nobody expects: each is a file of its own.
const KEYS: [&str; 16] = [
    "a",
    "a/b",
    "a//b",
    "/leading",
    "trailing/",
    ".",
    "..",
    "../escape",
    "100%",
    "%part.x",
    "plus+plus",
    "with space",
    "größe/日本語",
    "new\nline",
    "question?mark&and=more#tag",
    "%-",
];

pub(super) fn objects(seed: u64) -> Vec<SampleObject> {
    let noise = |name: &'static str, count: usize| move || Sequence::new(seed, name).bytes(count);
    let mut objects: Vec<_> =
        KEYS.iter().map(|key| SampleObject::new(*key, noise(key, 1 + key.len() * 37))).collect();
    objects.push(SampleObject::text("empty", "").of_type(None));
    objects.push(
        SampleObject::new("photos/1.jpg", noise("photo", 700_000))
            .of_type(Some("image/jpeg"))
            .with_header("cache-control", "max-age=60, public")
            .with_meta("taken-by", "somebody"),
    );
    objects.push(SampleObject::new("videos/1.mp4", noise("video", 6_000_000)).in_parts());
    dated(objects, START, 1)
}
