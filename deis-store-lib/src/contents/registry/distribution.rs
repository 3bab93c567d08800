//! The tags of distribution 2 and the blobs that they need. Pure.
//!
//! A tag links to a manifest, which is a blob. It names the blobs of the image, or other manifests. A repository has a link to
//! each of its manifests and layers, without which it does not give them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{TAGS, in_repository, split, tag_directory};

/// A blob of a registry.
type Blob = (String, String);

/// A tag that waits for a manifest to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tag {
    directory: String,
    /// The path of its repository.
    repository: String,
}

#[derive(Debug, Default)]
pub(super) struct Distribution {
    /// The lost blobs, each by the root of its registry and its digest.
    blobs: BTreeMap<Blob, String>,
    /// The lost links of repositories, each by the repository's path and the digest.
    links: BTreeMap<Blob, String>,
    /// The manifests that are to be read, with the tags that need them.
    manifests: BTreeMap<Blob, BTreeSet<Tag>>,
    /// Those of the next round.
    next: BTreeMap<Blob, BTreeSet<Tag>>,
    /// What was asked for each tag: a manifest may name itself only through a mistake, and no round is without end.
    asked: BTreeSet<(Tag, String)>,
}

/// Whatever a manifest names, in any of its forms.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Manifest {
    config: Option<Descriptor>,
    layers: Vec<Descriptor>,
    blobs: Vec<Descriptor>,
    manifests: Vec<Descriptor>,
    fs_layers: Vec<FsLayer>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer {
    blob_sum: String,
}

impl Distribution {
    pub(super) fn lose(&mut self, key: &str) {
        if let Some(blob) = blob(key) {
            self.blobs.entry(blob).or_insert_with(|| key.to_owned());
        } else if let Some(link) = link(key) {
            self.links.entry(link).or_insert_with(|| key.to_owned());
        }
    }

    pub(super) fn is_idle(&self) -> bool {
        self.blobs.is_empty() && self.links.is_empty()
    }

    /// Tags in the first round, then their manifests.
    pub(super) fn wants(&self, key: &str, round: u32) -> bool {
        match blob(key) {
            _ if self.is_idle() => false,
            Some(blob) => round > 0 && self.manifests.contains_key(&blob),
            None => round == 0 && current(key).is_some(),
        }
    }

    pub(super) fn show(&mut self, key: &str, bytes: &[u8], held: &mut BTreeMap<String, String>) {
        if let Some(blob) = blob(key) {
            let tags = self.manifests.remove(&blob).unwrap_or_default();
            match serde_json::from_slice::<Manifest>(bytes) {
                Ok(manifest) => tags.iter().for_each(|tag| self.read(tag, &blob.0, &manifest, held)),
                // What it needs is not known, and something is lost.
                Err(_) => held.extend(tags.into_iter().map(|tag| (tag.directory, key.to_owned()))),
            }
        } else if let Some((root, tag)) = current(key) {
            let digest = String::from_utf8_lossy(bytes).trim().to_owned();
            self.ask(&tag, (root, digest), held);
        }
    }

    fn read(&mut self, tag: &Tag, root: &str, manifest: &Manifest, held: &mut BTreeMap<String, String>) {
        let descriptors = manifest.config.iter().chain(&manifest.layers).chain(&manifest.blobs);
        let digests = descriptors.map(|descriptor| &descriptor.digest);
        for digest in digests.chain(manifest.fs_layers.iter().map(|layer| &layer.blob_sum)) {
            if let Some(lost) = self.lost(tag, &(root.to_owned(), digest.clone())) {
                held.insert(tag.directory.clone(), lost);
                return;
            }
        }
        for other in &manifest.manifests {
            self.ask(tag, (root.to_owned(), other.digest.clone()), held);
        }
    }

    /// A tag needs a manifest.
    fn ask(&mut self, tag: &Tag, manifest: Blob, held: &mut BTreeMap<String, String>) {
        if let Some(lost) = self.lost(tag, &manifest) {
            held.insert(tag.directory.clone(), lost);
        } else if self.asked.insert((tag.clone(), manifest.1.clone())) {
            self.next.entry(manifest).or_default().insert(tag.clone());
        }
    }

    fn lost(&self, tag: &Tag, blob: &Blob) -> Option<String> {
        let link = (tag.repository.clone(), blob.1.clone());
        self.blobs.get(blob).or_else(|| self.links.get(&link)).cloned()
    }

    /// Whether there are manifests to look at.
    pub(super) fn next_round(&mut self) -> bool {
        self.manifests = std::mem::take(&mut self.next);
        !self.manifests.is_empty()
    }
}

/// The blob of a key `blobs/ALGORITHM/XX/HEX/data`.
fn blob(key: &str) -> Option<Blob> {
    let (root, path) = split(key)?;
    let mut names = path.strip_prefix("blobs/")?.split('/');
    match (names.next(), names.next(), names.next(), names.next(), names.next()) {
        (Some(algorithm), Some(_), Some(hex), Some("data"), None) => {
            Some((root.to_owned(), format!("{algorithm}:{hex}")))
        }
        _ => None,
    }
}

