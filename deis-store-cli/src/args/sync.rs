//! The arguments of `s3 sync`.

use std::num::NonZeroU64;
use std::path::PathBuf;

use deis_store::sync::MaxDelete;

use super::patterns::Patterns;
use super::rate::Rate;
use super::types::Types;

/// The arguments of `s3 sync`.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct SyncArgs {
    /// s3://BUCKET[/PREFIX], or a directory: without `/` at its end, its name becomes part of the keys
    pub(crate) source: String,
    /// A directory, which is made if it is not there, or s3://BUCKET[/PREFIX/]; if both are buckets, of the same cluster
    /// unless another one is named
    pub(crate) target: String,
    /// Say what would be done, and do nothing
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Delete in the target what the source does not have, when all else went well
    #[arg(long)]
    pub(crate) delete_removed: bool,
    /// Delete nothing if it would be more than so many objects, or per cent of the target's
    #[arg(long, value_name = "N|P%", requires = "delete_removed")]
    pub(crate) max_delete: Option<MaxDelete>,
    /// Leave alone what is there already, whatever it is
    #[arg(long, conflicts_with = "checksum")]
    pub(crate) skip_existing: bool,
    /// Compare by reading, also where size and time agree
    #[arg(long)]
    pub(crate) checksum: bool,
    /// Copy what matches this when all else is copied, and not at all if something else was not: for what refers to
    /// others, such as WAL-E's `*_backup_stop_sentinel.json`
    #[arg(long, value_name = "GLOB")]
    pub(crate) last: Vec<String>,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    #[command(flatten)]
    pub(crate) types: Types,
    #[command(flatten)]
    pub(crate) rate: Rate,
    #[command(flatten)]
    pub(crate) to: OtherCluster,
}

impl SyncArgs {
    pub(crate) fn limit_rate(&self) -> Option<NonZeroU64> {
        self.rate.limit_rate
    }
}

/// Another cluster to write to.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options for a target on another cluster")]
pub(crate) struct OtherCluster {
    /// A gateway of the target's cluster, its keys being in --to-s3cfg or in etcd. Give it again for each of its gateways
    #[arg(long, value_name = "URL")]
    pub(crate) to_gateway: Vec<String>,
    /// Take the target's gateway and keys from this file of s3cmd
    #[arg(long, value_name = "FILE")]
    pub(crate) to_s3cfg: Option<PathBuf>,
    /// The etcd of the target's cluster; with --to-tunnel, as seen from that host
    #[arg(long, value_name = "URL")]
    pub(crate) to_etcd: Option<String>,
    /// Go to the target's cluster through this host, by ssh
    #[arg(long, value_name = "[USER@]HOST[:PORT]")]
    pub(crate) to_tunnel: Option<String>,
    /// Where objects are kept on their way, some at a time [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) spool: Option<PathBuf>,
}

impl OtherCluster {
    pub(crate) fn is_given(&self) -> bool {
        !self.to_gateway.is_empty()
            || [&self.to_etcd, &self.to_tunnel].iter().any(|to| to.is_some())
            || self.to_s3cfg.is_some()
            || self.spool.is_some()
    }
}
