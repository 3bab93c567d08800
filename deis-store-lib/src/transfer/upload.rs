//! Directory → bucket.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt, stream};
use rustix::buffer::spare_capacity;
use rustix::io::Errno;
use sha2::{Digest as _, Sha256 as Sha256Hasher};

use super::ordered;
use crate::blocking::blocking;
use crate::disk::read_chunks;
use crate::error::{At, Context, Error, ErrorKind, Result, Scope};
use crate::hash::Md5;
use crate::hash::Sha256;
use crate::hash::lower_hex;
use crate::http::{Body, Frames, Source};
use crate::run::{Run, Running};
use crate::s3::client::{Part, UploadOptions};
use crate::s3::etag::parts_etag;
use crate::s3::op::{CannedAcl, InitiateUpload, PutObject};
use crate::s3::{BucketName, Client, ObjectKey, PartLayout};

/// A file of at most this size is read once, hashed and sent from memory.
const IN_MEMORY_BYTES: u64 = 64 << 10;

/// A file over this size is uploaded in parts: less to send again when something breaks.
const IN_ONE_BYTES: u64 = 64 << 20;

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
    /// The size of the parts to upload it in, where its `ETag` shall be one of such parts.
    pub part_size_bytes: Option<u64>,
    /// Whether its `ETag` shall be its MD5: then it goes in one request, however big, if one can carry it.
    pub in_one: bool,
    /// Who may do what with it; without this it is private.
    pub acl: Option<CannedAcl>,
    /// Whether it is stored only if nothing has its key yet: for what goes in one request.
    pub creates_only: bool,
}

impl ToPush {
    /// A file with nothing said of it but its key and its size.
    pub fn new(
        key: impl Into<String>,
        size_bytes: u64,
        open: impl FnOnce() -> Result<File> + Send + 'static,
    ) -> Self {
        Self {
            key: key.into(),
            open: Box::new(open),
            size_bytes,
            sha256: None,
            content_type: None,
            headers: BTreeMap::new(),
            meta: BTreeMap::new(),
            part_size_bytes: None,
            in_one: false,
            acl: None,
            creates_only: false,
        }
    }
}

/// What became of a file.
#[derive(Debug)]
pub struct Pushed {
    /// The key.
    pub key: String,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The `ETag` of the object that is now in the bucket, or why it is not there.
    pub result: Result<String>,
    /// Whether it was there already, with the same bytes.
    pub unchanged: bool,
}

/// Uploads files, several at once, and calls `each` for every one in the order given. With `look_first`, an object
/// that is there already with the same bytes is left as it is.
///
/// What befalls a single file is in its result. An error is what befalls all: the source or the gateways fail, or the
/// run is stopped. `each` is called before it for what is done by then.
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
        let result = match upload(client, bucket, file, look_first).await {
            // A gateway that denies one object denies the next ones, too.
            Err(error) if error.scope() == Scope::Run || error.kind() == ErrorKind::Denied => {
                return Err(error);
            }
            result => result,
        };
        let unchanged = matches!(result, Ok((_, true)));
        Ok(Pushed { key, size_bytes, result: result.map(|(etag, _)| etag), unchanged })
    });
    let mut results = Box::pin(ordered(transfers, client.in_flight(), run.stop.clone()));
    while let Some(pushed) = results.try_next().await? {
        progress.advance(1, pushed.size_bytes);
        each(pushed)?;
    }
    Ok(())
}

/// Uploads one file: in parts if it is big. Returns the `ETag` of the object, and whether it was there already.
pub async fn upload(
    client: &Client,
    bucket: &BucketName,
    file: ToPush,
    look_first: bool,
) -> Result<(String, bool)> {
    let key = ObjectKey::new(&file.key)?;
    send(client, bucket, &key, file, look_first).await.at(At::Bucket, bucket).at(At::Key, &key)
}

