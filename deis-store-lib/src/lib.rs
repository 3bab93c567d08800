//! Deis v1's store, copied out and brought back: see the README.

#[cfg(feature = "backup")]
pub mod archive;
pub mod cluster;
pub mod error;
pub mod etcd;
#[cfg(feature = "client")]
pub mod http;
pub mod monitor;
#[cfg(feature = "backup")]
pub mod remote;
pub mod secret;

pub use error::{Error, ErrorKind, Result};
