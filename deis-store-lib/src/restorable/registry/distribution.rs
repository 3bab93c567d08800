//! The tags of distribution 2 and the blobs that they need. Pure.
//!
//! A tag links to a manifest, which is a blob. It names the blobs of the image, or other manifests. A repository has a link to
//! each of its manifests and layers, without which it does not give them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::stage::Stage;
use crate::contents::registry::{Blob, Link, Linked, REGISTRY_2, TAGS, blob, link, split, tag_directory};
use crate::report::FindingKind;
use crate::restorable::held_back::Lack;
use crate::restorable::report::Harm;

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
    /// The lost links of repositories.
    links: BTreeMap<Link, Lack>,
    /// The manifests that are to be read, with the tags that need them.
    manifests: BTreeMap<Blob, BTreeSet<Tag>>,
    /// Those of the next round.
    next: BTreeMap<Blob, BTreeSet<Tag>>,
    /// What was asked for each tag: a manifest may name itself only through a mistake, and no round is without end.
    asked: BTreeSet<(Tag, String)>,
    /// The blobs and links that must be there, each with the directories of the tags that need it.
    needed_blobs: BTreeMap<Blob, BTreeSet<String>>,
    needed_links: BTreeMap<Link, BTreeSet<String>>,
    /// The manifests that are none.
    broken: BTreeSet<String>,
    /// The directories of tags, and whether they have what makes them one.
    tags: BTreeMap<String, bool>,
    /// The number of blobs that are there, and of those of them that are needed.
    count: u64,
    found: u64,
}

/// Whatever a manifest names, in any of its forms. Go writes a list of nothing as null.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Manifest {
    schema_version: Option<u64>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<Vec<FsLayer>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    digest: String,
    #[serde(default)]
    media_type: Option<String>,
    /// A layer that lies elsewhere is in no registry.
    #[serde(default)]
    urls: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FsLayer {
    blob_sum: String,
}

impl Manifest {
    /// Nothing if this is no manifest.
    fn parse(bytes: &[u8]) -> Option<Self> {
        // Of a list serde would make a manifest without anything.
        let is_object = bytes.trim_ascii_start().starts_with(b"{");
        let manifest: Self = serde_json::from_slice(bytes).ok().filter(|_| is_object)?;
        let Self { schema_version, config, layers, blobs, manifests, fs_layers } = &manifest;
        let says_something = schema_version.is_some()
            || config.is_some()
            || layers.is_some()
            || blobs.is_some()
            || manifests.is_some()
            || fs_layers.is_some();
        says_something.then_some(manifest)
    }
}

impl Descriptor {
    fn is_here(&self) -> bool {
        self.urls.as_ref().is_none_or(Vec::is_empty)
    }

