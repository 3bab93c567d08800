//! Goes on with what an earlier run has left of a big object, at the byte where it stopped.
//!
//! What was left is taken for the beginning of the object whose `ETag` is in its name, read again, and checked with the
//! rest: it is not trusted.

use super::download::{no_data, write_rest};
use crate::blocking::blocking;
use crate::disk::{NewFile, Root};
use crate::error::{Error, ErrorKind, Result};
use crate::s3::Checked;
use crate::s3::client::Revision;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::s3::{BucketName, Check, Client, ObjectKey};

/// Downloads what is missing of a listed object, and if all bytes are right does with the file what is to be done.
///
/// `below` is the key by which its file is found. What came stays for the next run, unless the object is another one by
/// now or its bytes are wrong.
pub(super) async fn resume(
    client: &Client,
    (bucket, key): (&BucketName, &ObjectKey),
    listed: &ListedObject,
    (root, below): (&Root, &str),
    settle: impl FnOnce(NewFile) -> Result<NewFile> + Send + 'static,
) -> Result<(ObjectInfo, NewFile, Checked)> {
    let (root, below, etag) = (root.clone(), below.to_owned(), listed.etag.clone());
    let open = move || root.resume_object(&below, &etag).map(NewFile::without_digest);
    let new_file = blocking(open.clone()).await?;
    let result = go_on(client, (bucket, key), listed, new_file, settle).await;
    if result.as_ref().is_err_and(is_of_no_use) {
        // If another run has it by now, it is that one's.
        let _ = blocking(move || open().map(NewFile::discard)).await;
    }
    result
}

fn is_of_no_use(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Changed | ErrorKind::NotFound | ErrorKind::Damaged)
        && error.place().path().is_none()
}

async fn go_on(
    client: &Client,
    (bucket, key): (&BucketName, &ObjectKey),
    listed: &ListedObject,
    new_file: NewFile,
    settle: impl FnOnce(NewFile) -> Result<NewFile> + Send + 'static,
) -> Result<(ObjectInfo, NewFile, Checked)> {
    let known = &Revision::from(listed);
    let (new_file, left) = match new_file.left_bytes()? {
        0 => (new_file, None),
        _ => reread(client, (bucket, key), known, new_file).await?,
    };
    let first_byte = new_file.size_bytes();
    let resumed = left.is_some();
    let (info, check, rest) = match left {
        Some((info, check)) if first_byte == listed.size_bytes => (info, check, None),
        left => {
            let rest = client.get_rest(bucket, key, known, first_byte).await.map_err(no_data)?;
            let fresh = || (rest.info().clone(), Check::new(rest.info()));
            let (info, check) = left.unwrap_or_else(fresh);
            (info, check, Some(rest))
        }
    };
    let (new_file, checked) = write_rest(rest, check, new_file, key, settle).await?;
    if resumed && checked == Checked::None {
        // A crash of the machine may have left anything in a file.
        return Err(Error::new(ErrorKind::Damaged, "what an earlier run has left of it cannot be checked"));
    }
    Ok((info, new_file, checked))
}

/// Reads what was left, which is the beginning of the object of this size and `ETag` if anything. Without what is stored
/// with the object, nothing of it could be read.
async fn reread(
    client: &Client,
    (bucket, key): (&BucketName, &ObjectKey),
    known: &Revision,
    mut new_file: NewFile,
) -> Result<(NewFile, Option<(ObjectInfo, Check)>)> {
    let info = client.head(bucket, key).await.map_err(no_data)?;
    if Revision::from(&info) != *known {
        return Err(Error::new(ErrorKind::Changed, "the object is not what was listed"));
    }
    let mut check = Check::new(&info);
    blocking(move || {
        let fits = new_file.left_bytes()? <= info.total_bytes;
        if fits && new_file.reread(&mut check).is_ok() {
            return Ok((new_file, Some((info, check))));
        }
        // What cannot be read is as good as not there.
        new_file.empty()?;
        Ok((new_file, None))
    })
    .await
}
