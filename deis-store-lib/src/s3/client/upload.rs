//! Storing an object, in one request or in parts. The gateway checks the MD5 that goes along, and we check the `ETag` it answers.

use super::Client;
use super::execute::Call;
use crate::error::Result;
use crate::http::Body;
use crate::s3::op::{PutObject, UploadPart};

impl Client {
    /// Stores an object; its body may be read several times.
    pub async fn put(&self, operation: &PutObject<'_>, body: &Body) -> Result<()> {
        self.collected(operation, Call { body: Some(body), ..Call::default() }).await
    }

    /// Uploads a part; its body may be read several times.
    pub async fn upload_part(&self, operation: &UploadPart<'_>, body: &Body) -> Result<()> {
        self.collected(operation, Call { body: Some(body), ..Call::default() }).await
    }
}
