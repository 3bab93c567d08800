//! The made bucket `registry`: repositories and images in the layout of docker-registry 0.x, and some odd keys beside
//! them. Pure.
//!
//! Objects stand in the order in which pushes write them: images from the root on, then the tags that need them. All
//! layers are uploaded in parts, since docker-registry does so for every size.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::layer::{self, Layer};
use super::object::{SampleObject, dated};
use super::sequence::Sequence;
use crate::hash::lower_hex;

/// 2015-09-03 06:00 UTC.
const START: i64 = 1_441_260_000;
const STEP_SECONDS: i64 = 5;

/// An image: its name in this file, its parent, the size of its files, and whether its layer is gzip.
type ImageRow = (&'static str, Option<&'static str>, usize, bool);

/// The images, from the roots on.
const IMAGES: [ImageRow; 7] = [
    ("cedar", None, 11_000_000, false),
    ("slugrunner", Some("cedar"), 6_400_000, true),
    ("env", Some("slugrunner"), 0, true),
    ("peachy-1", Some("env"), 300_000, true),
    ("peachy-2", Some("env"), 5_600_000, false),
    ("scratch", None, 1, false),
    ("cut-off", Some("env"), 0, true),
];

/// The image whose push was cut off while its layer was uploaded.
const UNFINISHED: &str = "cut-off";

/// The repositories with their tags: each tag with its image.
const REPOSITORIES: [(&str, &[(&str, &str)]); 3] = [
    ("deis/slugrunner", &[("latest", "slugrunner"), ("v1.13.4", "slugrunner")]),
    (
        "library/peachy-waxworks",
        &[("git-1a2b3c4d", "peachy-1"), ("v1", "peachy-1"), ("git-5e6f7a8b", "peachy-2"), ("v2", "peachy-2")],
    ),
    ("library/golden-kennels", &[("v1", "scratch"), ("latest", "scratch")]),
];

pub(super) fn objects(seed: u64) -> Vec<SampleObject> {
    let registry = Registry { seed };
    let mut objects: Vec<SampleObject> = IMAGES.iter().flat_map(|row| registry.image(row)).collect();
    for (repository, tags) in REPOSITORIES {
        objects.extend(registry.repository(repository, tags));
    }
    objects.extend(oddities());
    dated(objects, START, STEP_SECONDS)
}

#[derive(Clone, Copy)]
struct Registry {
    seed: u64,
}

impl Registry {
    fn image(self, row: &ImageRow) -> Vec<SampleObject> {
        let (name, parent, content_bytes, gzip) = *row;
        let path = format!("registry/images/{}", self.id(name));
        let document = self.document(name, parent, content_bytes);
        let json = SampleObject::text(format!("{path}/json"), document.clone());
        let ancestry = SampleObject::text(format!("{path}/ancestry"), json!(self.ancestry(name)).to_string());
        if name == UNFINISHED {
            return vec![SampleObject::text(format!("{path}/_inprogress"), "true"), json, ancestry];
        }
        let layer = Layer { seed: self.seed, name, content_bytes, gzip };
        let checksum = SampleObject::new(format!("{path}/_checksum"), move || checksum(&document, &layer));
        let layer = SampleObject::new(format!("{path}/layer"), move || layer.bytes()).in_parts();
        vec![json, ancestry, layer, checksum]
    }

