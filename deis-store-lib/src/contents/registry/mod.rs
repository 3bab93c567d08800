//! The meaning of the objects of a registry, from their names. Pure.
//!
//! docker-registry 0.x, which Deis v1 runs: `registry/repositories/` holds tags, `registry/images/` what they point to.
//! distribution 2, which its successors run: `docker/registry/v2/repositories/` and `docker/registry/v2/blobs/`, perhaps
//! below a root directory.

/// Where the tags of docker-registry 0.x are.
pub(crate) const REPOSITORIES: &str = "registry/repositories/";
const REPOSITORIES_2: &str = "docker/registry/v2/repositories/";

/// Whether a key is a tag or what lies beside one: an image is written before a tag points to it, so tags are copied out
/// first and put back last.
#[must_use]
pub(crate) fn is_repository(key: &str) -> bool {
    key.starts_with(REPOSITORIES)
        || key.match_indices(REPOSITORIES_2).any(|(at, _)| at == 0 || key.as_bytes()[at - 1] == b'/')
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
}
