//! The arguments of the command line.

mod adopt;
mod global;
mod help;
mod interrupted;
mod parts;
mod patterns;
mod rate;
mod rehearse;
mod restore;
mod s3;
mod serve;
mod snapshots;
mod sync;
mod types;
mod volume;
mod wrong;

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{FromArgMatches as _, Parser, Subcommand};
use deis_store::contents::Contents;

pub(crate) use adopt::AdoptArgs;
pub(crate) use global::{ETCD, Global, ShowProgress};
pub(crate) use parts::{Buckets, Guards, Parts, ReadArgs};
pub(crate) use rehearse::RehearseArgs;
pub(crate) use restore::RestoreArgs;
pub(crate) use s3::{Below, S3Action};
pub(crate) use serve::ServeArgs;
pub(crate) use snapshots::{ListArgs, PruneArgs};
pub(crate) use sync::{OtherCluster, SyncArgs};
pub(crate) use types::Types;
pub(crate) use volume::VolumeAction;

use help::described;
use parts::advised;
use wrong::without_values;

/// Backs up, verifies and restores the state of a Deis v1 platform.
#[derive(Debug, Parser)]
#[command(name = "deis-store", version, max_term_width = 100)]
#[command(
    after_long_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 incomplete, 4 damaged, 5 a guard refused, \
                             6 cluster not ready, 7 repository locked, 130 interrupted"
)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

impl Args {
    /// Reads the command line. `-h` shows a command's own options and one line for the common ones, `--help` all of
    /// them; the options that say where a cluster is are not offered where none is needed.
    pub(crate) fn read(words: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut matches = described().try_get_matches_from(words).map_err(without_values)?;
        let typed = matches.clone();
        let mut args = Self::from_arg_matches_mut(&mut matches)?;
        args.global.leave_out_empty_variables(&typed);
        let mut level = typed.subcommand();
        while let Some((_, matches)) = level {
            args.global.take_cluster(matches);
            level = matches.subcommand();
        }
        Ok(args)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy the cluster's state into a new snapshot of a repository
    Backup {
        /// A directory; it is made if it is not there
        repository: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        #[command(flatten)]
        buckets: Buckets,
        #[command(flatten)]
        parts: Parts,
        /// Run so many gateways meanwhile, at most one on each machine, and as many as before afterwards
        #[arg(long, value_name = "N")]
        scale_gateways: Option<NonZeroUsize>,
        #[command(flatten)]
        guards: Guards,
    },
    /// Make a snapshot of a directory that was made by hand with `s3cmd sync`; nothing is downloaded again
    Adopt {
        #[command(flatten)]
        what: AdoptArgs,
    },
    /// Bring a snapshot back onto a new cluster: its store is started, its parts are restored, then the platform is started
    Restore {
        /// A snapshot's directory, as `backup` printed it
        snapshot: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        #[command(flatten)]
        what: RestoreArgs,
    },
    /// Read a snapshot again and compare every file with its digest
    Verify {
        /// A snapshot's directory; or a bucket as it is now, s3://BUCKET, with --as
        snapshot: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        /// What the bucket holds: wal-e, registry or plain
        #[arg(long = "as", value_name = "CONTENTS", value_parser = advised::<Contents>)]
        contents: Option<Contents>,
        #[command(flatten)]
        read: ReadArgs,
    },
    /// List the snapshots of a repository, with what each is good for
    List {
        /// A repository's directory, as `backup` was given it
        repository: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        #[command(flatten)]
        what: ListArgs,
    },
    /// Hold a snapshot: `prune` does not remove it until it is released
    Hold {
        /// A snapshot's directory
        snapshot: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        /// The reason, which `list` shows
        #[arg(long, value_name = "TEXT")]
        why: Option<String>,
    },
    /// Release a snapshot that is held
    Release {
        /// A snapshot's directory
        snapshot: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
    },
    /// Remove old snapshots by rule, and say of each why it stays or goes; the newest good one of each part always stays
    Prune {
        /// A repository's directory, as `backup` was given it
        repository: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        #[command(flatten)]
        what: PruneArgs,
    },
    /// Say what changed from one snapshot to another: objects, tags, base backups, the reach of the log, settings
    Diff {
        /// A snapshot's directory
        before: PathBuf,
        /// Another snapshot's directory
        after: PathBuf,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
    },
    /// Prove the whole way on this machine alone: a snapshot is served, restored, compared, and its database brought back; or a made
    /// cluster is backed up, verified, restored and compared
    Rehearse {
        #[command(flatten)]
        what: RehearseArgs,
    },
    /// Serve a snapshot as an S3 gateway, and with --publish as the cluster's own, until it is stopped
    Serve {
        #[command(flatten)]
        what: ServeArgs,
    },
    /// Look at a cluster, and say of each thing that a backup or a restore rests on that it is good, or what to do now
    Doctor {
        /// A directory for snapshots: whether they have room there
        repository: Option<PathBuf>,
        #[arg(hide = true, value_parser = directory)]
        more: Vec<PathBuf>,
        /// Leave a configuration for s3cmd in this file, which must not be there
        #[arg(long, value_name = "FILE")]
        write_s3cfg: Option<PathBuf>,
    },
    /// Read and write the platform's configuration in etcd, as `deisctl config`
    Config {
        /// The component: router, registry, store, …
        target: String,
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Save a directory, such as the store volume, as an archive; load or list one
    Volume {
        #[command(subcommand)]
        action: VolumeAction,
    },
    /// Work with buckets and objects, as s3cmd
    S3 {
        #[command(subcommand)]
        action: S3Action,
    },
}

/// A further directory, as a shell makes several of `20*Z`. Whatever else stands there was not meant, and may be a secret.
fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("unexpected argument".to_owned()) }
}

impl Command {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Backup { .. } => "backup",
            Self::Adopt { .. } => "adopt",
            Self::Restore { .. } => "restore",
            Self::Verify { .. } => "verify",
            Self::List { .. } => "list",
            Self::Hold { .. } => "hold",
            Self::Release { .. } => "release",
            Self::Prune { .. } => "prune",
            Self::Diff { .. } => "diff",
            Self::Rehearse { .. } => "rehearse",
            Self::Serve { .. } => "serve",
            Self::Doctor { .. } => "doctor",
            Self::Config { .. } => "config",
            Self::Volume { .. } => "volume",
            Self::S3 { .. } => "s3",
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigAction {
    /// Print the values of keys, a line each
    Get {
        /// Keys below the target
        keys: Vec<String>,
    },
    /// Set keys, and print their values
    Set {
        /// Pairs; the key ends at the first `=`
        #[arg(required = true, value_name = "KEY=VALUE")]
        pairs: Vec<String>,
    },
    /// Remove keys, and print them
    Rm {
        /// Keys below the target
        keys: Vec<String>,
    },
}

#[cfg(test)]
mod tests;
