//! A body as it comes: hashed, and kept in memory, in the spool or in a file of its own. In the last two cases it is never whole in
//! memory.

use std::io;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};

use super::content::Content;
use super::index::Store;
use super::kept_file::BodyFile;
use super::spool::Region;
use crate::blocking::blocking_io;
use crate::error::Error;
use crate::gateway::failure::Failure;
use crate::gateway::request_body::RequestBody;

/// How much of a body is gathered before it is written to the disk.
const PIECE_BYTES: usize = 256 << 10;

/// radosgw's `rgw_max_put_size`.
const MOST_BYTES: u64 = 5 << 30;

impl Store {
    /// Takes in a body. A body that is cut off is answered with `NoSuchKey`, as by radosgw.
    pub(in crate::gateway) async fn receive(
        self: &Arc<Self>,
        payload: &mut RequestBody,
    ) -> Result<(Content, [u8; 16]), Failure> {
        let length_bytes = payload.length_bytes().ok_or(Failure::MissingContentLength)?;
        if length_bytes > MOST_BYTES {
            return Err(Failure::EntityTooLarge);
        }
        if self.kept.is_some() {
            let store = self.clone();
            let file = blocking_io(move || store.begin_body()).await.map_err(|_| Failure::InternalError)?;
            return written(To::File(Box::new(file), self.clone()), length_bytes, payload).await;
        }
        match &self.spool {
            Some((spool, from_bytes)) if length_bytes >= *from_bytes => {
                let region = Arc::new(spool.reserve(length_bytes));
                written(To::Spool(region), length_bytes, payload).await
            }
            _ => in_memory(length_bytes, payload).await,
        }
    }

    /// The file of a body that is to be kept.
    fn begin_body(&self) -> io::Result<BodyFile> {
        let kept = self.kept.as_ref().ok_or(io::ErrorKind::Unsupported)?;
        kept.begin().map_err(|error| self.told(error))
    }

    fn told(&self, error: Error) -> io::Error {
        let text = error.to_string();
        self.failures.remember(error);
        io::Error::other(text)
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

/// Where the bytes go.
enum To {
    Spool(Arc<Region>),
    File(Box<BodyFile>, Arc<Store>),
}

async fn written(
    to: To,
    length_bytes: u64,
    payload: &mut RequestBody,
) -> Result<(Content, [u8; 16]), Failure> {
    let mut writing = Writing { to, md5: Md5::new(), at_bytes: 0, length_bytes };
    let mut gathered = BytesMut::new();
    while let Some(piece) = payload.next().await.map_err(|_| Failure::NoSuchKey)? {
        gathered.extend_from_slice(&piece);
        if gathered.len() >= PIECE_BYTES {
            (writing, gathered) = writing.write(gathered).await?;
        }
    }
    let (writing, _) = writing.write(gathered).await?;
    if writing.at_bytes != length_bytes {
        return Err(Failure::NoSuchKey);
    }
    let md5 = writing.md5.finalize().into();
    let content = blocking_io(move || writing.to.content()).await.map_err(|_| Failure::InternalError)?;
    Ok((content, md5))
}

struct Writing {
    to: To,
    md5: Md5,
    at_bytes: u64,
    length_bytes: u64,
}

impl Writing {
    /// Writes what was gathered, and gives the buffer back empty.
    async fn write(mut self, mut gathered: BytesMut) -> Result<(Self, BytesMut), Failure> {
        let left_bytes = self.length_bytes - self.at_bytes;
        if gathered.len() as u64 > left_bytes {
            return Err(Failure::NoSuchKey);
        }
        let written = blocking_io(move || {
            self.to.write(self.at_bytes, &gathered)?;
            self.md5.update(&gathered);
            self.at_bytes += gathered.len() as u64;
            gathered.clear();
            Ok((self, gathered))
        });
        written.await.map_err(|_| Failure::InternalError)
    }
}

impl To {
    fn write(&mut self, at_bytes: u64, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Spool(region) => region.write(at_bytes, bytes),
            Self::File(file, store) => file.write(bytes).map_err(|error| store.told(error)),
        }
    }

    /// What was written; a file lasts from then on.
    fn content(self) -> io::Result<Content> {
        match self {
            Self::Spool(region) => Ok(Content::Spooled(region)),
            Self::File(file, store) => {
                let kept = store.kept.as_ref().ok_or(io::ErrorKind::Unsupported)?;
                let file = kept.keep(*file).map_err(|error| store.told(error))?;
                Ok(Content::Kept(Arc::new(file)))
            }
        }
    }
}