/// The repository and the digest of a link to a layer or to a manifest.
fn link(key: &str) -> Option<Blob> {
    let path = key.strip_suffix("/link").filter(|_| in_repository(key).is_some())?;
    for directory in ["/_layers/", "/_manifests/revisions/"] {
        if let Some((repository, digest)) = path.split_once(directory)
            && let Some((algorithm, hex)) = digest.split_once('/')
        {
            return Some((repository.to_owned(), format!("{algorithm}:{hex}")));
        }
    }
    None
}

/// The root and the tag of a key `…/_manifests/tags/TAG/current/link`.
fn current(key: &str) -> Option<(String, Tag)> {
    let directory = tag_directory(key).filter(|directory| &key[directory.len()..] == "current/link")?;
    let (root, _) = split(key)?;
    let repository = key.split_once(TAGS)?.0.to_owned();
    Some((root.to_owned(), Tag { directory: directory.to_owned(), repository }))
}

#[cfg(test)]
mod tests {
    use crate::contents::Contents;
    use crate::contents::needs::tests::held_back;

    /// The tags that are held back. `v1` and `v2` share the layer `aa`, `old` is of schema 1, `list` is a list of `v1`'s.
    fn held(root: &str, lost: &[&str]) -> Vec<String> {
        let blob = |hex: &str| format!("{root}docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]);
        let schema_2 = |layers: &str| format!(r#"{{"config":{{"digest":"sha256:cc"}},"layers":[{layers}]}}"#);
        let layer = |hex: &str| format!(r#"{{"digest":"sha256:{hex}"}}"#);
        let mut objects = vec![
            (blob("a1"), schema_2(&[layer("aa"), layer("bb")].join(","))),
            (blob("a2"), schema_2(&layer("aa"))),
            (blob("a3"), r#"{"fsLayers":[{"blobSum":"sha256:bb"}]}"#.to_owned()),
            (blob("a4"), r#"{"manifests":[{"digest":"sha256:a1"},{"digest":"sha256:a4"}]}"#.to_owned()),
        ];
        objects.extend(["aa", "bb", "cc", "dd"].map(|hex| (blob(hex), "{".to_owned())));
        let app = format!("{root}docker/registry/v2/repositories/team/app");
        for (tag, manifest) in [("v1", "a1"), ("v2", "a2"), ("old", "a3"), ("list", "a4")] {
            objects.push((format!("{app}/_manifests/tags/{tag}/current/link"), format!("sha256:{manifest}")));
            objects
                .push((format!("{app}/_manifests/tags/{tag}/index/sha256/{manifest}/link"), String::new()));
            objects.push((format!("{app}/_manifests/revisions/sha256/{manifest}/link"), String::new()));
        }
        objects.extend(
            ["aa", "bb", "cc"].map(|hex| (format!("{app}/_layers/sha256/{hex}/link"), String::new())),
        );
        let objects: Vec<_> = objects.iter().map(|(key, body)| (key.as_str(), body.as_str())).collect();
        let lost: Vec<String> =
            lost.iter().map(|key| if key.len() == 2 { blob(key) } else { format!("{app}/{key}") }).collect();
        let lost: Vec<&str> = lost.iter().map(String::as_str).collect();
        let held = held_back(Contents::Registry, &objects, &lost);
        let name = |key: &String| key.strip_prefix(&format!("{app}/_manifests/tags/")).unwrap().to_owned();
        held.iter().map(name).collect()
    }

    #[test]
    fn a_lost_blob_holds_back_the_tags_whose_manifests_name_it_below_any_root() {
        for root in ["", "root/", "/"] {
            assert_eq!(held(root, &["bb"]), ["list/", "old/", "v1/"], "{root}");
            assert_eq!(held(root, &["cc"]), ["list/", "v1/", "v2/"], "{root}");
            assert_eq!(held(root, &["a2"]), ["v2/"], "{root}");
            assert!(held(root, &["dd"]).is_empty(), "{root}");
        }
    }

    #[test]
    fn a_lost_link_of_a_repository_holds_back_its_tags_that_need_it() {
        assert_eq!(held("", &["_layers/sha256/bb/link"]), ["list/", "old/", "v1/"]);
        assert_eq!(held("", &["_manifests/revisions/sha256/a3/link"]), ["old/"]);
        for not_needed in
            ["_layers/sha256/dd/link", "_manifests/tags/v1/index/sha256/a1/link", "_uploads/x/data"]
        {
            assert!(held("", &[not_needed]).is_empty(), "{not_needed}");
        }
    }

    #[test]
    fn a_manifest_that_cannot_be_read_holds_back_its_tag_where_something_is_lost() {
        let objects = [
            ("docker/registry/v2/repositories/app/_manifests/tags/v1/current/link", "sha256:aa"),
            ("docker/registry/v2/blobs/sha256/aa/aa/data", "\u{0}"),
        ];
        let lost = "docker/registry/v2/blobs/sha256/bb/bb/data";
        let held = held_back(Contents::Registry, &objects, &[lost]);
        assert_eq!(held, ["docker/registry/v2/repositories/app/_manifests/tags/v1/"]);
    }
}