    fn repository(self, repository: &str, tags: &[(&str, &'static str)]) -> Vec<SampleObject> {
        let path = format!("registry/repositories/{repository}");
        let mut images: Vec<String> = tags.iter().flat_map(|(_, image)| self.ancestry(image)).collect();
        images.sort();
        images.dedup();
        let index: Vec<_> = images.iter().map(|id| json!({"id": id})).collect();
        let mut objects = vec![SampleObject::text(format!("{path}/_index_images"), json!(index).to_string())];
        for (tag, image) in tags {
            let about = json!({
                "last_update": START, "docker_version": "1.6.2", "docker_go_version": "go1.4.2",
                "arch": "amd64", "os": "linux", "kernel": "4.1.6-coreos",
            });
            objects.push(SampleObject::text(format!("{path}/tag_{tag}"), self.id(image)));
            objects.push(SampleObject::text(format!("{path}/tag{tag}_json"), about.to_string()));
        }
        objects
    }

    fn id(self, name: &str) -> String {
        Sequence::new(self.seed, &format!("image {name}")).hex(64)
    }

    /// The ids of an image and of those below it, down to the root.
    fn ancestry(self, name: &str) -> Vec<String> {
        let below = |name: &&str| IMAGES.iter().find(|row| row.0 == *name).and_then(|row| row.1);
        std::iter::successors(Some(name), below).map(|name| self.id(name)).collect()
    }

    fn document(self, name: &str, parent: Option<&str>, content_bytes: usize) -> String {
        let mut document = json!({
            "id": self.id(name),
            "created": "2015-09-03T05:11:12.131415161Z",
            "container_config": {"Hostname": name, "Cmd": ["/bin/sh", "-c", "#(nop) ADD größe in /app"]},
            "docker_version": "1.6.2",
            "architecture": "amd64",
            "os": "linux",
            "Size": content_bytes,
        });
        if let Some(parent) = parent {
            document["parent"] = json!(self.id(parent));
        }
        document.to_string()
    }
}

/// The object `_checksum`: a tarsum and a true checksum. The tarsum, a hash over a tar's entries, is made up, since
/// nobody checks it.
fn checksum(document: &str, layer: &Layer) -> Vec<u8> {
    let bytes = layer.bytes();
    let tarsum = lower_hex(&Sha256::new().chain_update("tarsum").chain_update(document).finalize());
    let simple = Sha256::new().chain_update(document).chain_update("\n").chain_update(&bytes).finalize();
    json!([format!("tarsum+sha256:{tarsum}"), format!("sha256:{}", lower_hex(&simple))])
        .to_string()
        .into_bytes()
}

/// Objects with keys and headers at which other programs have failed. No registry reads them.
fn oddities() -> Vec<SampleObject> {
    let text = |key: &str| SampleObject::text(key, format!("key: {key}\n"));
    vec![
        SampleObject::text("registry/marker/", "").of_type(Some("application/x-directory")),
        text("notes/with space").of_type(None),
        text("notes/plus+plus"),
        text("notes/größe-日志-😀"),
        text("notes//double"),
        text("notes/a%2Fb"),
        text("notes/../up"),
        text("/leading"),
        text("p"),
        text("p/q"),
        text("trailing/with content/"),
        SampleObject::text("notes/empty", ""),
        SampleObject::new("notes/packed", || layer::gzip(b"packed"))
            .of_type(Some("text/plain; charset=utf-8"))
            .with_header("content-encoding", "gzip")
            .with_header("content-disposition", "attachment; filename=\"a b.txt\"")
            .with_header("content-language", "de, en")
            .with_header("cache-control", "max-age=60, public")
            .with_header("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
        text("notes/metadata").with_meta("color", "blue").with_meta("x-y", "1  2"),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::contents::registry::REPOSITORIES as TAGS;

    fn bodies() -> BTreeMap<String, Vec<u8>> {
        objects(1).into_iter().map(|object| (object.key.clone(), object.bytes())).collect()
    }

    /// The same without the layers, which are large, and the checksums, which take long.
    fn documents() -> BTreeMap<String, Vec<u8>> {
        let mut objects = objects(1);
        objects.retain(|object| !object.key.ends_with("/layer") && !object.key.ends_with("/_checksum"));
        objects.into_iter().map(|object| (object.key.clone(), object.bytes())).collect()
    }

    fn json(bytes: &[u8]) -> Value {
        serde_json::from_slice(bytes).unwrap()
    }

    #[test]
    fn every_tag_leads_to_images_that_are_whole_down_to_the_root() {
        let bodies = documents();
        let keys: Vec<_> = objects(1).into_iter().map(|object| object.key).collect();
        let tags: Vec<_> = bodies.iter().filter(|(key, _)| key.contains("/tag_")).collect();
        assert_eq!(tags.len(), 8);
        for (tag, image) in tags {
            assert!(tag.starts_with(TAGS));
            let image = std::str::from_utf8(image).unwrap();
            let ancestry = json(&bodies[&format!("registry/images/{image}/ancestry")]);
            assert_eq!(ancestry[0], image);
            let ids: Vec<_> = ancestry.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
            for (place, id) in ids.iter().enumerate() {
                let path = format!("registry/images/{id}");
                assert_eq!(
                    json(&bodies[&format!("{path}/json")])["parent"].as_str(),
                    ids.get(place + 1).copied()
                );
                assert!(
                    keys.contains(&format!("{path}/layer")) && keys.contains(&format!("{path}/_checksum"))
                );
                assert!(!keys.contains(&format!("{path}/_inprogress")));
            }
        }
    }

    #[test]
    fn every_checksum_is_that_of_json_and_layer() {
        let bodies = bodies();
        let checksums: Vec<_> = bodies.iter().filter(|(key, _)| key.ends_with("/_checksum")).collect();
        assert_eq!(checksums.len(), IMAGES.len() - 1);
        for (key, list) in checksums {
            let path = key.strip_suffix("_checksum").unwrap();
            let mut content = bodies[&format!("{path}json")].clone();
            content.push(b'\n');
            content.extend_from_slice(&bodies[&format!("{path}layer")]);
            assert_eq!(json(list)[1], format!("sha256:{}", lower_hex(&Sha256::digest(&content))), "{key}");
        }
    }

    #[test]
    fn layers_are_uploaded_in_one_to_three_parts() {
        let mut parts: Vec<u64> = objects(1)
            .iter()
            .filter_map(|object| {
                object.part_size_bytes.map(|part| (object.bytes().len() as u64).div_ceil(part))
            })
            .collect();
        parts.sort_unstable();
        assert_eq!(parts, [1, 1, 1, 2, 2, 3]);
    }

    #[test]
    fn a_tag_is_written_after_the_images_that_it_needs() {
        let keys: Vec<_> = objects(1).into_iter().map(|object| object.key).collect();
        let first_tag = keys.iter().position(|key| key.starts_with(TAGS)).unwrap();
        assert!(keys[first_tag..].iter().all(|key| !key.starts_with("registry/images/")));
    }

    #[test]
    fn one_push_is_unfinished() {
        let keys: Vec<_> = objects(1).into_iter().map(|object| object.key).collect();
        let unfinished: Vec<_> = keys.iter().filter_map(|key| key.strip_suffix("_inprogress")).collect();
        assert_eq!(unfinished.len(), 1);
        assert!(!keys.contains(&format!("{}_checksum", unfinished[0])));
    }
}
