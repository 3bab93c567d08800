//! Directory → bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use md5::{Digest as _, Md5};
use sha2::Sha256 as Sha256Hasher;

use super::in_order::in_order;
use super::pull::blocking;
use crate::disk::{Sha256, each_piece};
use crate::error::{Context, Error, ErrorKind, Result};
use crate::hex::lower_hex;
use crate::http::{Body, Frames, Source};
use crate::monitor::{Run, Running};
use crate::s3::op::PutObject;
use crate::s3::{BucketName, Client, ObjectKey};

/// A file of at most this size is read once, hashed and sent from memory.
const IN_MEMORY_BYTES: u64 = 256 << 10;

/// How much of a larger file is read at a time.
const PIECE_BYTES: usize = 256 << 10;

/// A file that is to become an object.
pub struct ToPush {
    /// The key.
    pub key: String,
    /// Opens the file.
    pub open: Box<dyn FnOnce() -> Result<File> + Send>,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The digest it must have, if that is known.
    pub sha256: Option<Sha256>,
    /// `Content-Type`.
    pub content_type: Option<String>,
    /// Headers that are kept with the object.
    pub headers: BTreeMap<String, String>,
    /// The user's metadata.
    pub meta: BTreeMap<String, String>,
}

/// What became of a file.
#[derive(Debug)]
pub struct Pushed {
    /// The key.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The MD5 of the object that is now in the bucket, or why it is not there.
    pub result: Result<[u8; 16]>,
    /// Whether it was there already, with the same bytes.
    pub unchanged: bool,
}

/// Uploads files, several at once, and calls `each` for every one in the order given. With `look_first`, an object
/// that is there already with the same bytes is left as it is.
///
/// What befalls a single file is in its result. An error is what befalls all: the source or the gateways fail, or the
/// run is stopped.
pub async fn push(
    client: &Client,
    bucket: &BucketName,
    files: impl Stream<Item = Result<ToPush>>,
    look_first: bool,
    run: &Run,
    progress: &Running<'_>,
    mut each: impl FnMut(Pushed) -> Result<()>,
) -> Result<()> {
    let transfers = files.map_ok(|file| async move {
        let (key, size_bytes) = (file.key.clone(), file.size_bytes);
        let result = upload(client, bucket, file, look_first).await;
        let unchanged = matches!(result, Ok((_, true)));
        Ok(Pushed { key, size_bytes, result: result.map(|(md5, _)| md5), unchanged })
    });
    let mut results = Box::pin(in_order(transfers, client.in_flight()));
    while let Some(pushed) = results.try_next().await? {
        run.stop.check()?;
        if pushed.result.as_ref().is_err_and(|error| !concerns_one(error)) {
            // It has been tried again already, and would befall the next ones too.
            return pushed.result.map(|_| ());
        }
        progress.advance(1, pushed.size_bytes);
        each(pushed)?;
    }
    Ok(())
}

fn concerns_one(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Damaged | ErrorKind::NotFound | ErrorKind::Unsupported | ErrorKind::Usage
    )
}

/// Uploads one file. Returns the MD5 of the object, and whether it was there already.
pub async fn upload(
    client: &Client,
    bucket: &BucketName,
    file: ToPush,
    look_first: bool,
) -> Result<([u8; 16], bool)> {
    let key = ObjectKey::new(&file.key)?;
    send(client, bucket, &key, file, look_first).await.at("bucket", bucket).at("key", &key)
}

async fn send(
    client: &Client,
    bucket: &BucketName,
    key: &ObjectKey,
    file: ToPush,
    look_first: bool,
) -> Result<([u8; 16], bool)> {
    let ToPush { open, size_bytes, sha256, content_type, headers, meta, .. } = file;
    let (body, digests) = blocking(move || read(open()?, size_bytes)).await?;
    if sha256.is_some_and(|expected| expected != digests.sha256) {
        return Err(Error::new(ErrorKind::Damaged, "the file is not what it was when it was backed up")
            .todo("take it from another snapshot; `verify` names all that are damaged"));
    }
    if look_first {
        let same = match client.head(bucket, key).await {
            Ok(there) => there.size_bytes == size_bytes && there.etag == lower_hex(&digests.md5),
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if same {
            return Ok((digests.md5, true));
        }
    }
    let operation = PutObject::new(bucket, key, size_bytes, digests.md5)?.with(
        content_type.as_deref(),
        &headers,
        &meta,
    )?;
    client.put(&operation, &body).await?;
    Ok((digests.md5, false))
}

struct Digests {
    md5: [u8; 16],
    sha256: Sha256,
}

/// Hashes a file, and gives its bytes, or a way to read them again if they are many.
fn read(mut file: File, size_bytes: u64) -> Result<(Body, Digests)> {
    // An unreadable sector is damage to this one file.
    let failed = |error: io::Error| Error::new(ErrorKind::Damaged, "cannot read the file").because(error);
    let damaged = || {
        Error::new(ErrorKind::Damaged, "the file has not the size that it should have")
            .todo("take it from another snapshot; `verify` names all that are damaged")
    };
    if file.metadata().map_err(failed)?.len() != size_bytes {
        return Err(damaged());
    }
    let (mut md5, mut sha256) = (Md5::new(), Sha256Hasher::new());
    let mut kept = Vec::new();
    let read_bytes = each_piece(&mut file, |piece| {
        md5.update(piece);
        sha256.update(piece);
        if size_bytes <= IN_MEMORY_BYTES {
            kept.extend_from_slice(piece);
        }
    })
    .map_err(failed)?;
    if read_bytes != size_bytes {
        return Err(damaged());
    }
    let digests = Digests { md5: md5.finalize().into(), sha256: Sha256(sha256.finalize().into()) };
    let body = if size_bytes <= IN_MEMORY_BYTES {
        Body::Bytes(Bytes::from(kept))
    } else {
        Body::Source(Arc::new(FileSource { file: Arc::new(file), size_bytes }))
    };
    Ok((body, digests))
}

/// An open file as the body of a request.
struct FileSource {
    file: Arc<File>,
    size_bytes: u64,
}

impl Source for FileSource {
    fn length_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn open(&self) -> Frames {
        let file = self.file.clone();
        Box::pin(stream::unfold((file, 0_u64), |(file, offset)| async move {
            let reading = file.clone();
            let piece = tokio::task::spawn_blocking(move || read_at(&reading, offset)).await;
            match piece.unwrap_or_else(|error| Err(io::Error::other(error))) {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => {
                    let next = offset + bytes.len() as u64;
                    Some((Ok(bytes), (file, next)))
                }
                // The receiver stops at an error.
                Err(error) => Some((Err(error), (file, offset))),
            }
        }))
    }
}

impl fmt::Debug for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSource").field("size_bytes", &self.size_bytes).finish_non_exhaustive()
    }
}

fn read_at(file: &File, offset: u64) -> io::Result<Bytes> {
    use std::os::unix::fs::FileExt as _;
    let mut piece = vec![0; PIECE_BYTES];
    let mut filled = 0;
    while filled < piece.len() {
        match file.read_at(&mut piece[filled..], offset + filled as u64)? {
            0 => break,
            count => filled += count,
        }
    }
    piece.truncate(filled);
    Ok(Bytes::from(piece))
}
