//! The damages of a registry, and the tags that each of them harms.

use serde_json::Value;

use super::real::{Objects, TAGS};

const ROOT: &str = "docker/registry/v2/";

/// Something that is done to a registry's objects.
pub(super) struct Damage {
    pub(super) what: &'static str,
    /// The objects that are changed; one without bytes is gone then.
    pub(super) objects: Vec<(String, Option<Vec<u8>>)>,
    /// The tags that a registry does not give then.
    pub(super) tags: Vec<&'static str>,
    /// What is said of them: the digest of what they need, or a part of it.
    pub(super) needs: String,
}

impl Damage {
    pub(super) fn of(
        what: &'static str,
        (key, body): (String, Option<Vec<u8>>),
        needs: &str,
        tags: &[&'static str],
    ) -> Self {
        let needs = needs.trim_start_matches("sha256:").to_owned();
        Self { what, objects: vec![(key, body)], tags: tags.to_owned(), needs }
    }
}

/// What the registry holds, by tags and digests.
pub(super) struct Held<'a>(pub(super) &'a Objects);

impl Held<'_> {
    /// The digest to which a tag points.
    pub(super) fn manifest_of(&self, tag: &str) -> String {
        String::from_utf8(self.0[&current(tag)].clone()).unwrap()
    }

    /// A manifest.
    pub(super) fn manifest(&self, digest: &str) -> Value {
        serde_json::from_slice(&self.0[&blob(digest)]).unwrap()
    }

    /// The bytes of a blob with one bit flipped.
    fn flipped(&self, digest: &str) -> Vec<u8> {
        let mut bytes = self.0[&blob(digest)].clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        bytes
    }
}

/// The key of a blob.
pub(super) fn blob(digest: &str) -> String {
    let hex = digest.strip_prefix("sha256:").unwrap();
    format!("{ROOT}blobs/sha256/{}/{hex}/data", &hex[..2])
}

/// The key of the link of a repository to a layer.
pub(super) fn layer_link(repository: &str, digest: &str) -> String {
    format!("{ROOT}repositories/{repository}/_layers/{}/link", digest.replace(':', "/"))
}

/// The key of the link of a repository to a manifest.
pub(super) fn revision_link(repository: &str, digest: &str) -> String {
    format!("{ROOT}repositories/{repository}/_manifests/revisions/{}/link", digest.replace(':', "/"))
}

/// The directory of a tag, as a finding names it.
pub(super) fn directory(tag: &str) -> String {
    format!("{ROOT}repositories/{}/", tag.replace(':', "/_manifests/tags/"))
}

/// The key of a tag.
pub(super) fn current(tag: &str) -> String {
    format!("{}current/link", directory(tag))
}

pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// Each thing that a tag needs, gone or damaged.
pub(super) fn damages(objects: &Objects) -> Vec<Damage> {
    let held = Held(objects);
    let (v1, multi, v0) =
        (held.manifest_of("app:v1"), held.manifest_of("app:multi"), held.manifest_of("team/old:v0"));
    let image = held.manifest(&v1);
    let [base, layer] = [0_usize, 1].map(|number| word(&image["layers"][number]["digest"]));
    let config = word(&image["config"]["digest"]);
    let list = held.manifest(&multi);
    let child = word(&list["manifests"][1]["digest"]);
    let of_list = held.manifest(child);
    let childs_layer = word(&of_list["layers"][0]["digest"]);
    let schema_1 = held.manifest(&v0);
    // In schema 1 the uppermost layer is the first one.
    let oldest = word(&schema_1["fsLayers"][0]["blobSum"]);
    let nowhere = format!("sha256:{}", "0".repeat(64));
    let garbage = || Some(b"garbage".to_vec());

    let damage = Damage::of;
    vec![
        damage("a layer is gone", (blob(layer), None), layer, &["app:v1"]),
        damage("a layer of all is gone", (blob(base), None), base, &TAGS),
        damage("a config is gone", (blob(config), None), config, &["app:v1"]),
        damage("a manifest is gone", (blob(&v1), None), &v1, &["app:v1"]),
        damage("a bit of a layer is flipped", (blob(layer), Some(held.flipped(layer))), layer, &["app:v1"]),
        damage("a layer is empty", (blob(layer), Some(Vec::new())), layer, &["app:v1"]),
        damage(
            "a bit of a config is flipped",
            (blob(config), Some(held.flipped(config))),
            config,
            &["app:v1"],
        ),
        damage("the link to a layer is gone", (layer_link("app", layer), None), layer, &["app:v1"]),
        damage("the link to a config is gone", (layer_link("app", config), None), config, &["app:v1"]),
        damage("the link to a manifest is gone", (revision_link("app", &v1), None), &v1, &["app:v1"]),
        damage(
            "a tag points to nothing that is there",
            (current("app:v1"), Some(nowhere.clone().into_bytes())),
            &nowhere,
            &["app:v1"],
        ),
        damage("a tag is empty", (current("app:v1"), Some(Vec::new())), "", &["app:v1"]),
        damage("a manifest is none", (blob(&v1), garbage()), &v1, &["app:v1"]),
        damage("a list is gone", (blob(&multi), None), &multi, &["app:multi"]),
        damage("a list is none", (blob(&multi), garbage()), &multi, &["app:multi"]),
        damage("an image of a list is gone", (blob(child), None), child, &["app:multi"]),
        damage(
            "the link to an image of a list is gone",
            (revision_link("app", child), None),
            child,
            &["app:multi"],
        ),
        damage(
            "a layer of an image of a list is gone",
            (blob(childs_layer), None),
            childs_layer,
            &["app:multi"],
        ),
        damage("a manifest of schema 1 is gone", (blob(&v0), None), &v0, &["team/old:v0"]),
        damage(
            "a layer of two repositories is gone",
            (blob(oldest), None),
            oldest,
            &["app:v2", "team/old:v0"],
        ),
    ]
}
