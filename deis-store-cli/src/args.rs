//! What can be typed.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};
use deis_store::snapshot::Part;

use crate::commands::sync::SyncArgs;

/// Backs up, verifies and restores the state of a Deis v1 platform.
#[derive(Debug, Parser)]
#[command(name = "deis-store", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 3 incomplete, 4 damaged, 5 a guard refused, \
                        6 cluster not ready, 7 repository locked, 130 interrupted")]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Global {
    /// Go to the cluster through this host, by ssh; the user is `core` unless given
    #[arg(long, global = true, env = "DEISCTL_TUNNEL", value_name = "[USER@]HOST[:PORT]")]
    pub(crate) tunnel: Option<String>,
    /// A configuration file for ssh, in place of ~/.ssh/config
    #[arg(long, global = true, env = "DEIS_STORE_SSH_CONFIG", value_name = "FILE")]
    pub(crate) ssh_config: Option<PathBuf>,
    /// The cluster's etcd; with --tunnel, as seen from that host
    #[arg(
        long,
        global = true,
        env = "DEIS_STORE_ETCD",
        value_name = "URL",
        default_value = "http://127.0.0.1:4001"
    )]
    pub(crate) etcd: String,
    /// A gateway; etcd is then not asked. Give it again for each gateway of the cluster
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) gateway: Vec<String>,
    /// Take gateway and keys from this file of s3cmd
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) s3cfg: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// How to show progress, on standard error
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) progress: ShowProgress,
    /// Print errors only
    #[arg(long, short, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell more
    #[arg(long, short, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Do what would otherwise be asked about
    #[arg(long, global = true)]
    pub(crate) yes: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowProgress {
    /// Lines on a terminal, nothing elsewhere
    Auto,
    /// Lines
    Plain,
    /// Nothing
    None,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy the cluster's state into a new snapshot of a repository
    Backup {
        /// A directory; it is made if it is not there
        repository: PathBuf,
        #[command(flatten)]
        parts: Parts,
    },
    /// Bring a snapshot back, onto a new cluster
    Restore {
        /// A snapshot's directory, as `backup` printed it
        snapshot: PathBuf,
        #[command(flatten)]
        parts: Parts,
        /// Print what would be done, and do nothing
        #[arg(long)]
        dry_run: bool,
        /// Write sentinels and tags also where objects they stand for are lost
        #[arg(long)]
        despite_damage: bool,
    },
    /// Read a snapshot again and compare every file with its digest
    Verify {
        /// A snapshot's directory
        snapshot: PathBuf,
        /// Presence and sizes only
        #[arg(long, conflicts_with = "sample")]
        quick: bool,
        /// Read so many of a hundred objects, chosen by chance
        #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
        sample: Option<u8>,
    },
    /// Prove the whole way on this machine alone: a made cluster is backed up, verified, restored and compared
    Rehearse {
        /// Make another cluster
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Change a byte of this object on the way, to see that it is found
        #[arg(long, value_name = "KEY")]
        damage: Option<String>,
    },
    /// Read and write the platform's configuration in etcd, as `deisctl config`
    Config {
        /// The component: router, registry, store, …
        target: String,
        #[command(subcommand)]
        action: ConfigAction,
    },
    /// Work with buckets and objects, as s3cmd
    S3 {
        #[command(subcommand)]
        action: S3Action,
    },
}

impl Command {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Backup { .. } => "backup",
            Self::Restore { .. } => "restore",
            Self::Verify { .. } => "verify",
            Self::Rehearse { .. } => "rehearse",
            Self::Config { .. } => "config",
            Self::S3 { .. } => "s3",
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Parts {
    /// Only these: db_wal, registry, volume, sql, config
    #[arg(long, value_name = "PART,…", value_delimiter = ',', conflicts_with = "without")]
    pub(crate) only: Vec<Part>,
    /// All but these
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    pub(crate) without: Vec<Part>,
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

#[derive(Debug, Subcommand)]
pub(crate) enum S3Action {
    /// Make buckets
    Mb {
        /// s3://BUCKET
        #[arg(required = true)]
        buckets: Vec<String>,
    },
    /// List buckets, or the objects of one
    Ls {
        /// s3://BUCKET[/PREFIX]
        place: Option<String>,
        /// Do not fold what is below a slash
        #[arg(long, short)]
        recursive: bool,
    },
    /// Upload a file
    Put {
        /// The file
        file: PathBuf,
        /// s3://BUCKET/KEY, or s3://BUCKET/[PREFIX/] to keep the file's name
        place: String,
        /// What it is
        #[arg(long, short, value_name = "TYPE")]
        mime_type: Option<String>,
    },
    /// Download an object
    Get {
        /// s3://BUCKET/KEY
        place: String,
        /// The file, or a directory; by default the key's last part, here
        file: Option<PathBuf>,
        /// Replace a file that is there
        #[arg(long, short)]
        force: bool,
    },
    /// Delete objects
    Del {
        /// s3://BUCKET/KEY
        #[arg(required = true)]
        places: Vec<String>,
    },
    /// Make a directory as a bucket is, or a bucket as a directory or another bucket is
    Sync(SyncArgs),
}