async fn send(
    client: &Client,
    bucket: &BucketName,
    key: &ObjectKey,
    file: ToPush,
    look_first: bool,
) -> Result<(String, bool)> {
    let ToPush {
        open,
        size_bytes,
        sha256,
        content_type,
        headers,
        meta,
        part_size_bytes,
        in_one,
        acl,
        creates_only,
        ..
    } = file;
    let in_one_bytes = if in_one { PutObject::MOST_BYTES } else { IN_ONE_BYTES };
    let in_parts = size_bytes > in_one_bytes || part_size_bytes.is_some();
    let cut = in_parts.then(|| PartLayout::new(size_bytes, part_size_bytes)).transpose()?;
    let read = blocking(move || read(open()?, size_bytes, cut, sha256.is_some())).await?;
    if read.sha256 != sha256 {
        return Err(Error::new(ErrorKind::Damaged, "the file is not what it was when it was backed up")
            .todo("take it from another snapshot; `verify` names all that are damaged"));
    }
    let etag = match cut {
        Some(_) => parts_etag(&read.md5s),
        None => lower_hex(&read.md5),
    };
    let content_type = content_type.as_deref();
    let mut begin = InitiateUpload::new(bucket, key, content_type, &headers, &meta)?;
    if let Some(acl) = acl {
        begin = begin.acl(acl);
    }
    if look_first {
        let same = match client.head(bucket, key).await {
            Ok(there) => {
                (there.total_bytes, &there.etag) == (size_bytes, &etag) && begin.is_stored_with(&there)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if same {
            return Ok((etag, true));
        }
    }
    let Read { file, bytes, md5, md5s, .. } = read;
    let sent = if let Some(cut) = cut {
        let parts = (1..=cut.count()).zip(md5s.clone()).filter_map(|(number, md5)| {
            let (offset_bytes, size_bytes) = cut.part(number)?;
            let source = FileSource { file: file.clone(), offset_bytes, size_bytes };
            Some(Ok(Part { body: Body::Source(Arc::new(source)), md5 }))
        });
        let options = UploadOptions { continues: Some(cut), ..UploadOptions::default() };
        client.upload(&begin, stream::iter(parts), &options).await.map(drop)
    } else {
        let body = match bytes {
            Some(bytes) => Body::Bytes(bytes),
            None => Body::Source(Arc::new(FileSource { file: file.clone(), offset_bytes: 0, size_bytes })),
        };
        let operation = PutObject::new(bucket, key, size_bytes, md5)?.with(content_type, &headers, &meta)?;
        let operation = acl.into_iter().fold(operation, PutObject::acl);
        let operation = if creates_only { operation.create_only() } else { operation };
        client.put_hashed(&operation, &body).await
    };
    match sent {
        Ok(()) => Ok((etag, false)),
        // The gateway may have got other bytes than were hashed because the file has others by now.
        Err(error) if error.kind() == ErrorKind::Protocol => {
            blocking(move || unchanged(&file, size_bytes, cut, &md5s)).await?;
            Err(error)
        }
        Err(error) => Err(error),
    }
}

/// An error if a file has no longer the bytes that were hashed.
fn unchanged(mut file: &File, size_bytes: u64, cut: Option<PartLayout>, md5s: &[[u8; 16]]) -> Result<()> {
    let opened = file.rewind().and_then(|()| file.try_clone());
    let opened = opened.map_err(|error| {
        Error::new(ErrorKind::SourceChanged, "cannot read the file a second time").because(error)
    })?;
    if read(opened, size_bytes, cut, false)?.md5s == md5s {
        return Ok(());
    }
    Err(Error::new(ErrorKind::SourceChanged, "the file was changed while it was sent")
        .todo("run it again when nobody writes to it"))
}

/// A file that was read and hashed.
struct Read {
    file: Arc<File>,
    /// Its bytes, if they are few.
    bytes: Option<Bytes>,
    /// Its digest, if it is to be compared.
    sha256: Option<Sha256>,
    md5: [u8; 16],
    /// The MD5s of its parts, if it is cut.
    md5s: Vec<[u8; 16]>,
}

fn read(mut file: File, size_bytes: u64, cut: Option<PartLayout>, compares: bool) -> Result<Read> {
    // A file whose digest is known is damaged if it is not as it was; any other may just have been written to.
    let kind = if compares { ErrorKind::Damaged } else { ErrorKind::SourceChanged };
    let failed = |error: io::Error| Error::new(kind, "cannot read the file").because(error);
    let damaged = || {
        Error::new(kind, "the file has not the size that it should have")
            .todo("of a snapshot, take it from another one; else run it again when nobody writes to it")
    };
    if file.metadata().map_err(failed)?.len() != size_bytes {
        return Err(damaged());
    }
    let part_size_bytes = cut.map_or(u64::MAX, |cut| cut.part_size_bytes());
    let (mut md5, mut md5s, mut sha256) = (Md5::new(), Vec::new(), compares.then(Sha256Hasher::new));
    let mut left_bytes = part_size_bytes;
    let mut hash = |piece: &Bytes| {
        if let Some(sha256) = &mut sha256 {
            sha256.update(piece);
        }
        let mut piece = piece.clone();
        while !piece.is_empty() {
            if left_bytes == 0 {
                md5s.push(std::mem::replace(&mut md5, Md5::new()).finish());
                left_bytes = part_size_bytes;
            }
            let here = usize::try_from(left_bytes).map_or(piece.len(), |left| left.min(piece.len()));
            md5.update_piece(piece.split_to(here));
            left_bytes -= here as u64;
        }
    };
    let (read_bytes, bytes) = if size_bytes <= IN_MEMORY_BYTES && cut.is_none() {
        let mut bytes = Vec::with_capacity(usize::try_from(size_bytes).unwrap_or(0) + 1);
        (&mut file).take(size_bytes + 1).read_to_end(&mut bytes).map_err(failed)?;
        let bytes = Bytes::from(bytes);
        hash(&bytes);
        (bytes.len() as u64, Some(bytes))
    } else {
        (read_chunks(&mut file, hash).map_err(failed)?, None)
    };
    if read_bytes != size_bytes {
        return Err(damaged());
    }
    let md5 = md5.finish();
    md5s.push(md5);
    let sha256 = sha256.map(|sha256| Sha256(sha256.finalize().into()));
    Ok(Read { file: Arc::new(file), bytes, sha256, md5, md5s })
}

/// Bytes of an open file as the body of a request.
struct FileSource {
    file: Arc<File>,
    offset_bytes: u64,
    size_bytes: u64,
}

impl Source for FileSource {
    fn length_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn open(&self) -> Frames {
        let (file, end) = (self.file.clone(), self.offset_bytes + self.size_bytes);
        Box::pin(stream::unfold((file, self.offset_bytes), move |(file, offset)| async move {
            if offset == end {
                return None;
            }
            let reading = file.clone();
            let most = usize::try_from(end - offset).map_or(PIECE_BYTES, |left| left.min(PIECE_BYTES));
            let piece = tokio::task::spawn_blocking(move || read_at(&reading, offset, most)).await;
            match piece.unwrap_or_else(|error| Err(io::Error::other(error))) {
                // Shorter than it was: the body comes short, and is not sent.
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

fn read_at(file: &File, offset: u64, most: usize) -> io::Result<Bytes> {
    // Not zeroed before: that costs as much as a part of the reading.
    let mut piece = Vec::with_capacity(most);
    while piece.len() < most {
        let at = offset + piece.len() as u64;
        match rustix::io::pread(file, spare_capacity(&mut piece), at) {
            Ok(0) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    piece.truncate(most);
    Ok(Bytes::from(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_other_bytes_than_were_hashed_is_named_and_one_that_has_them_is_not() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("f");
        let bytes = vec![7; 70 << 10];
        std::fs::write(&path, &bytes).unwrap();
        let size_bytes = bytes.len() as u64;
        let Read { file, md5s, .. } = read(File::open(&path).unwrap(), size_bytes, None, false).unwrap();
        unchanged(&file, size_bytes, None, &md5s).unwrap();
        for other in [vec![8; 70 << 10], vec![7; 69 << 10]] {
            std::fs::write(&path, other).unwrap();
            let error = unchanged(&file, size_bytes, None, &md5s).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SourceChanged);
        }
    }
}
