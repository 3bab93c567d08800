//! The meaning of `s3://BUCKET/KEY`.

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

/// The name of a key where its directories do not matter.
pub(super) fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

pub(super) fn usage(what: &str, given: &str) -> Error {
    Error::new(ErrorKind::Usage, what).at(At::Argument, given)
}
