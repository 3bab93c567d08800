//! The arguments of `adopt`.

use std::path::PathBuf;

use deis_store::part::BucketPart;

use super::parts::advised;

#[derive(Debug, clap::Args)]
pub(crate) struct AdoptArgs {
    /// The directory in which `s3cmd sync` was run: basebackups_005, wal_005 and registry are in it, or db_wal and registry
    pub(crate) directory: PathBuf,
    /// A directory of snapshots; it is made if it is not there
    pub(crate) repository: PathBuf,
    /// Another bucket, which is the directory NAME, as the part bucket.NAME; CONTENTS is plain (the default), wal-e or
    /// registry. Give it again for each
    #[arg(long = "bucket", value_name = "NAME[:CONTENTS]", value_parser = advised::<BucketPart>)]
    pub(crate) buckets: Vec<BucketPart>,
    /// Give the files a further name in the snapshot where that is possible, in place of a copy. They become read-only: who
    /// changes one then changes the snapshot
    #[arg(long)]
    pub(crate) link: bool,
    /// Compare with no gateway, also if one is given
    #[arg(long)]
    pub(crate) no_gateway: bool,
}
