//! What `verify` says of the bucket of a registry of distribution 2, held against a real registry and a real client.

mod damages;
mod layout;
mod odd;
mod real;

use std::sync::LazyLock;

use deis_store_tests::faulty::FaultyGateway;
use serde_json::{Value, json};

use self::damages::{Damage, Held, blob, current, damages, directory, layer_link, word};
use self::real::{Objects, Registry, TAGS, objects_below};
use crate::program::Ran;
use crate::whole::at;

/// What the real registry has stored.
static PUSHED: LazyLock<Objects> = LazyLock::new(Registry::pushed);

fn fill(gateway: &FaultyGateway, bucket: &str, objects: &Objects) {
    for (key, body) in objects {
        gateway.store(bucket, key, body);
    }
}

fn change(gateway: &FaultyGateway, bucket: &str, damage: &Damage) {
    for (key, body) in &damage.objects {
        match body {
            Some(body) => gateway.store(bucket, key, body),
            None => gateway.delete(bucket, key),
        }
    }
}

fn verify(gateway: &FaultyGateway, bucket: &str) -> Ran {
    at(gateway, &["verify", &format!("s3://{bucket}"), "--as", "registry", "--json"])
}

/// The tags that are held back, each with what is said of it.
fn held_back(report: &Value) -> Vec<(&'static str, &str)> {
    let findings = report["findings"].as_array().unwrap();
    let of = |tag: &str| findings.iter().find(|finding| finding["name"] == directory(tag));
    TAGS.into_iter().filter_map(|tag| Some((tag, word(&of(tag)?["what"])))).collect()
}

/// Holds what is said of each damage alone against what a real registry gives then.
fn compare(damages: &[Damage]) {
    let gateway = FaultyGateway::start().unwrap();
    std::thread::scope(|threads| {
        // Damage is looked at twice, with a pause: so all are verified at once, and pulled meanwhile.
        let verified: Vec<_> = damages
            .iter()
            .enumerate()
            .map(|(number, damage)| {
                let (gateway, bucket) = (&gateway, format!("damage{number:02}"));
                threads.spawn(move || {
                    fill(gateway, &bucket, &PUSHED);
                    change(gateway, &bucket, damage);
                    verify(gateway, &bucket)
                })
            })
            .collect();
        let registry = Registry::of(&PUSHED);
        for (damage, verified) in damages.iter().zip(verified) {
            for (key, body) in &damage.objects {
                registry.change(key, body.as_deref());
            }
            assert_eq!(registry.refused(), damage.tags, "{}: the real registry", damage.what);
            for (key, _) in &damage.objects {
                registry.change(key, PUSHED.get(key).map(Vec::as_slice));
            }
            is_said(damage, &verified.join().unwrap());
        }
        assert!(registry.refused().is_empty());
    });
}

/// Whether the tags that are harmed are named with what they need, and no others.
fn is_said(damage: &Damage, verified: &Ran) {
    let what = damage.what;
    let code = if damage.tags.is_empty() { 0 } else { 4 };
    assert_eq!(verified.code, Some(code), "{what}: {verified:#?}");
    let report = &verified.json()["report"];
    let (tags, said): (Vec<_>, Vec<_>) = held_back(report).into_iter().unzip();
    assert_eq!(tags, damage.tags, "{what}: {report:#}");
    assert!(said.iter().all(|said| said.contains(&damage.needs)), "{what}: {report:#}");
    let images = &report["restorable"]["images"];
    assert_eq!(images["tags"], TAGS.len(), "{what}: {report:#}");
    assert_eq!(images["complete"], TAGS.len() - tags.len(), "{what}: {report:#}");
    // A blob that is there and is another one is named itself.
    let (key, body) = &damage.objects[0];
    if PUSHED.contains_key(key) && body.is_some() && key.ends_with("/data") {
        let findings = report["findings"].as_array().unwrap();
        assert!(findings.iter().any(|finding| finding["name"] == **key), "{what}: {report:#}");
    }
}

#[test]
fn each_damage_of_a_real_registry_holds_back_just_the_tags_that_it_cannot_give() {
    let damages = damages(&PUSHED);
    assert_eq!(damages.len(), 20);
    compare(&damages);
}

