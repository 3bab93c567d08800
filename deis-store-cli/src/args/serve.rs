//! The arguments of `serve`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct ServeArgs {
    /// A snapshot's directory
    pub(crate) snapshot: PathBuf,
    #[arg(hide = true, value_parser = super::directory)]
    pub(crate) more: Vec<PathBuf>,
    /// Listen on this address, in place of 127.0.0.1; the port is 8888 unless given, and 0 takes a free one
    #[arg(long, value_name = "ADDRESS[:PORT]", value_parser = address)]
    pub(crate) listen: Option<SocketAddr>,
    /// Take writes, and keep them in this directory, which is made if it is not there
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) writes: Option<PathBuf>,
    /// Put address and keys into the cluster's etcd, as a store-gateway does, until it ends
    #[arg(long, requires = "writes")]
    pub(crate) publish: bool,
    /// Leave a configuration for s3cmd in this file, which must not be there
    #[arg(long, value_name = "FILE")]
    pub(crate) write_s3cfg: Option<PathBuf>,
}

/// The port of every Deis gateway.
const PORT: u16 = 8888;

fn address(text: &str) -> Result<SocketAddr, String> {
    let with_port = || text.parse::<IpAddr>().map(|address| (address, PORT).into());
    text.parse()
        .or_else(|_| with_port())
        .map_err(|_| "it is no address of this machine, such as 10.0.0.1 or [fd00::1]:8888".to_owned())
}
