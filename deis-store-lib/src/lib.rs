//! Deis v1's store, copied out and brought back: see the README.

pub mod disk;
pub mod error;
#[cfg(feature = "client")]
pub mod http;
pub mod monitor;
pub mod report;
pub mod s3;
pub mod secret;
pub mod snapshot;
#[cfg(feature = "backup")]
pub mod verify;

pub use error::{Error, ErrorKind, Result};
