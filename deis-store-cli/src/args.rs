//! The arguments of the command line.

use std::ffi::OsString;
use std::num::NonZeroU64;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{
    Arg, ArgAction, ArgMatches, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};
use deis_store::part::{BucketPart, PartChoice, PartName};
use deis_store::verify::{Percent, Share};

use crate::commands::s3::sync::SyncArgs;

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
        let mut matches = described().try_get_matches_from(words)?;
        let typed = matches.clone();
        let mut args = Self::from_arg_matches_mut(&mut matches)?;
        let mut level = typed.subcommand();
        while let Some((_, matches)) = level {
            args.global.take_cluster(matches);
            level = matches.subcommand();
        }
        Ok(args)
    }
}

impl Global {
    /// Takes over what was typed after a subcommand of where the cluster is.
    fn take_cluster(&mut self, matches: &ArgMatches) {
        let typed = |option| matches.value_source(option) == Some(ValueSource::CommandLine);
        if typed("tunnel") {
            self.tunnel = matches.get_one("tunnel").cloned();
        }
        if typed("ssh_config") {
            self.ssh_config = matches.get_one("ssh_config").cloned();
        }
        if typed("s3cfg") {
            self.s3cfg = matches.get_one("s3cfg").cloned();
        }
        if let Some(etcd) = matches.get_one("etcd").filter(|_| typed("etcd")) {
            self.etcd.clone_from(etcd);
        }
        if typed("gateway") {
            self.gateway = matches.get_many("gateway").into_iter().flatten().cloned().collect();
        }
    }
}

/// The options that say where a cluster is. They may be typed before or after a subcommand, and clap would offer what
/// it calls a global option everywhere: so each subcommand gets them from here.
const CLUSTER_OPTIONS: [&str; 5] = ["tunnel", "ssh_config", "etcd", "gateway", "s3cfg"];
const NEEDS_NO_CLUSTER: [&str; 2] = ["verify", "rehearse"];
const COMMON: &str = "Common options: --json --quiet --verbose --progress --yes; --help describes them.";
const COMMON_WITH_CLUSTER: &str = "Common options: --tunnel --etcd --gateway --s3cfg say where the cluster is; --json --quiet \
                                   --verbose --progress --yes. --help describes them.";

fn described() -> clap::Command {
    let command = Args::command();
    let of_cluster = |option: &&Arg| CLUSTER_OPTIONS.contains(&option.get_id().as_str());
    let options: Vec<Arg> = command.get_arguments().filter(of_cluster).cloned().collect();
    below(command, &options, true).after_help(COMMON_WITH_CLUSTER)
}

/// Adds the cluster's options to all subcommands, hidden where no cluster is needed.
fn below(command: clap::Command, options: &[Arg], needs_cluster: bool) -> clap::Command {
    command.mut_subcommands(|command| {
        let needs_cluster = needs_cluster && !NEEDS_NO_CLUSTER.contains(&command.get_name());
        let options_here = options.iter().map(|option| option.clone().hide(!needs_cluster));
        let command = command.args(options_here);
        let common = if needs_cluster { COMMON_WITH_CLUSTER } else { COMMON };
        let command = command.after_help(common).after_long_help("");
        below(command, options, needs_cluster)
    })
}

/// Where a cluster's etcd is, as seen from its hosts.
pub(crate) const ETCD: &str = "http://127.0.0.1:4001";

