//! A second reading of an object of parts whose `ETag` could not be recomputed: other bytes are proof of damage.

use super::{Client, Revision};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::s3::op::ObjectInfo;
use crate::s3::{BucketName, Check, Checked, Conclusion, ObjectKey};

impl Client {
    /// What the bytes of an object were found to agree with. Where that is doubtful, the object is read once more: if it
    /// comes with other bytes, one of the two readings was wrong, and that is an [`ErrorKind::Damaged`].
    pub(crate) async fn settled(
        &self,
        bucket: &BucketName,
        key: &ObjectKey,
        info: &ObjectInfo,
        conclusion: Conclusion,
    ) -> Result<Checked> {
        let first = match conclusion {
            Conclusion::Checked(checked) => return Ok(checked),
            doubtful @ Conclusion::Doubtful { .. } => doubtful,
        };
        let mut download = self.get_known(bucket, key, &Revision::from(info)).await?;
        let mut check = Check::new(info);
        while let Some(bytes) = download.try_next().await? {
            check.update(&bytes);
        }
        if check.conclude().at(At::Bucket, bucket).at(At::Key, key)? == first {
            return Ok(Checked::None);
        }
        let error = Error::new(ErrorKind::Damaged, "two readings of it gave different bytes");
        Err(error.todo("look at the gateway and the network").at(At::Bucket, bucket).at(At::Key, key))
    }
}
