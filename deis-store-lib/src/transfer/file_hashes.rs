//! A file is read and hashed before it is sent: what its `ETag` will be, and whether it is what it should be.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256 as Sha256Hasher};

use crate::disk::read_chunks;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Md5, Sha256};
use crate::s3::PartLayout;

/// A file of at most this size is read once, hashed and sent from memory.
const IN_MEMORY_BYTES: u64 = 64 << 10;

/// A file that was read and hashed.
pub(super) struct HashedFile {
    pub(super) file: Arc<File>,
    /// Its bytes, if they are few.
    pub(super) bytes: Option<Bytes>,
    /// Its digest, if it is to be compared.
    pub(super) sha256: Option<Sha256>,
    pub(super) md5: [u8; 16],
    /// The MD5s of its parts, if it goes in parts.
    pub(super) md5s: Vec<[u8; 16]>,
}

/// Reads a file of this size; its SHA-256 too, if that is to be compared.
pub(super) fn hash_file(
    mut file: File,
    size_bytes: u64,
    layout: Option<PartLayout>,
    compares: bool,
) -> Result<HashedFile> {
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
    // As those of /proc. Of what else has no size, all was read by this.
    if size_bytes == 0 && !compares && file.read(&mut [0]).map_err(failed)? > 0 {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "the file has bytes and its size is 0: the kernel makes it when it is read",
        )
        .todo("upload it as standard input, or leave it out"));
    }
    let part_size_bytes = layout.map_or(u64::MAX, |layout| layout.part_size_bytes());
    let (mut md5, mut md5s, mut sha256) = (Md5::new(), Vec::new(), compares.then(Sha256Hasher::new));
    let mut left_bytes = part_size_bytes;
    let mut hash = |chunk: &Bytes| {
        if let Some(sha256) = &mut sha256 {
            sha256.update(chunk);
        }
        let mut chunk = chunk.clone();
        while !chunk.is_empty() {
            if left_bytes == 0 {
                md5s.push(std::mem::replace(&mut md5, Md5::new()).finish());
                left_bytes = part_size_bytes;
            }
            let here = usize::try_from(left_bytes).map_or(chunk.len(), |left| left.min(chunk.len()));
            md5.update_piece(chunk.split_to(here));
            left_bytes -= here as u64;
        }
    };
    let (read_bytes, bytes) = if size_bytes <= IN_MEMORY_BYTES && layout.is_none() {
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
    Ok(HashedFile { file: Arc::new(file), bytes, sha256, md5, md5s })
}

/// An error if a file has no longer the bytes that were hashed.
pub(super) fn check_unchanged(
    mut file: &File,
    size_bytes: u64,
    layout: Option<PartLayout>,
    md5s: &[[u8; 16]],
) -> Result<()> {
    let opened = file.rewind().and_then(|()| file.try_clone());
    let opened = opened.map_err(|error| {
        Error::new(ErrorKind::SourceChanged, "cannot read the file a second time").because(error)
    })?;
    if hash_file(opened, size_bytes, layout, false)?.md5s == md5s {
        return Ok(());
    }
    Err(Error::new(ErrorKind::SourceChanged, "the file was changed while it was sent")
        .todo("run it again when nobody writes to it"))
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
        let HashedFile { file, md5s, .. } =
            hash_file(File::open(&path).unwrap(), size_bytes, None, false).unwrap();
        check_unchanged(&file, size_bytes, None, &md5s).unwrap();
        for other in [vec![8; 70 << 10], vec![7; 69 << 10]] {
            std::fs::write(&path, other).unwrap();
            let error = check_unchanged(&file, size_bytes, None, &md5s).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::SourceChanged);
        }
    }
}
