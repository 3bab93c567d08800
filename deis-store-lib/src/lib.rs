#![doc = include_str!("../../README.md")]

#[cfg(feature = "backup")]
pub mod archive;
#[cfg(feature = "backup")]
pub mod backup;
pub mod cluster;
pub mod disk;
pub mod error;
pub mod etcd;
#[cfg(feature = "gateway")]
pub mod gateway;
mod hex;
#[cfg(feature = "client")]
pub mod http;
pub mod mirror;
pub mod monitor;
pub mod registry;
#[cfg(feature = "gateway")]
pub mod rehearse;
#[cfg(feature = "backup")]
pub mod remote;
pub mod report;
#[cfg(feature = "backup")]
pub mod restore;
pub mod s3;
#[cfg(feature = "gateway")]
pub mod sample;
pub mod secret;
pub mod snapshot;
#[cfg(feature = "backup")]
pub mod verify;
pub mod wal_e;

pub use error::{Error, ErrorKind, Result};
