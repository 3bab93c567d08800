//! Small images in a directory, as the OCI lays them out.

use std::fs;
use std::path::Path;

use deis_store_tests::process::{program, run};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(super) const LIST: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// Makes a directory of the images `v1`, `v2` and `tool`, and of `multi`, which is a list of two others.
pub(super) fn make(directory: &Path) {
    fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
    let images = Images(directory);
    let of_amd64 = |layer| images.image("amd64", &["base", layer]);
    let (many, other) = (of_amd64("many"), images.image("arm64", &["base of arm", "many of arm"]));
    let list = json!({ "schemaVersion": 2, "mediaType": LIST, "manifests": [many, other] });
    let named = [
        ("v1", of_amd64("one")),
        ("v2", of_amd64("two")),
        ("tool", of_amd64("tool")),
        ("multi", images.blob(LIST, list.to_string().as_bytes())),
    ];
    let manifests = named.map(|(name, mut descriptor)| {
        descriptor["annotations"] = json!({ "org.opencontainers.image.ref.name": name });
        descriptor
    });
    let index = json!({ "schemaVersion": 2, "manifests": manifests });
    fs::write(directory.join("index.json"), index.to_string()).unwrap();
    fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

/// The digest of bytes, as it is written in a manifest.
pub(super) fn digest(bytes: &[u8]) -> String {
    let hex: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

struct Images<'a>(&'a Path);

impl Images<'_> {
    /// The descriptor of an image with such layers.
    fn image(&self, architecture: &str, layers: &[&str]) -> Value {
        let layers: Vec<_> = layers.iter().map(|layer| self.blob(LAYER, &self.archive(layer))).collect();
        let digests: Vec<_> = layers.iter().map(|layer| &layer["digest"]).collect();
        let history: Vec<_> = layers.iter().map(|_| json!({ "created": "2026-11-22T08:00:00Z" })).collect();
        let config = json!({
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "history": history,
            "rootfs": { "type": "layers", "diff_ids": digests },
        });
        let config = self.blob(CONFIG, config.to_string().as_bytes());
        let manifest =
            json!({ "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers });
        let mut descriptor = self.blob(MANIFEST, manifest.to_string().as_bytes());
        descriptor["platform"] = json!({ "architecture": architecture, "os": "linux" });
        descriptor
    }

    fn blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = digest(bytes);
        fs::write(self.0.join("blobs").join(digest.replace(':', "/")), bytes).unwrap();
        json!({ "mediaType": media_type, "digest": digest, "size": bytes.len() })
    }

    /// An archive of one file; always the same for a name.
    fn archive(&self, name: &str) -> Vec<u8> {
        fs::write(self.0.join(name), format!("{name}\n").repeat(99)).unwrap();
        let archive = self.0.join("archive.tar");
        let mut tar = program("tar");
        tar.arg("--create").arg("--mtime=@0").arg("--file").arg(&archive).arg("-C").arg(self.0).arg(name);
        run("Make a layer", tar).unwrap();
        fs::read(archive).unwrap()
    }
}
