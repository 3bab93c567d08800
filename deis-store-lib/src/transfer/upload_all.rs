//! Files, several at once, into a bucket.

use futures_util::{Stream, TryStreamExt as _};

use super::ordered::ordered;
use super::upload::{UploadFile, UploadedFile, Uploader};
use crate::error::{Result, Scope};
use crate::run::Running;

/// A file, and what became of it.
#[derive(Debug)]
pub(crate) struct UploadResult {
    /// The key.
    pub(crate) key: String,
    /// Its size in bytes.
    pub(crate) size_bytes: u64,
    /// The object that is now in the bucket, or why it is not there.
    pub(crate) result: Result<UploadedFile>,
}

impl Uploader<'_> {
    /// Uploads files, several at once, and calls `each` for every one in the order given.
    ///
    /// A failure of a single file is in its result. An error befalls all: the source or the gateways fail, or the run is
    /// stopped. `each` is called before it for what is done by then.
    pub(crate) async fn upload_all(
        &self,
        files: impl Stream<Item = Result<UploadFile>>,
        task: &Running<'_>,
        mut each: impl FnMut(UploadResult) -> Result<()>,
    ) -> Result<()> {
        let uploads = files.map_ok(|file| async move {
            let (key, size_bytes) = (file.key.clone(), file.size_bytes);
            match self.upload(file).await {
                Err(error) if error.scope() != Scope::Object => Err(error),
                result => Ok(UploadResult { key, size_bytes, result }),
            }
        });
        let mut results = Box::pin(ordered(uploads, self.client.in_flight(), task.run().stop.clone()));
        while let Some(result) = results.try_next().await? {
            task.advance(1, result.size_bytes);
            each(result)?;
        }
        Ok(())
    }
}
