//! The contents of each command's help.

use clap::{Arg, CommandFactory as _};

use super::Args;
use super::patterns::PATTERNS;

/// The options that say where a cluster is. They may be typed before or after a subcommand, and clap would offer what
/// it calls a global option everywhere: so each subcommand gets them from here.
const CLUSTER_OPTIONS: [&str; 5] = ["tunnel", "ssh_config", "etcd", "gateway", "s3cfg"];
pub(super) const NEEDS_NO_CLUSTER: [&str; 7] =
    ["verify", "list", "hold", "release", "prune", "diff", "rehearse"];
const COMMON: &str = "Common options: --json --quiet --verbose --progress --yes; --help describes them.";
const COMMON_WITH_CLUSTER: &str = "Common options: --tunnel --etcd --gateway --s3cfg say where the cluster is; --json --quiet \
                                   --verbose --progress --yes. --help describes them.";

pub(super) fn described() -> clap::Command {
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
        let is_recursive = command.get_arguments().any(|option| option.get_id() == "recursive");
        let has_patterns = command.get_groups().any(|group| group.get_id() == PATTERNS);
        let command = if is_recursive && has_patterns {
            command.mut_group(PATTERNS, |group| group.requires("recursive"))
        } else {
            command
        };
        let common = if needs_cluster { COMMON_WITH_CLUSTER } else { COMMON };
        let command = command.after_help(common).after_long_help("");
        below(command, options, needs_cluster)
    })
}
