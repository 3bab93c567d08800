//! The meaning of `s3://BUCKET/KEY`.

use std::path::Path;

use deis_store::error::At;
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::{Error, ErrorKind, Result};

/// `s3://BUCKET[/KEY]` in its two parts.
pub(super) fn split(place: &str) -> Result<(BucketName, String)> {
    let rest = place.strip_prefix("s3://").ok_or_else(|| usage("not of the form s3://BUCKET/KEY", place))?;
    let (bucket, key) = rest.split_once('/').unwrap_or((rest, ""));
    Ok((BucketName::new(bucket)?, key.to_owned()))
}

pub(super) fn bucket(place: &str) -> Result<BucketName> {
    let (bucket, key) = split(place)?;
    if key.is_empty() { Ok(bucket) } else { Err(usage("a bucket has no key", place)) }
}

pub(super) fn object(place: &str) -> Result<(BucketName, ObjectKey)> {
    let (bucket, key) = split(place)?;
    if key.is_empty() {
        return Err(usage("no key is given", place));
    }
    Ok((bucket, ObjectKey::new(key)?))
}

/// A bucket and the beginning of the keys below it: nothing, or what ends in a slash.
pub(super) fn directory(place: &str) -> Result<(BucketName, String)> {
    let (bucket, prefix) = split(place)?;
    if !prefix.is_empty() && !prefix.ends_with('/') {
        let error = usage("several objects go below a prefix, which ends in a slash", place);
        return Err(error.todo(format!("say {place}/")));
    }
    Ok((bucket, prefix))
}

/// An error if a place in a bucket stands where a file should, and a file where the place should.
pub(super) fn refuse_swapped(files: &[impl AsRef<Path>], place: &str) -> Result<()> {
    let is_place = |file: &Path| file.as_os_str().as_encoded_bytes().starts_with(b"s3://");
    let Some(file) = files.iter().map(AsRef::as_ref).find(|file| is_place(file)) else { return Ok(()) };
    if place.starts_with("s3://") {
        let error = usage("two places in buckets, and no file", &file.display().to_string());
        return Err(error.todo("copy an object with s3 cp, and many with s3 sync"));
    }
    let error =
        usage("a place in a bucket stands where the file should, and the file where the place should", place);
    Err(error.todo("swap them: `s3 put FILE s3://BUCKET/KEY`, `s3 get s3://BUCKET/KEY FILE`"))
}

/// The name of a key where its directories do not matter.
pub(super) fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

pub(super) fn usage(what: &str, given: &str) -> Error {
    Error::new(ErrorKind::Usage, what).at(At::Argument, given)
}
