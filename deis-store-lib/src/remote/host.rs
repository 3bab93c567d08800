//! What is done on a host. The trait is public in name alone: it cannot be named outside of the library.

use std::fmt;
use std::sync::Arc;

use super::{Child, Login, Remote};
use crate::error::Result;
use crate::http::{BoxFuture, Dial};

/// A host on which commands can be run.
pub trait Host: fmt::Debug + Send + Sync + 'static {
    /// The host's name, for messages.
    fn host(&self) -> &str;

    /// Starts a program with its arguments. A connection that broke is made anew before.
    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>>;

    /// The address to dial to reach a port from the host.
    fn forward<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, Result<Dial>>;

    /// Another host of the cluster, by an address or a name that this one knows: itself if it is its own, else one that is
    /// logged in to by way of this one. There is one login for each host, which is kept as long as this host is.
    fn beyond<'a>(&'a self, host: &'a str) -> BoxFuture<'a, Result<Arc<dyn Remote>>>;

    /// The facts known about our user on the host.
    fn login(&self) -> &Login;
}

/// The standard input of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Input {
    /// No input: the command reads the end at once.
    Nothing,
    /// The bytes that the caller writes to [`Child::stdin`].
    Pipe,
}
