//! `dev-cluster`: real servers on which to try `deis-store`, by hand (`up`, `down`) or around a test command (`run`).

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use deis_store_tests::cluster::Options;
use deis_store_tests::interrupt;

mod commands;

/// A Deis v1 store of real servers on this machine: radosgw over Ceph, etcd, sshd, `PostgreSQL` with WAL-E.
#[derive(Debug, Parser)]
#[command(name = "dev-cluster", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a cluster in the background, and print how to use it
    Up(Kind),
    /// Stop a cluster that `up` started, and remove its directory
    Down {
        /// The cluster's directory, if it is not the usual one for its name
        #[arg(long, conflicts_with = "all")]
        dir: Option<PathBuf>,
        /// The cluster's name
        #[arg(long, default_value = "dev", conflicts_with_all = ["all", "dir"])]
        name: String,
        /// Stop all clusters of this machine
        #[arg(long)]
        all: bool,
    },
    /// Start a filled cluster and an empty one, run a command, and stop them; the exit code is the command's
    Run {
        /// Start only the filled cluster
        #[arg(long)]
        only_a: bool,
        /// The command; `DEIS_STORE_TEST_A` and `DEIS_STORE_TEST_B` in its environment each name a file
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
    /// Run one cluster in the foreground; `up` starts this
    #[command(hide = true)]
    Keep(Kind),
}

/// The kind of a cluster.
#[derive(Debug, Clone, Args)]
struct Kind {
    /// The cluster's directory, which must be empty or absent [default: dev-cluster-NAME in the temporary directory]
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Start a new store without buckets, the target of a restore
    #[arg(long)]
    empty: bool,
    /// The number of radosgw
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=2))]
    gateways: u8,
    /// The cluster's name
    #[arg(long, default_value = "dev")]
    name: String,
}

impl Kind {
    fn options(&self) -> Options {
        Options { name: self.name.clone(), filled: !self.empty, gateways: self.gateways }
    }
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Up(kind) => commands::up::up(kind.dir.as_deref(), &kind.options()),
        Command::Keep(kind) => commands::keep::keep(kind.dir.as_deref(), &kind.options()),
        Command::Down { dir, name, all } => commands::down::down(dir.as_deref(), &name, all),
        Command::Run { only_a, command } => commands::run::run(only_a, &command),
    };
    done.unwrap_or_else(|error| {
        eprintln!("dev-cluster: {error}");
        interrupt::received().map_or(ExitCode::FAILURE, commands::ended_by)
    })
}
