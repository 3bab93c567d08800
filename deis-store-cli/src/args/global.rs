//! The options that every command has.

use std::path::PathBuf;

use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::parser::ValueSource;
use clap::{ArgAction, ArgMatches, ValueEnum};

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
    // An empty variable is not set, and clap's own parser of paths would refuse it.
    #[arg(
        long,
        hide_short_help = true,
        env = "DEIS_STORE_SSH_CONFIG",
        value_name = "FILE",
        value_parser = OsStringValueParser::new().map(PathBuf::from)
    )]
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

impl Global {
    /// What an empty variable of the environment would say is not said.
    pub(super) fn leave_out_empty_variables(&mut self, matches: &ArgMatches) {
        let by_variable = |option| matches.value_source(option) == Some(ValueSource::EnvVariable);
        let is_empty = |value: &str| value.trim().is_empty();
        if by_variable("tunnel") {
            self.tunnel = self.tunnel.take().filter(|tunnel| !is_empty(tunnel));
        }
        if by_variable("ssh_config") {
            self.ssh_config = self.ssh_config.take().filter(|file| !is_empty(&file.to_string_lossy()));
        }
        if by_variable("etcd") && is_empty(&self.etcd) {
            ETCD.clone_into(&mut self.etcd);
        }
    }

    /// Takes over what was typed after a subcommand of where the cluster is.
    pub(super) fn take_cluster(&mut self, matches: &ArgMatches) {
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