#[test]
fn a_real_registry_is_whole_and_what_no_tag_needs_is_no_damage() {
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway, "images", &PUSHED);
    let images = |complete: usize, unreferenced: usize, unfinished: usize| {
        let report = verify(&gateway, "images").code(0).json()["report"].clone();
        let counts = json!({
            "tags": complete, "complete": complete, "unreferenced": unreferenced, "unfinished": unfinished
        });
        assert_eq!(report["restorable"]["images"], counts, "{report:#}");
        assert_eq!(report["findings"], json!([]), "{report:#}");
    };
    images(5, 0, 0);

    // A push that was broken off.
    for (name, body) in
        [("data", "half"), ("startedat", "2026-11-22T08:00:00Z"), ("hashstates/sha256/0", "-")]
    {
        let upload = "docker/registry/v2/repositories/app/_uploads/0d9b6b6e-1111-4222-8333-444455556666";
        gateway.store("images", &format!("{upload}/{name}"), body.as_bytes());
    }
    images(5, 0, 1);
    // A link that only tells which manifests a tag once had.
    let index = PUSHED.keys().find(|key| key.contains("/tags/v1/index/")).unwrap();
    gateway.delete("images", index);
    images(5, 0, 1);
    // And the tag itself: its manifest, config and upper layer are nobody's then, and may be gone, too.
    gateway.delete("images", &current("app:v1"));
    images(4, 3, 1);
    let held = Held(&PUSHED);
    let v1 = held.manifest_of("app:v1");
    let layer = held.manifest(&v1)["layers"][1]["digest"].clone();
    gateway.delete("images", &layer_link("app", word(&layer)));
    gateway.delete("images", &blob(word(&layer)));
    images(4, 2, 1);
}

#[test]
fn a_restored_registry_gives_every_tag_and_of_a_damaged_one_all_that_are_whole() {
    let held = Held(&PUSHED);
    let layer = held.manifest(&held.manifest_of("app:v1"))["layers"][1]["digest"].clone();
    std::thread::scope(|threads| {
        threads.spawn(|| restored(&PUSHED, &[]));
        threads.spawn(|| {
            let mut damaged = PUSHED.clone();
            damaged.remove(&blob(word(&layer))).unwrap();
            restored(&damaged, &["app:v1"]);
        });
    });
}

/// Backs up such a bucket and restores it; the real registry that serves what came back does not give these tags.
fn restored(objects: &Objects, refused: &[&str]) {
    let (code, restored_code) = if refused.is_empty() { (0, 0) } else { (4, 3) };
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let from = FaultyGateway::start().unwrap();
    fill(&from, "images", objects);
    let backup = ["backup", repository.to_str().unwrap(), "--bucket", "images:registry", "--json"];
    let report = at(&from, &backup).code(code).json();
    let images = &report["report"]["parts"]["bucket.images"]["restorable"]["images"];
    assert_eq!(images["complete"], TAGS.len() - refused.len(), "{report:#}");
    let snapshot = word(&report["report"]["snapshot"]);
    at(&from, &["verify", snapshot]).code(code);

    let to = FaultyGateway::start().unwrap();
    at(&to, &["restore", snapshot, "--yes", "--only", "bucket.images"]).code(restored_code);
    let tree = scratch.path().join("tree");
    at(&to, &["s3", "get", "-r", "s3://images", tree.to_str().unwrap()]).code(0);
    let restored = objects_below(&tree);
    for (key, body) in objects {
        let is_held_back = refused.iter().any(|tag| key.starts_with(&directory(tag)));
        assert_eq!(restored.get(key), Some(body).filter(|_| !is_held_back), "{key}");
    }
    assert_eq!(Registry::of(&restored).refused(), refused);
}

#[test]
fn a_tag_is_held_back_whose_links_or_blobs_a_registry_does_not_find() {
    compare(&odd::misleading(&PUSHED));
}

#[test]
fn a_tag_of_what_is_no_manifest_is_held_back() {
    compare(&odd::no_manifests());
}

#[test]
fn a_manifest_with_null_for_a_list_is_whole() {
    compare(&odd::nulls(&PUSHED));
}

#[test]
fn a_list_of_layers_is_whole() {
    let (cache, layers) = odd::cache(&PUSHED);
    let registry = Registry::of(&PUSHED);
    for (key, body) in &cache.objects {
        registry.change(key, body.as_deref());
    }
    assert!(registry.gives_manifest("app:v1"));
    assert!(layers.iter().all(|layer| registry.gives_blob("app", layer)));
    let gateway = FaultyGateway::start().unwrap();
    fill(&gateway, "images", &PUSHED);
    change(&gateway, "images", &cache);
    is_said(&cache, &verify(&gateway, "images"));
}
