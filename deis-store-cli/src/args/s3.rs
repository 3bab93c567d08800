//! The words of `s3` and their arguments.

use std::path::PathBuf;

use clap::Subcommand;

use super::patterns::Patterns;
use super::rate::Rate;
use super::sync::SyncArgs;
use super::types::Types;

#[derive(Debug, Subcommand)]
pub(crate) enum S3Action {
    /// Make buckets
    Mb {
        /// s3://BUCKET
        #[arg(required = true, value_name = "s3://BUCKET")]
        buckets: Vec<String>,
    },
    /// Remove buckets; one that is not empty only with --recursive --force
    Rb {
        /// s3://BUCKET
        #[arg(required = true, value_name = "s3://BUCKET")]
        buckets: Vec<String>,
        /// Delete what is in it first
        #[arg(long, short, requires = "force")]
        recursive: bool,
        /// Yes, all of it; and a bucket that is not there is no error
        #[arg(long, short)]
        force: bool,
    },
    /// List buckets, or the objects of one
    Ls {
        /// s3://BUCKET[/PREFIX]
        place: Option<String>,
        /// Do not fold what is below a slash
        #[arg(long, short)]
        recursive: bool,
    },
    /// List the objects of all buckets
    La {
        /// Do not fold what is below a slash
        #[arg(long, short)]
        recursive: bool,
    },
    /// Count objects and their bytes, by bucket or below a prefix
    Du {
        /// s3://BUCKET[/PREFIX]
        place: Option<String>,
    },
    /// Tell what is stored with buckets and objects
    Info {
        /// s3://BUCKET[/KEY]
        #[arg(required = true, value_name = "s3://BUCKET[/KEY]")]
        places: Vec<String>,
    },
    /// Upload files
    Put {
        /// A file, `-` for standard input, or with -r a directory: DIR/ for what is in it
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// s3://BUCKET/KEY, or s3://BUCKET/[PREFIX/] to keep the names
        #[arg(value_name = "s3://BUCKET[/KEY]")]
        place: String,
        #[command(flatten)]
        types: Types,
        #[command(flatten)]
        below: Below,
        #[command(flatten)]
        rate: Rate,
    },
    /// Download an object, or with -r all below a prefix
    Get {
        /// s3://BUCKET/KEY
        place: String,
        /// The file, a directory, or `-` for standard output; by default the key's last part, here
        file: Option<PathBuf>,
        /// Replace a file that is there
        #[arg(long, short, conflicts_with = "skip_existing")]
        force: bool,
        /// Leave a file that is there
        #[arg(long)]
        skip_existing: bool,
        #[command(flatten)]
        below: Below,
        #[command(flatten)]
        rate: Rate,
    },
    /// Delete objects, or with -r all that begin so
    #[command(visible_alias = "rm")]
    Del {
        /// s3://BUCKET/KEY
        #[arg(required = true, value_name = "s3://BUCKET/KEY")]
        places: Vec<String>,
        /// Yes, also all of a bucket
        #[arg(long, short)]
        force: bool,
        #[command(flatten)]
        below: Below,
    },
    /// Copy an object within the cluster, or with -r all below a prefix
    Cp {
        /// s3://BUCKET/KEY
        source: String,
        /// s3://BUCKET/KEY, or s3://BUCKET/[PREFIX/] to keep the name
        target: String,
        #[command(flatten)]
        below: Below,
    },
    /// Print a URL by which anybody can download an object until a time
    Signurl {
        /// s3://BUCKET/KEY
        place: String,
        /// In so many seconds, or at this time in seconds since 1970
        #[arg(value_name = "+SECONDS|EPOCH")]
        until: String,
    },
    /// List multipart uploads that are under way
    Listmp {
        /// s3://BUCKET[/PREFIX]
        place: String,
    },
    /// End a multipart upload and throw its parts away
    Abortmp {
        /// s3://BUCKET/KEY
        place: String,
        /// Its id, as listmp prints it
        id: String,
    },
    /// Make a directory as a bucket is, or a bucket as a directory or another bucket is
    Sync(Box<SyncArgs>),
}

/// How words go through directories and prefixes.
#[derive(Debug, clap::Args)]
pub(crate) struct Below {
    /// All that is below
    #[arg(long, short)]
    pub(crate) recursive: bool,
    #[command(flatten)]
    pub(crate) patterns: Patterns,
    /// Print what would be done, and do nothing
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
}
