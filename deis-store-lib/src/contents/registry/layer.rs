//! The checksum that docker-registry 0.x keeps of a layer: of the image's description, a newline and the layer
//! (`docker_registry/lib/checksums.py`). Pure.

use sha2::Digest as _;

use super::IMAGES;
use crate::hash::Sha256;

/// The key of an image's description and that of its checksums, by the key of its layer.
pub(crate) fn beside_layer(key: &str) -> Option<[String; 2]> {
    let (image, name) = key.strip_prefix(IMAGES)?.split_once('/')?;
    (name == "layer").then(|| ["json", "_checksum"].map(|name| format!("{IMAGES}{image}/{name}")))
}

/// The checksum of a layer whose bytes come by.
#[derive(Debug)]
pub(crate) struct LayerSum {
    sha256: sha2::Sha256,
    /// The checksums that would be right.
    named: Vec<String>,
}

impl LayerSum {
    /// Begins with the bytes of the two objects beside the layer. Nothing if these name a tarsum alone, which is not computed here.
    pub(crate) fn new(description: &[u8], checksums: &[u8]) -> Option<Self> {
        let mut named = named(checksums);
        named.retain(|sum| sum.strip_prefix("sha256:").is_some_and(|hex| hex.len() == 64));
        let sha256 = sha2::Sha256::new().chain_update(description).chain_update("\n");
        (!named.is_empty()).then_some(Self { sha256, named })
    }

    /// Takes the next bytes of the layer.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
    }

    /// Why the layer is not the one of its checksum.
    pub(crate) fn wrong(self) -> Option<String> {
        let sum = format!("sha256:{}", Sha256(self.sha256.finalize().into()));
        (!self.named.contains(&sum)).then(|| {
            format!("with `json` it has the checksum {sum}, and `_checksum` says {}", self.named.join(", "))
        })
    }
}

/// Newer registries write a list, older ones one checksum as it is.
fn named(checksums: &[u8]) -> Vec<String> {
    serde_json::from_slice(checksums)
        .unwrap_or_else(|_| vec![String::from_utf8_lossy(checksums).trim().to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of `{}`, a newline and `layer`, as sha256sum gives it.
    const SUM: &str = "sha256:3db12f91db95a0807d65a0f98032c3573e34a9b50de10745302cdab21e85c76f";

    fn sum(checksums: &str, layer: &[u8]) -> Option<LayerSum> {
        let mut sum = LayerSum::new(b"{}", checksums.as_bytes())?;
        for byte in layer {
            sum.update(&[*byte]);
        }
        Some(sum)
    }

    #[test]
    fn a_layer_is_held_against_the_checksum_that_is_no_tarsum() {
        for right in
            [format!(r#"["tarsum+sha256:00", "{SUM}"]"#), format!(r#"["{SUM}"]"#), format!("{SUM}\n")]
        {
            assert_eq!(sum(&right, b"layer").unwrap().wrong(), None, "{right}");
            let said = sum(&right, b"lawyer").unwrap().wrong().unwrap();
            assert!(said.contains(SUM), "{said}");
        }
        for none in ["", "[]", r#"["tarsum+sha256:00"]"#, "{}", "sha256:", r#"["sha256:00"]"#] {
            assert!(sum(none, b"layer").is_none(), "{none}");
        }
    }

    #[test]
    fn only_a_layer_has_them_beside_it() {
        let beside = ["registry/images/0a/json", "registry/images/0a/_checksum"].map(str::to_owned);
        assert_eq!(beside_layer("registry/images/0a/layer"), Some(beside));
        for none in
            ["registry/images/0a/json", "registry/images/layer", "registry/images/0a/b/layer", "0a/layer"]
        {
            assert_eq!(beside_layer(none), None, "{none}");
        }
    }
}
