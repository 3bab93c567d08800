//! How to upload in parts.

use crate::s3::PartLayout;

/// How to upload in parts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UploadOptions {
    /// Parts in flight at most. 4: as many as keep a gateway busy with bytes.
    pub at_once: usize,
    /// How the object is cut, if an upload that an earlier run left unfinished shall be continued: its parts are kept
    /// if they have the same size and MD5. A run that is stopped or loses the gateway leaves its own then; else a run
    /// that fails throws its parts away. The parts' bodies are held until the end then: what an earlier run has begun
    /// with other metadata is uploaded once more.
    pub continues: Option<PartLayout>,
}

impl Default for UploadOptions {
    fn default() -> Self {
        Self { at_once: 4, continues: None }
    }
}
