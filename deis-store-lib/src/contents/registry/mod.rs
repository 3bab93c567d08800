//! The meaning of the objects of a registry, from their names. Pure.
//!
//! docker-registry 0.x, which Deis v1 runs: `registry/repositories/` holds tags, `registry/images/` what they point to.
//! distribution 2, which its successors run: `docker/registry/v2/repositories/` and `docker/registry/v2/blobs/`, perhaps
//! below a root directory.

mod distribution;
mod images;
mod needs;
mod stage;

pub(super) use needs::Needs;

use super::directory::split_at_directory;

/// Where the tags of docker-registry 0.x are.
pub(crate) const REPOSITORIES: &str = "registry/repositories/";

/// The directory of distribution 2, and the one of tags in a repository.
const REGISTRY_2: &str = "docker/registry/v2/";
const TAGS: &str = "/_manifests/tags/";

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
fn is_tag_of_images(key: &str) -> bool {
    let name = key.strip_prefix(REPOSITORIES).and_then(|path| path.rsplit_once('/'));
    name.is_some_and(|(_, name)| name.starts_with("tag_"))
}

/// The directory of a tag of distribution 2, with its slash, if the key is in one.
pub(super) fn tag_directory(key: &str) -> Option<&str> {
    let (_, tag) = in_repository(key)?.split_once(TAGS)?;
    let (name, inside) = tag.split_once('/')?;
    (!name.is_empty() && !inside.is_empty()).then(|| &key[..key.len() - inside.len()])
}

/// The part of a key behind the directory of repositories of distribution 2.
fn in_repository(key: &str) -> Option<&str> {
    split(key)?.1.strip_prefix("repositories/")
}

/// The root of a registry, which is empty or ends in a slash, and the part of a key below its own directory.
fn split(key: &str) -> Option<(&str, &str)> {
    split_at_directory(key, REGISTRY_2)
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
}
