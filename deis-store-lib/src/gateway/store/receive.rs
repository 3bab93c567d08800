//! A body as it comes: hashed, and kept in memory or in the spool. It is never whole in memory when it is spooled.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};

use super::content::Content;
use super::index::Store;
use super::spool::Region;
use crate::blocking::blocking_io;
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;

/// How much of a body is gathered before it is written to the spool.
const PIECE_BYTES: usize = 256 << 10;

/// radosgw's `rgw_max_put_size`.
const MOST_BYTES: u64 = 5 << 30;

impl Store {
    /// Takes in a body. A body that is cut off is answered with `NoSuchKey`, as by radosgw.
    pub(in crate::gateway) async fn receive(
        &self,
        payload: &mut RequestBody,
    ) -> Result<(Content, [u8; 16]), Failure> {
        let length_bytes = payload.length_bytes().ok_or(Failure::MissingContentLength)?;
        if length_bytes > MOST_BYTES {
            return Err(Failure::EntityTooLarge);
        }
        match &self.spool {
            Some((spool, from_bytes)) if length_bytes >= *from_bytes => {
                spooled(Arc::new(spool.reserve(length_bytes)), payload).await
            }
            _ => in_memory(length_bytes, payload).await,
        }
    }
}

async fn in_memory(length_bytes: u64, payload: &mut RequestBody) -> Result<(Content, [u8; 16]), Failure> {
    // Announced bytes are not yet there: only so much memory is set aside for them in advance.
    let ahead = usize::try_from(length_bytes.min(1 << 20)).unwrap_or(0);
    let (mut bytes, mut md5) = (Vec::with_capacity(ahead), Md5::new());
    while let Some(piece) = payload.next().await.map_err(|_| Failure::NoSuchKey)? {
        md5.update(&piece);
        bytes.extend_from_slice(&piece);
    }
    if bytes.len() as u64 != length_bytes {
        return Err(Failure::NoSuchKey);
    }
    Ok((Content::Bytes(Bytes::from(bytes)), md5.finalize().into()))
}

async fn spooled(region: Arc<Region>, payload: &mut RequestBody) -> Result<(Content, [u8; 16]), Failure> {
    let mut writing = Writing { region: region.clone(), md5: Md5::new(), at_bytes: 0 };
    let mut gathered = BytesMut::new();
    while let Some(piece) = payload.next().await.map_err(|_| Failure::NoSuchKey)? {
        gathered.extend_from_slice(&piece);
        if gathered.len() >= PIECE_BYTES {
            (writing, gathered) = writing.write(gathered).await?;
        }
    }
    let (writing, _) = writing.write(gathered).await?;
    if writing.at_bytes != region.length_bytes() {
        return Err(Failure::NoSuchKey);
    }
    Ok((Content::Spooled(region), writing.md5.finalize().into()))
}

struct Writing {
    region: Arc<Region>,
    md5: Md5,
    at_bytes: u64,
}

impl Writing {
    /// Writes what was gathered, and gives the buffer back empty.
    async fn write(mut self, mut gathered: BytesMut) -> Result<(Self, BytesMut), Failure> {
        let left_bytes = self.region.length_bytes() - self.at_bytes;
        if gathered.len() as u64 > left_bytes {
            return Err(Failure::NoSuchKey);
        }
        let written = blocking_io(move || {
            self.region.write(self.at_bytes, &gathered)?;
            self.md5.update(&gathered);
            self.at_bytes += gathered.len() as u64;
            gathered.clear();
            Ok((self, gathered))
        });
        written.await.map_err(|_| Failure::InternalError)
    }
}
