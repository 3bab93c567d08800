//! The meaning of the objects of a registry, from their names. Pure.
//!
//! docker-registry 0.x, which Deis v1 runs: `registry/repositories/` holds tags, `registry/images/` what they point to.
//! distribution 2, which its successors run: `docker/registry/v2/repositories/` and `docker/registry/v2/blobs/`, perhaps
//! below a root directory.

mod layer;

pub(crate) use layer::{LayerSum, beside_layer};

use super::directory::split_at_directory;
use crate::hash::Sha256;

/// Where the tags of docker-registry 0.x are.
pub(crate) const REPOSITORIES: &str = "registry/repositories/";

/// Where the images of docker-registry 0.x are.
pub(crate) const IMAGES: &str = "registry/images/";

/// The directory of distribution 2, and the one of tags in a repository.
pub(crate) const REGISTRY_2: &str = "docker/registry/v2/";
pub(crate) const TAGS: &str = "/_manifests/tags/";

/// Whether a key is a tag or what lies beside one: an image is written before a tag points to it, so tags are copied out
/// first.
#[must_use]
pub(crate) fn is_repository(key: &str) -> bool {
    key.starts_with(REPOSITORIES) || in_repository(key).is_some()
}

/// Whether a key is a tag itself, by which an image is found: it is put back last.
pub(super) fn is_tag(key: &str) -> bool {
    is_tag_of_images(key) || tag_directory(key).is_some()
}

/// Whether a key is a tag of docker-registry 0.x.
pub(crate) fn is_tag_of_images(key: &str) -> bool {
    let name = key.strip_prefix(REPOSITORIES).and_then(|path| path.rsplit_once('/'));
    name.is_some_and(|(_, name)| name.starts_with("tag_"))
}

/// Whether a key says that a push is under way, or was broken off.
pub(crate) fn is_upload(key: &str) -> bool {
    let of_images = key.strip_prefix(IMAGES).and_then(|path| path.split_once('/'));
    of_images.is_some_and(|(_, name)| name == "_inprogress")
        || in_repository(key).is_some_and(|path| path.contains("/_uploads/") && path.ends_with("/startedat"))
}

/// The directory of a tag of distribution 2, with its slash, if the key is in one.
pub(crate) fn tag_directory(key: &str) -> Option<&str> {
    let (_, tag) = in_repository(key)?.split_once(TAGS)?;
    let (name, inside) = tag.split_once('/')?;
    (!name.is_empty() && !inside.is_empty()).then(|| &key[..key.len() - inside.len()])
}

/// The part of a key behind the directory of repositories of distribution 2.
pub(crate) fn in_repository(key: &str) -> Option<&str> {
    split(key)?.1.strip_prefix("repositories/")
}

/// The root of a registry, which is empty or ends in a slash, and the part of a key below its own directory.
pub(crate) fn split(key: &str) -> Option<(&str, &str)> {
    split_at_directory(key, REGISTRY_2)
}

/// The root of a registry and the digest of a blob.
pub(crate) type Blob = (String, String);

/// The blob of a key `blobs/ALGORITHM/XX/HEX/data`.
pub(crate) fn blob(key: &str) -> Option<Blob> {
    let (root, path) = split(key)?;
    let mut names = path.strip_prefix("blobs/")?.split('/');
    match (names.next(), names.next(), names.next(), names.next(), names.next()) {
        (Some(algorithm), Some(beginning), Some(hex), Some("data"), None)
            if hex.get(..2) == Some(beginning) =>
        {
            Some((root.to_owned(), format!("{algorithm}:{hex}")))
        }
        _ => None,
    }
}

/// A repository's link to a layer or to a manifest, by which it gives it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    /// The path of the repository.
    pub(crate) repository: String,
    pub(crate) digest: String,
    pub(crate) to: Linked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Linked {
    Layer,
    Manifest,
}

