//! The arguments of `volume`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use deis_store::volume::{Compress, SaveOptions};

/// Where every host of a Deis cluster mounts the store.
const STORE: &str = "/var/lib/deis/store";

#[derive(Debug, Subcommand)]
pub(crate) enum VolumeAction {
    /// Save the directory as a .tar.gz; files that change meanwhile are named
    Save {
        /// The file, which must not be there yet; - for standard output
        file: PathBuf,
        #[command(flatten)]
        place: VolumePlace,
        /// Compress on the host (one core of it, a larger file) or here (all cores) [default: what is sooner, by the
        /// connection's speed]
        #[arg(long, value_name = "WHERE", value_enum)]
        compress: Option<Where>,
    },
    /// Load an archive into the directory, which must be empty; what would reach beyond it is refused
    Load {
        /// A .tar.gz or .tar, or one of a snapshot; - for standard input
        file: PathBuf,
        #[command(flatten)]
        place: VolumePlace,
        /// Load only this entry, and what is below it. Give it again for each
        #[arg(long = "member", value_name = "PATH")]
        members: Vec<String>,
        /// Keep setuid, setgid and sticky bits of files
        #[arg(long)]
        keep_special_modes: bool,
        /// Load it also if it is more than 200 times as long as its compressed form
        #[arg(long)]
        any_ratio: bool,
    },
    /// List the entries of an archive, and what of them would not be loaded
    List {
        /// A .tar.gz or .tar, or one of a snapshot; - for standard input
        file: PathBuf,
        /// List only this entry, and what is below it. Give it again for each
        #[arg(long = "member", value_name = "PATH")]
        members: Vec<String>,
        /// List it also if it is more than 200 times as long as its compressed form
        #[arg(long)]
        any_ratio: bool,
    },
}

#[derive(Debug, clap::Args)]
pub(crate) struct VolumePlace {
    /// The directory, with its whole path: on the host of --tunnel, else on this machine
    #[arg(long, value_name = "DIR", default_value = STORE)]
    pub(crate) path: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Where {
    /// On the host
    There,
    /// On this machine
    Here,
}

impl VolumeAction {
    pub(crate) fn save_options(compress: Option<Where>) -> SaveOptions {
        let compress = compress.map(|compress| match compress {
            Where::There => Compress::There,
            Where::Here => Compress::Here,
        });
        SaveOptions { compress }
    }
}
