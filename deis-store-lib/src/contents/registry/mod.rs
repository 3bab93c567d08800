//! What the objects of `registry` mean, from their names. Pure.
//!
//! Layout of docker-registry 0.x: `registry/repositories/` holds tags, `registry/images/` what they point to.

/// Where tags are: an image is written before a tag points to it, so tags are copied out first and put back last.
pub const REPOSITORIES: &str = "registry/repositories/";
