//! What is written so that only its bytes tell what a registry makes of it.

use serde_json::{Value, json};

use super::damages::{Damage, Held, blob, current, layer_link, revision_link, word};
use super::layout::{LIST, digest};
use super::real::Objects;

/// Links that are there and lead elsewhere, and what lies where a registry does not look for it.
pub(super) fn misleading(objects: &Objects) -> Vec<Damage> {
    let held = Held(objects);
    let (v1, v2, multi) =
        (held.manifest_of("app:v1"), held.manifest_of("app:v2"), held.manifest_of("app:multi"));
    let image = held.manifest(&v1);
    let [base, layer] = [0_usize, 1].map(|number| word(&image["layers"][number]["digest"]));
    let list = held.manifest(&multi);
    let child = word(&list["manifests"][1]["digest"]);
    let bytes = |text: &str| Some(text.as_bytes().to_vec());
    let to_layer = layer_link("app", layer);
    let damage = Damage::of;
    let mut moved = damage(
        "a layer is linked as a manifest",
        (revision_link("app", layer), bytes(layer)),
        layer,
        &["app:v1"],
    );
    moved.objects.push((to_layer.clone(), None));
    let elsewhere = blob(layer).replacen(&format!("/{}/", &layer[7..9]), "/zz/", 1);
    let mut misplaced = damage(
        "a blob is in another directory",
        (elsewhere, Some(objects[&blob(layer)].clone())),
        layer,
        &["app:v1"],
    );
    misplaced.objects.push((blob(layer), None));
    vec![
        damage("the link to a layer is empty", (to_layer.clone(), bytes("")), layer, &["app:v1"]),
        damage("the link to a layer leads to another one", (to_layer, bytes(base)), layer, &["app:v1"]),
        damage("the link to a manifest is empty", (revision_link("app", &v2), bytes("")), &v2, &["app:v2"]),
        damage(
            "the link to an image of a list is empty",
            (revision_link("app", child), bytes("")),
            child,
            &["app:multi"],
        ),
        damage("a tag has a newline", (current("app:v1"), bytes(&format!("{v1}\n"))), "", &["app:v1"]),
        moved,
        misplaced,
    ]
}

/// Tags of JSON that is no manifest.
pub(super) fn no_manifests() -> Vec<Damage> {
    let of = |what, body: &str| tagged(what, body.as_bytes(), &["app:v1"]);
    vec![of("an empty object", "{}"), of("an empty list", "[]"), of("another object", r#"{"schema":1}"#)]
}

/// Manifests whose lists are `null`, as programs in Go write what is empty.
pub(super) fn nulls(objects: &Objects) -> Vec<Damage> {
    let held = Held(objects);
    let of = |what, body: Value| tagged(what, body.to_string().as_bytes(), &[]);
    let mut without = held.manifest(&held.manifest_of("app:v1"));
    let mut places = without.clone();
    without["layers"] = Value::Null;
    places["layers"][1]["urls"] = Value::Null;
    let list = json!({ "schemaVersion": 2, "mediaType": LIST, "manifests": null });
    vec![of("no layers", without), of("no places elsewhere", places), of("no images", list)]
}

/// A list of layers, as BuildKit stores its cache. A registry gives the list, and each of them as a blob.
pub(super) fn cache(objects: &Objects) -> (Damage, Vec<String>) {
    let held = Held(objects);
    let image = held.manifest(&held.manifest_of("app:v1"));
    let mut config = image["config"].clone();
    config["mediaType"] = "application/vnd.buildkit.cacheconfig.v0".into();
    let layers = [&image["layers"][0], &image["layers"][1], &config];
    let list = json!({ "schemaVersion": 2, "mediaType": LIST, "manifests": layers });
    let digests = layers.map(|layer| word(&layer["digest"]).to_owned());
    (tagged("a cache", list.to_string().as_bytes(), &[]), digests.to_vec())
}

/// `app:v1` points to these bytes.
fn tagged(what: &'static str, body: &[u8], tags: &[&'static str]) -> Damage {
    let digest = digest(body);
    let link = Some(digest.clone().into_bytes());
    let mut damage = Damage::of(what, (blob(&digest), Some(body.to_vec())), &digest, tags);
    damage.objects.push((revision_link("app", &digest), link.clone()));
    damage.objects.push((current("app:v1"), link));
    damage
}
