//! The tags of distribution 2 and the blobs that they need. Pure.
//!
//! A tag links to a manifest, which is a blob. It names the blobs of the image, or other manifests. A repository has a link to
//! each of its manifests and layers, without which it does not give them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::stage::Stage;
use crate::contents::registry::{Blob, REGISTRY_2, TAGS, blob, in_repository, split, tag_directory};
use crate::restorable::held_back::Lack;

/// A tag that waits for a manifest to be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Tag {
    directory: String,
    /// The path of its repository.
    repository: String,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Distribution {
    /// The lost blobs, each by the root of its registry and its digest.
    blobs: BTreeMap<Blob, Lack>,
    /// The lost links of repositories, each by the repository's path and the digest.
    links: BTreeMap<Blob, Lack>,
    /// The manifests that are to be read, with the tags that need them.
    manifests: BTreeMap<Blob, BTreeSet<Tag>>,
    /// Those of the next round.
    next: BTreeMap<Blob, BTreeSet<Tag>>,
    /// What was asked for each tag: a manifest may name itself only through a mistake, and no round is without end.
    asked: BTreeSet<(Tag, String)>,
    /// The blobs and links that must be there, each with the directories of the tags that need it.
    needed_blobs: BTreeMap<Blob, BTreeSet<String>>,
    needed_links: BTreeMap<Blob, BTreeSet<String>>,
    /// The number of blobs that are there, and of those of them that are needed.
    count: u64,
    found: u64,
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
    /// A layer that lies elsewhere is in no registry.
    #[serde(default)]
    urls: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer {
    blob_sum: String,
}

impl Distribution {
    pub(super) fn lose(&mut self, lack: Lack) {
        if let Some(blob) = blob(&lack.key) {
            self.blobs.entry(blob).or_insert(lack);
        } else if let Some(link) = link(&lack.key) {
            self.links.entry(link).or_insert(lack);
        }
    }

    /// An object is there.
    pub(super) fn count(&mut self, key: &str) {
        self.count += u64::from(blob(key).is_some());
    }

    /// Tags first, then their manifests.
    pub(super) fn wants(&self, key: &str, stage: Stage) -> bool {
        match blob(key) {
            Some(blob) => stage == Stage::Follow && self.manifests.contains_key(&blob),
            None => stage == Stage::Tags && current(key).is_some(),
        }
    }

    pub(super) fn show(&mut self, key: &str, bytes: Option<&[u8]>, held: &mut BTreeMap<String, Lack>) {
        if let Some(blob) = blob(key) {
            let tags = self.manifests.remove(&blob).unwrap_or_default();
            match bytes.map(serde_json::from_slice::<Manifest>) {
                Some(Ok(manifest)) => tags.iter().for_each(|tag| self.read(tag, &blob.0, &manifest, held)),
                // What it needs is not known.
                Some(Err(_)) => {
                    held.extend(tags.into_iter().map(|tag| (tag.directory, Lack::in_source(key))));
                }
                None => held.extend(tags.into_iter().map(|tag| (tag.directory, Lack::lost(key)))),
            }
        } else if let Some((root, tag)) = current(key) {
            let digest = String::from_utf8_lossy(bytes.unwrap_or_default()).trim().to_owned();
            self.ask(&tag, (root, digest), held);
        }
    }

    fn read(&mut self, tag: &Tag, root: &str, manifest: &Manifest, held: &mut BTreeMap<String, Lack>) {
        let descriptors = manifest.config.iter().chain(&manifest.layers).chain(&manifest.blobs);
        let here = descriptors.filter(|descriptor| descriptor.urls.is_empty());
        let digests = here.map(|descriptor| &descriptor.digest);
        for digest in digests.chain(manifest.fs_layers.iter().map(|layer| &layer.blob_sum)) {
            if !self.need(tag, (root.to_owned(), digest.clone()), held) {
                return;
            }
        }
        for other in &manifest.manifests {
            self.ask(tag, (root.to_owned(), other.digest.clone()), held);
        }
    }

    /// A tag needs a manifest.
    fn ask(&mut self, tag: &Tag, manifest: Blob, held: &mut BTreeMap<String, Lack>) {
        if self.need(tag, manifest.clone(), held) && self.asked.insert((tag.clone(), manifest.1.clone())) {
            self.next.entry(manifest).or_default().insert(tag.clone());
        }
    }

    /// A tag needs a blob, and the link of its repository to it. Whether neither is lost.
    fn need(&mut self, tag: &Tag, blob: Blob, held: &mut BTreeMap<String, Lack>) -> bool {
        if let Some(lost) = self.lost(tag, &blob) {
            held.insert(tag.directory.clone(), lost);
            return false;
        }
        let link = (tag.repository.clone(), blob.1.clone());
        self.needed_links.entry(link).or_default().insert(tag.directory.clone());
        self.needed_blobs.entry(blob).or_default().insert(tag.directory.clone());
        true
    }

    /// Whether there is something to look for.
    pub(super) fn needs_any(&self) -> bool {
        !self.needed_blobs.is_empty()
    }

    /// An object is there, after the last manifest was shown.
    pub(super) fn see(&mut self, key: &str) {
        if let Some(blob) = blob(key) {
            self.found += u64::from(self.needed_blobs.remove(&blob).is_some());
        } else if let Some(link) = link(key) {
            self.needed_links.remove(&link);
        }
    }

    /// Holds back the tags that need what is not there. The number of blobs that no tag needs.
    pub(super) fn end(self, held: &mut BTreeMap<String, Lack>) -> u64 {
        for ((repository, digest), tags) in self.needed_links {
            let link = format!("{repository}/…/{}/link", digest.replacen(':', "/", 1));
            held.extend(tags.into_iter().map(|tag| (tag, Lack::in_source(&link))));
        }
        for ((root, digest), tags) in self.needed_blobs {
            let (algorithm, hex) = digest.split_once(':').unwrap_or_default();
            let beginning = hex.get(..2).unwrap_or_default();
            let blob = format!("{root}{REGISTRY_2}blobs/{algorithm}/{beginning}/{hex}/data");
            held.extend(tags.into_iter().map(|tag| (tag, Lack::in_source(&blob))));
        }
        self.count.saturating_sub(self.found)
    }

    fn lost(&self, tag: &Tag, blob: &Blob) -> Option<Lack> {
        let link = (tag.repository.clone(), blob.1.clone());
        self.blobs.get(blob).or_else(|| self.links.get(&link)).cloned()
    }

    /// Whether there are manifests to look at. Those of the round before that were not shown are in no list, which is seen at
    /// the end.
    pub(super) fn next_round(&mut self) -> bool {
        self.manifests = std::mem::take(&mut self.next);
        !self.manifests.is_empty()
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
    use crate::restorable::judge::tests::held_back;

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
    fn a_tag_is_held_back_if_a_blob_or_link_of_it_is_in_no_list() {
        let app = "docker/registry/v2/repositories/app";
        let manifest = r#"{"config":{"digest":"sha256:cc"},"layers":[{"digest":"sha256:aa"},
                           {"digest":"sha256:ff","urls":["https://elsewhere"]}]}"#;
        let objects = [
            (format!("{app}/_manifests/tags/v1/current/link"), "sha256:a1"),
            ("docker/registry/v2/blobs/sha256/a1/a1/data".to_owned(), manifest),
            ("docker/registry/v2/blobs/sha256/aa/aa/data".to_owned(), ""),
            ("docker/registry/v2/blobs/sha256/cc/cc/data".to_owned(), ""),
            (format!("{app}/_manifests/revisions/sha256/a1/link"), ""),
            (format!("{app}/_layers/sha256/aa/link"), ""),
            (format!("{app}/_layers/sha256/cc/link"), ""),
        ];
        let mut objects: Vec<_> = objects.iter().map(|(key, body)| (key.as_str(), *body)).collect();
        assert!(held_back(Contents::Registry, &objects, &[]).is_empty());
        for missing in 1..objects.len() {
            let taken = objects.remove(missing);
            let held = held_back(Contents::Registry, &objects, &[]);
            assert_eq!(held, [format!("{app}/_manifests/tags/v1/")], "{taken:?}");
            objects.insert(missing, taken);
        }
    }

    #[test]
    fn a_manifest_that_cannot_be_read_or_is_in_no_list_holds_back_its_tag() {
        let objects = [
            ("docker/registry/v2/repositories/app/_manifests/tags/v1/current/link", "sha256:aa"),
            ("docker/registry/v2/blobs/sha256/aa/aa/data", "\u{0}"),
        ];
        for objects in [&objects[..], &objects[..1]] {
            let held = held_back(Contents::Registry, objects, &[]);
            assert_eq!(held, ["docker/registry/v2/repositories/app/_manifests/tags/v1/"]);
        }
    }
}
