//! A small object in memory, checked.

use std::future::IntoFuture;

use bytes::{Bytes, BytesMut};

use super::Client;
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::http::BoxFuture;
use crate::s3::{BucketName, Check, Checked, ObjectKey};

/// The most that is taken into memory unless the caller says otherwise: 64 MiB.
const MOST_BYTES: u64 = 64 << 20;

/// A download into memory: to be awaited.
#[derive(Debug)]
#[must_use = "nothing is sent until it is awaited"]
pub struct GetBytes<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    most_bytes: u64,
}

impl Client {
    /// An object's bytes, with what they were checked against. More than 64 MiB are an error, unless
    /// [`GetBytes::at_most`] allows more.
    pub fn get_bytes<'a>(&'a self, bucket: &'a BucketName, key: &'a ObjectKey) -> GetBytes<'a> {
        GetBytes { client: self, bucket, key, most_bytes: MOST_BYTES }
    }
}

impl GetBytes<'_> {
    /// Takes so many bytes at most. A larger object is an [`ErrorKind::Usage`].
    pub fn at_most(self, most_bytes: u64) -> Self {
        Self { most_bytes, ..self }
    }

    async fn send(self) -> Result<(Bytes, Checked)> {
        let Self { client, bucket, key, most_bytes } = self;
        let mut download = client.get(bucket, key).await?;
        let total_bytes = download.info().total_bytes;
        if total_bytes > most_bytes {
            let what = format!("the object has {total_bytes} bytes, and at most {most_bytes} are wanted");
            let error = Error::new(ErrorKind::Usage, what).at(At::Bucket, bucket).at(At::Key, key);
            return Err(error.todo("allow more bytes, or read it as it comes"));
        }
        let mut check = Check::new(download.info());
        let mut whole = BytesMut::new();
        while let Some(bytes) = download.try_next().await? {
            check.update(&bytes);
            whole.extend_from_slice(&bytes);
        }
        let conclusion = check.conclude().at(At::Bucket, bucket).at(At::Key, key)?;
        let checked = client.settled(bucket, key, download.info(), conclusion).await?;
        Ok((whole.freeze(), checked))
    }
}

impl<'a> IntoFuture for GetBytes<'a> {
    type Output = Result<(Bytes, Checked)>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
