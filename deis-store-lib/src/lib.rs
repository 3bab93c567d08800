#![doc = include_str!("../../README.md")]

#[cfg(feature = "backup")]
pub mod archive;
#[cfg(feature = "backup")]
pub mod backup;
#[cfg(feature = "backup")]
mod blocking;
pub mod cluster;
pub mod contents;
pub mod disk;
pub mod error;
pub mod etcd;
#[cfg(feature = "gateway")]
pub mod gateway;
pub mod hash;
#[cfg(feature = "client")]
pub mod http;
pub mod outcome;
pub mod part;
#[cfg(feature = "gateway")]
pub mod rehearse;
#[cfg(feature = "backup")]
pub mod remote;
pub mod report;
#[cfg(feature = "backup")]
pub mod restore;
pub mod run;
pub mod s3;
pub mod secret;
pub mod snapshot;
#[cfg(feature = "backup")]
pub mod sync;
#[cfg(feature = "backup")]
pub mod transfer;
#[cfg(feature = "backup")]
pub mod tree;
#[cfg(feature = "backup")]
pub mod verify;

pub use error::{Error, ErrorKind, Result};
