//! The small objects of a registry: tags, ancestries, manifests, links and checksums of layers.

use super::{Objects, objects_changed, rounds};
use crate::contents::Contents;
use crate::contents::random_changes::{change, choose, try_cases};
use crate::contents::registry::LayerSum;
use crate::restorable::{Judge, Judged};

/// An image of each layout, with a list of manifests and one of schema 1.
fn registry() -> Vec<(String, String)> {
    let digest = |hex: char| format!("sha256:{}", hex.to_string().repeat(64));
    let blob = |hex: char| {
        let hex = hex.to_string().repeat(64);
        format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2])
    };
    let app = "docker/registry/v2/repositories/team/app";
    let layer = format!(r#"{{"digest":"{}"}}"#, digest('c'));
    let mut objects = vec![
        (blob('a'), format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{layer},{layer}]}}"#)),
        (blob('b'), format!(r#"{{"fsLayers":[{{"blobSum":"{}"}}],"history":[{{}}]}}"#, digest('c'))),
        (blob('c'), "layer".to_owned()),
        (
            blob('d'),
            format!(r#"{{"manifests":[{{"digest":"{}"}},{{"digest":"{}"}}]}}"#, digest('a'), digest('d')),
        ),
        (format!("{app}/_layers/sha256/{}/link", "c".repeat(64)), digest('c')),
        ("registry/images/0a/ancestry".to_owned(), r#"["0a", "0b"]"#.to_owned()),
        ("registry/images/0b/ancestry".to_owned(), r#"["0b"]"#.to_owned()),
        ("registry/repositories/library/app/tag_v1".to_owned(), "0a".to_owned()),
        ("registry/repositories/library/app/tag_v2".to_owned(), "\"0b\"\n".to_owned()),
        ("registry/images/0b/_inprogress".to_owned(), "true".to_owned()),
    ];
    for (tag, hex) in [("v1", 'a'), ("old", 'b'), ("list", 'd')] {
        objects.push((format!("{app}/_manifests/tags/{tag}/current/link"), digest(hex)));
        let revision = hex.to_string().repeat(64);
        objects.push((format!("{app}/_manifests/revisions/sha256/{revision}/link"), digest(hex)));
    }
    for (image, name) in [("0a", "json"), ("0a", "layer"), ("0b", "json"), ("0b", "layer")] {
        objects.push((format!("registry/images/{image}/{name}"), "{}".to_owned()));
    }
    objects
}

/// The numbers of tags and of whole tags, and how many rounds it took.
fn judged(
    objects: &[(String, Vec<u8>)],
    lost: &[String],
    is_shown: impl FnMut() -> bool,
) -> (u64, u64, usize) {
    let mut judge = Judge::of(Contents::Registry);
    for key in lost {
        judge.lose(key);
    }
    let (Judged { restorability, .. }, rounds) = rounds(judge, objects, is_shown);
    let images = restorability.images.unwrap();
    (images.tags, images.complete, rounds)
}

fn as_bytes(objects: Vec<(String, String)>) -> Objects {
    objects.into_iter().map(|(key, body)| (key, body.into_bytes())).collect()
}

#[test]
fn the_registry_that_is_changed_is_whole() {
    let (tags, complete, rounds) = judged(&as_bytes(registry()), &[], || true);
    assert_eq!((tags, complete), (5, 5));
    assert!(rounds > 2);
}

#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn registries_changed_at_random_come_to_a_verdict() {
    let whole = as_bytes(registry());
    try_cases("registries", |random| {
        let objects = objects_changed(&whole, random);
        let lost: Vec<String> = (0..random.usize(..3)).map(|_| choose(random, &whole).0.clone()).collect();
        let shown = random.u8(1..20);
        let mut other = random.fork();
        let (tags, complete, _) = judged(&objects, &lost, || other.u8(..20) < shown);
        assert!(complete <= tags, "{complete} of {tags}");
    });
}

#[test]
#[ignore = "it takes as long as DEIS_STORE_FUZZ_SECONDS says; tests/run --all runs it"]
fn checksums_of_layers_changed_at_random_are_read_or_not() {
    let sum = format!(r#"["tarsum+sha256:{0}", "sha256:{0}"]"#, "0a".repeat(32)).into_bytes();
    try_cases("checksums of layers", |random| {
        let mut checksums = sum.clone();
        for _ in 0..random.usize(1..4) {
            change(&mut checksums, random);
        }
        if let Some(mut sum) = LayerSum::new(b"{}", &checksums) {
            sum.update(&checksums);
            // Nobody has changed it so that it is right.
            assert!(sum.wrong().is_some());
        }
    });
}
