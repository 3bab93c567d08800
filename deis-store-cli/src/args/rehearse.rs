//! The options of `rehearse`.

use std::path::PathBuf;

use clap::Args;

use super::Buckets;

/// A rehearsal of a made cluster, or of a snapshot.
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// A snapshot's directory: serve it, restore it and compare, and bring its database back. Without it, a made cluster
    #[arg(conflicts_with_all = ["seed", "damage", "buckets"])]
    pub(crate) snapshot: Option<PathBuf>,
    #[arg(hide = true, value_parser = super::directory)]
    pub(crate) more: Vec<PathBuf>,
    /// Make another cluster
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Change a byte of this object on the way, to see that it is found
    #[arg(long, value_name = "KEY")]
    pub(crate) damage: Option<String>,
    /// The programs of PostgreSQL, of the version that made the base backup [default: where distributions have them]
    #[arg(long, value_name = "DIR", requires = "snapshot")]
    pub(crate) postgres: Option<PathBuf>,
    /// The program wal-e [default: the one in PATH]
    #[arg(long, value_name = "PROGRAM", requires = "snapshot")]
    pub(crate) wal_e: Option<PathBuf>,
    /// A directory with room for what is restored [default: the one for temporary files]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) buckets: Buckets,
}