#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Options for every command")]
pub(crate) struct Global {
    /// Go to the cluster through this host, by ssh; the user is `core` unless given
    #[arg(
        long,
        global = true,
        hide_short_help = true,
        env = "DEISCTL_TUNNEL",
        value_name = "[USER@]HOST[:PORT]"
    )]
    pub(crate) tunnel: Option<String>,
    /// A configuration file for ssh, in place of ~/.ssh/config
    #[arg(long, hide_short_help = true, env = "DEIS_STORE_SSH_CONFIG", value_name = "FILE")]
    pub(crate) ssh_config: Option<PathBuf>,
    /// The cluster's etcd; with --tunnel, as seen from that host
    #[arg(
        long,
        hide_short_help = true,
        env = "DEIS_STORE_ETCD",
        value_name = "URL",
        default_value = ETCD
    )]
    pub(crate) etcd: String,
    /// A gateway; etcd is then not asked. Give it again for each gateway of the cluster
    #[arg(long, hide_short_help = true, value_name = "URL")]
    pub(crate) gateway: Vec<String>,
    /// Take gateway and keys from this file of s3cmd
    #[arg(long, hide_short_help = true, value_name = "FILE")]
    pub(crate) s3cfg: Option<PathBuf>,
    /// Print one JSON object on standard output
    #[arg(long, global = true, hide_short_help = true)]
    pub(crate) json: bool,
    /// How to show progress, on standard error
    #[arg(long, global = true, hide_short_help = true, value_enum, default_value = "auto")]
    pub(crate) progress: ShowProgress,
    /// Print errors only
    #[arg(long, short, global = true, hide_short_help = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Tell more
    #[arg(long, short, global = true, hide_short_help = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Confirm changes to the cluster
    #[arg(long, global = true, hide_short_help = true)]
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
        buckets: Buckets,
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
        #[command(flatten)]
        read: ReadArgs,
    },
    /// Prove the whole way on this machine alone: a made cluster is backed up, verified, restored and compared
    Rehearse {
        /// Make another cluster
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// Change a byte of this object on the way, to see that it is found
        #[arg(long, value_name = "KEY")]
        damage: Option<String>,
        #[command(flatten)]
        buckets: Buckets,
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
pub(crate) struct Buckets {
    /// Another bucket, as the part bucket.NAME; CONTENTS is plain (the default), wal-e or registry. Give it again for each.
    /// With --gateway and keys, these buckets alone are meant
    #[arg(long = "bucket", value_name = "NAME[:CONTENTS]")]
    pub(crate) buckets: Vec<BucketPart>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Parts {
    /// Only these: db_wal, registry, volume, sql, config, bucket.NAME
    #[arg(long, value_name = "PART,…", value_delimiter = ',', conflicts_with = "without")]
    pub(crate) only: Vec<PartName>,
    /// All but these
    #[arg(long, value_name = "PART,…", value_delimiter = ',')]
    pub(crate) without: Vec<PartName>,
}

impl Parts {
    pub(crate) fn choice(&self) -> PartChoice {
        let names = |names: &[PartName]| names.iter().cloned().collect();
        match (self.only.as_slice(), self.without.as_slice()) {
            ([], []) => PartChoice::All,
            ([], without) => PartChoice::AllBut(names(without)),
            (only, _) => PartChoice::Only(names(only)),
        }
    }
}

/// The choice of the objects that `verify` reads.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(crate) struct ReadArgs {
    /// Presence and sizes only
    #[arg(long)]
    pub(crate) quick: bool,
    /// Read a random PERCENT of the objects
    #[arg(long, value_name = "PERCENT")]
    pub(crate) sample: Option<Percent>,
    /// Read the Nth of M fixed shares of the objects: M runs read everything
    #[arg(long, value_name = "N/M")]
    pub(crate) share: Option<Share>,
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
    /// With -r, leave out paths whose end this shell pattern matches; `*` matches slashes too
    #[arg(long, value_name = "GLOB", requires = "recursive")]
    pub(crate) exclude: Vec<String>,
    /// Take in again what --exclude has left out
    #[arg(long, value_name = "GLOB", requires = "recursive")]
    pub(crate) include: Vec<String>,
    /// Print what would be done, and do nothing
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
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

/// What files are stored as.
#[derive(Debug, clap::Args)]
pub(crate) struct Types {
    /// What the files are, whatever their names say
    #[arg(long, short, value_name = "TYPE")]
    pub(crate) mime_type: Option<String>,
    /// Do not take the type of a file from its name: it is `default_mime_type` of --s3cfg, else binary/octet-stream
    #[arg(long)]
    pub(crate) no_guess_mime_type: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rate {
    /// Bytes a second at most; k and m are 1024 and 1024 times 1024. Counts more than `limitrate` of --s3cfg
    #[arg(long, value_name = "RATE", value_parser = bytes_per_second)]
    pub(crate) limit_rate: Option<NonZeroU64>,
}

/// A rate as s3cmd reads it: `500000`, `500k`, `1.5m`.
fn bytes_per_second(text: &str) -> Result<NonZeroU64, String> {
    let wrong = || "not a rate: a number of bytes, or one with k or m, such as 500k".to_owned();
    let lower = text.to_ascii_lowercase();
    let (number, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(number), _) => (number, 1 << 10),
        (_, Some(number)) => (number, 1 << 20),
        _ => (lower.as_str(), 1),
    };
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(tenths) || tenths.len() > 6 {
        return Err(wrong());
    }
    let scale = 10_u64.pow(u32::try_from(tenths.len()).unwrap_or_default());
    let parse = |text: &str| text.parse::<u64>().ok();
    let rate = parse(whole).and_then(|whole| {
        let fraction = parse(tenths)?.checked_mul(unit)? / scale;
        whole.checked_mul(unit)?.checked_add(fraction)
    });
    rate.and_then(NonZeroU64::new).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_s3cmd_reads_it() {
        let rate = |text| bytes_per_second(text).map(NonZeroU64::get).ok();
        assert_eq!(rate("1000"), Some(1000));
        assert_eq!(rate("500k"), Some(512_000));
        assert_eq!(rate("2M"), Some(2 << 20));
        assert_eq!(rate("1.5m"), Some(3 << 19));
        for wrong in ["", "0", "k", "-1", "1g", "1.m", "99999999999999m", "0.0000001k"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }

    fn read(words: &str) -> Result<Args, clap::Error> {
        Args::read(words.split_whitespace().map(OsString::from))
    }

    fn help(words: &str) -> String {
        let error = read(words).unwrap_err();
        assert!(!error.use_stderr(), "{words}: {error}");
        error.to_string()
    }

    #[test]
    fn short_help_is_short_and_long_help_has_every_option_that_the_command_heeds() {
        for command in ["", "backup", "restore", "config", "config router get", "s3", "s3 ls"] {
            let (short, long) =
                (help(&format!("deis-store {command} -h")), help(&format!("deis-store {command} --help")));
            assert!(!short.contains("--tunnel <") && short.contains("Common options: --tunnel"), "{short}");
            assert!(long.contains("--tunnel <") && long.contains("--json"), "{long}");
        }
        for command in NEEDS_NO_CLUSTER {
            for option in ["-h", "--help"] {
                let help = help(&format!("deis-store {command} {option}"));
                assert!(!help.contains("--tunnel") && help.contains("--json"), "{help}");
            }
        }
    }

    #[test]
    fn where_the_cluster_is_can_be_said_before_and_after_the_subcommand_and_what_is_said_last_counts() {
        for words in [
            "deis-store --gateway http://a --tunnel host s3 ls",
            "deis-store s3 --gateway http://a --tunnel host ls",
            "deis-store s3 ls --gateway http://a --tunnel host",
            "deis-store --gateway http://b --tunnel other s3 ls --tunnel host --gateway http://a",
        ] {
            let global = read(words).unwrap().global;
            assert_eq!(
                (global.gateway, global.tunnel.as_deref()),
                (vec!["http://a".to_owned()], Some("host")),
                "{words}"
            );
            assert_eq!(global.etcd, ETCD);
        }
        let several =
            read("deis-store backup /b --gateway http://a --gateway http://b --etcd http://c").unwrap();
        assert_eq!((several.global.gateway.len(), several.global.etcd.as_str()), (2, "http://c"));
    }

    fn parsed(words: &[&str]) -> Result<S3Action, clap::Error> {
        let words = ["deis-store", "s3"].iter().chain(words);
        Args::read(words.map(OsString::from)).map(|args| match args.command {
            Command::S3 { action } => action,
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn one_way_to_read_is_chosen_and_only_one_that_there_is() {
        let verify = |words: &[&str]| {
            let words = ["deis-store", "verify", "snapshot"].iter().chain(words);
            Args::try_parse_from(words).is_ok()
        };
        for good in [&[][..], &["--quick"], &["--sample", "1"], &["--sample", "100"], &["--share", "7/7"]] {
            assert!(verify(good), "{good:?}");
        }
        for wrong in [
            &["--quick", "--sample", "5"][..],
            &["--share", "1/2", "--sample", "5"],
            &["--sample", "0"],
            &["--sample", "101"],
            &["--share", "0/7"],
            &["--share", "8/7"],
        ] {
            assert!(!verify(wrong), "{wrong:?}");
        }
    }

    #[test]
    fn the_last_of_several_words_is_where_files_go() {
        let S3Action::Put { files, place, .. } = parsed(&["put", "a", "-", "b", "s3://c/"]).unwrap() else {
            panic!("not put")
        };
        assert_eq!((files.len(), place.as_str()), (3, "s3://c/"));
        assert!(parsed(&["put", "s3://c/"]).is_err(), "nothing to upload");
    }

    #[test]
    fn words_that_would_mean_nothing_or_too_much_are_refused() {
        for words in [
            &["get", "s3://a/b", "--exclude", "x"][..],
            &["get", "s3://a/b", "--force", "--skip-existing"],
            &["rb", "s3://a", "--recursive"],
            &["put", "f", "s3://a", "--limit-rate", "fast"],
            &["signurl", "s3://a/b"],
            &["abortmp", "s3://a/b"],
            &["del"],
        ] {
            assert!(parsed(words).is_err(), "{words:?}");
        }
    }
}