/// The link of a key `…/_layers/ALGORITHM/HEX/link` or `…/_manifests/revisions/ALGORITHM/HEX/link`.
pub(crate) fn link(key: &str) -> Option<Link> {
    let path = key.strip_suffix("/link").filter(|_| in_repository(key).is_some())?;
    let directories = [("/_layers/", Linked::Layer), ("/_manifests/revisions/", Linked::Manifest)];
    directories.into_iter().find_map(|(directory, to)| {
        let (repository, digest) = path.split_once(directory)?;
        let (algorithm, hex) = digest.split_once('/')?;
        Some(Link { repository: repository.to_owned(), digest: format!("{algorithm}:{hex}"), to })
    })
}

/// Why a blob is not the one of its name, or a link does not hold the digest of its own, if the digest of its bytes is known.
pub(crate) fn wrong_digest(key: &str, sha256: Option<Sha256>) -> Option<String> {
    if let Some(Link { digest, .. }) = link(key) {
        let is_other = sha256? != Sha256::of(digest.as_bytes());
        return is_other.then(|| "it does not hold the digest of its name alone".to_owned());
    }
    let ((_, digest), sha256) = (blob(key)?, sha256?);
    let named = digest.strip_prefix("sha256:")?;
    let is_digest = named.len() == 64;
    (is_digest && named != sha256.to_string())
        .then(|| format!("its name is a digest that its bytes have not: they have {sha256}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_both_layouts_are_known_and_images_are_not_tags() {
        assert!(is_repository("registry/repositories/library/app/tag_v1"));
        assert!(is_repository("docker/registry/v2/repositories/app/_manifests/tags/v1/current/link"));
        assert!(is_repository("/root/docker/registry/v2/repositories/app/_layers/sha256/0a/link"));
        assert!(!is_repository("registry/images/0a/layer"));
        assert!(!is_repository("docker/registry/v2/blobs/sha256/0a/0a/data"));
        assert!(!is_repository("mydocker/registry/v2/repositories/app"));
    }

    #[test]
    fn what_lies_beside_a_tag_is_none() {
        assert!(is_tag("registry/repositories/library/app/tag_v1"));
        assert!(is_tag("docker/registry/v2/repositories/app/_manifests/tags/v1/current/link"));
        assert!(is_tag("/root/docker/registry/v2/repositories/a/b/_manifests/tags/v1/index/sha256/0a/link"));
        for beside in [
            "registry/repositories/library/app/tagv1_json",
            "registry/repositories/library/app/_index_images",
            "registry/repositories/library/tag_app/json",
            "docker/registry/v2/repositories/app/_layers/sha256/0a/link",
            "docker/registry/v2/repositories/app/_manifests/revisions/sha256/0a/link",
            "docker/registry/v2/repositories/app/_manifests/tags/",
            "registry/images/0a/tag_v1",
        ] {
            assert!(!is_tag(beside), "{beside}");
        }
    }

    #[test]
    fn a_link_holds_the_digest_of_its_name_and_a_blob_lies_where_its_digest_says() {
        let wrong = |key: &str, bytes: &[u8]| wrong_digest(key, Some(Sha256::of(bytes))).is_some();
        for directory in ["_layers", "_manifests/revisions"] {
            let key = format!("docker/registry/v2/repositories/a/b/{directory}/sha256/0a0b/link");
            assert!(!wrong(&key, b"sha256:0a0b"));
            for other in [&b""[..], b"sha256:0a0b\n", b"sha256:0a0c", b"0a0b"] {
                assert!(wrong(&key, other), "{other:?}");
            }
            assert_eq!(wrong_digest(&key, None), None);
        }
        assert!(!wrong("docker/registry/v2/repositories/a/_manifests/tags/v1/current/link", b""));
        assert!(blob("docker/registry/v2/blobs/sha256/0a/0a0b/data").is_some());
        assert_eq!(blob("docker/registry/v2/blobs/sha256/zz/0a0b/data"), None);
    }
}
