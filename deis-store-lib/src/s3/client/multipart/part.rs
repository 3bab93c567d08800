//! The parts of an object that is uploaded, and how what is read is cut into them.

use bytes::BytesMut;
use futures_util::{Stream, stream};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::error::{Error, ErrorKind, Result};
use crate::http::Body;
use crate::s3::client::put::md5_of;

/// A part of an object.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its bytes.
    pub body: Body,
    /// Their MD5.
    pub md5: [u8; 16],
}

/// Cuts what is read into parts of this size, the last one smaller; of nothing, one part of nothing. A part is held in
/// memory while it is sent.
pub fn cut_into_parts(
    reader: impl AsyncRead + Unpin,
    part_size_bytes: usize,
) -> impl Stream<Item = Result<Part>> {
    stream::try_unfold((Some(reader), 0_u32), move |(reader, number)| async move {
        let Some(mut reader) = reader else { return Ok(None) };
        let mut bytes = BytesMut::new();
        while bytes.len() < part_size_bytes {
            let left = (part_size_bytes - bytes.len()) as u64;
            let count = (&mut reader).take(left).read_buf(&mut bytes).await.map_err(|error| {
                Error::new(ErrorKind::Disk, "cannot read what is to be uploaded").because(error)
            })?;
            if count == 0 {
                break;
            }
        }
        let is_last = bytes.len() < part_size_bytes;
        if bytes.is_empty() && number > 0 {
            return Ok(None);
        }
        let bytes = bytes.freeze();
        let md5 = md5_of(bytes.clone()).await?;
        let reader = (!is_last).then_some(reader);
        Ok(Some((Part { body: Body::Bytes(bytes), md5 }, (reader, number + 1))))
    })
}
