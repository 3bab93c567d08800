//! `deis-store verify SNAPSHOT`, and `deis-store verify s3://BUCKET --as CONTENTS`

use std::path::{Path, PathBuf};

use deis_store::contents::Contents;
use deis_store::error::At;
use deis_store::run::Run;
use deis_store::snapshot::SnapshotReader;
use deis_store::verify::{Read, VerifyOptions, verify, verify_bucket};
use deis_store::{Error, ErrorKind};

use super::s3::bucket_of;
use super::{Done, local};
use crate::args::{Global, ReadArgs};
use crate::output::Output;
use crate::settings;

/// What is to be verified.
pub(super) struct What<'a> {
    pub(super) place: &'a Path,
    pub(super) more: &'a [PathBuf],
    pub(super) contents: Option<Contents>,
    pub(super) read: &'a ReadArgs,
}

pub(super) async fn run(global: &Global, what: What<'_>, output: &Output, run: &Run) -> Done {
    let What { place, more, contents, read } = what;
    let read = match (read.quick, read.sample, read.share) {
        (true, ..) => Read::Sizes,
        (_, Some(percent), _) => Read::Sample { percent },
        (_, _, Some(share)) => Read::Share(share),
        (false, None, None) => Read::All,
    };
    let place = local::one(place, more, "verify")?;
    let bucket = place.to_str().filter(|place| place.starts_with("s3://"));
    if let (Some(bucket), Some(contents)) = (bucket, contents) {
        let bucket = bucket_of(bucket)?;
        let cluster = settings::cluster(global, true, run).await?;
        let report = verify_bucket(cluster.s3()?, (&bucket, contents), read, run).await?;
        return Ok(output.verified_bucket(&report));
    }
    if contents.is_some() {
        let error = Error::new(ErrorKind::Usage, "a snapshot says itself what its buckets hold");
        return Err(error.at(At::Argument, place.display()).todo("leave --as out, or verify s3://BUCKET"));
    }
    let todo = "verify a directory, which `deis-store s3 sync` fetches from a bucket; or verify a bucket itself with --as wal-e, \
                --as registry or --as plain";
    let path = local::path(place, "a snapshot", todo)?;
    let snapshot = SnapshotReader::open(path)?;
    let report = verify(&snapshot, &VerifyOptions { read }, run).await?;
    Ok(output.verified(&report))
}