    /// A list of manifests may name layers, too, as caches of builds do.
    fn is_manifest(&self) -> bool {
        let of_manifests =
            |media_type: &String| media_type.contains("manifest") || media_type.contains("index");
        self.media_type.as_ref().is_none_or(of_manifests)
    }
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
        if let Some(directory) = tag_directory(key) {
            *self.tags.entry(directory.to_owned()).or_default() |= current(key).is_some();
        }
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
            match bytes.map(Manifest::parse) {
                Some(Some(manifest)) => {
                    for tag in &tags {
                        self.read(tag, &blob.0, &manifest, held);
                    }
                }
                // What it needs is not known.
                Some(None) => {
                    self.broken.insert(key.to_owned());
                    held.extend(tags.into_iter().map(|tag| (tag.directory, Lack::in_source(key))));
                }
                None => held.extend(tags.into_iter().map(|tag| (tag.directory, Lack::lost(key)))),
            }
        } else if let Some((root, tag)) = current(key) {
            let digest = String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
            self.ask(&tag, (root, digest), held);
        }
    }

    fn read(&mut self, tag: &Tag, root: &str, manifest: &Manifest, held: &mut BTreeMap<String, Lack>) {
        let lists = [&manifest.layers, &manifest.blobs].into_iter().flatten().flatten();
        let here = manifest.config.iter().chain(lists).filter(|descriptor| descriptor.is_here());
        let digests = here.map(|descriptor| &descriptor.digest);
        let of_schema_1 = manifest.fs_layers.iter().flatten().map(|layer| &layer.blob_sum);
        for digest in digests.chain(of_schema_1) {
            if !self.need(tag, (root.to_owned(), digest.clone()), Linked::Layer, held) {
                return;
            }
        }
        for other in manifest.manifests.iter().flatten() {
            let blob = (root.to_owned(), other.digest.clone());
            if other.is_manifest() {
                self.ask(tag, blob, held);
            } else {
                self.need(tag, blob, Linked::Layer, held);
            }
        }
    }

    /// A tag needs a manifest.
    fn ask(&mut self, tag: &Tag, manifest: Blob, held: &mut BTreeMap<String, Lack>) {
        if self.need(tag, manifest.clone(), Linked::Manifest, held)
            && self.asked.insert((tag.clone(), manifest.1.clone()))
        {
            self.next.entry(manifest).or_default().insert(tag.clone());
        }
    }

    /// A tag needs a blob, and the link of its repository to it. Whether neither is lost.
    fn need(&mut self, tag: &Tag, blob: Blob, to: Linked, held: &mut BTreeMap<String, Lack>) -> bool {
        let link = Link { repository: tag.repository.clone(), digest: blob.1.clone(), to };
        if let Some(lost) = self.blobs.get(&blob).or_else(|| self.links.get(&link)) {
            held.insert(tag.directory.clone(), lost.clone());
            return false;
        }
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
            // A manifest is found by either link.
            self.needed_links.remove(&Link { to: Linked::Manifest, ..link.clone() });
            self.needed_links.remove(&link);
        }
    }

    /// The manifests that are none, and the tags that a registry names and does not give.
    pub(super) fn harm(&self) -> impl Iterator<Item = Harm> {
        let broken = self
            .broken
            .iter()
            .map(|key| Harm::new(key, FindingKind::Broken, "a tag takes it for a manifest, and it is none"));
        let unfinished = self.tags.iter().filter(|(_, is_tag)| !**is_tag).map(|(directory, _)| {
            let what = "it has no `current/link`: a registry names it, and does not give it. A push is under way or was broken off";
            Harm::new(directory, FindingKind::Unfinished, what)
        });
        broken.chain(unfinished)
    }

    /// Holds back the tags that need what is not there. The number of blobs that no tag needs.
    pub(super) fn end(self, held: &mut BTreeMap<String, Lack>) -> u64 {
        for (Link { repository, digest, to }, tags) in self.needed_links {
            let directory = match to {
                Linked::Layer => "_layers",
                Linked::Manifest => "_manifests/revisions",
            };
            let link = format!("{repository}/{directory}/{}/link", digest.replacen(':', "/", 1));
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

    /// Whether there are manifests to look at. Those of the round before that were not shown are in no list, which is seen at
    /// the end.
    pub(super) fn next_round(&mut self) -> bool {
        self.manifests = std::mem::take(&mut self.next);
        !self.manifests.is_empty()
    }
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

    /// Whether the one tag is held back whose manifest this is. It names the layer `aa`.
    fn is_held(manifest: &str, link: &str, current: &str) -> bool {
        let app = "docker/registry/v2/repositories/app";
        let objects = [
            (format!("{app}/_manifests/tags/v1/current/link"), current),
            ("docker/registry/v2/blobs/sha256/a1/a1/data".to_owned(), manifest),
            ("docker/registry/v2/blobs/sha256/aa/aa/data".to_owned(), "a layer"),
            (format!("{app}/_manifests/revisions/sha256/a1/link"), "sha256:a1"),
            (format!("{app}/{link}/sha256/aa/link"), "sha256:aa"),
        ];
        let objects: Vec<_> = objects.iter().map(|(key, body)| (key.as_str(), *body)).collect();
        !held_back(Contents::Registry, &objects, &[]).is_empty()
    }

    #[test]
    fn a_tag_is_whole_or_not_as_a_real_registry_says() {
        let layer = r#"{"layers":[{"digest":"sha256:aa"}]}"#;
        let cache = r#"{"manifests":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:aa"}]}"#;
        for whole in [
            layer,
            cache,
            r#"{"schemaVersion":2,"layers":null,"manifests":null}"#,
            r#" {"layers":[{"digest":"sha256:aa","urls":null}],"config":null}"#,
        ] {
            assert!(!is_held(whole, "_layers", "sha256:a1"), "{whole}");
        }
        for none in ["{}", "[]", r#"{"a":1}"#, "", "null", r#"{"layers":[{"digest":7}]}"#] {
            assert!(is_held(none, "_layers", "sha256:a1"), "{none}");
        }
        assert!(is_held(layer, "_layers", "sha256:a1\n"), "a line is no digest");
        assert!(is_held(layer, "_manifests/revisions", "sha256:a1"), "a layer is found by its own link");
    }
}
