// The README's examples need the verbs.
#![cfg_attr(feature = "backup", doc = include_str!("../../README.md"))]
#![cfg_attr(not(feature = "backup"), doc = "S3 with signature version 2, without I/O: see [`s3::sign`].")]

#[cfg(feature = "backup")]
pub mod adopt;
#[cfg(feature = "backup")]
mod archive;
mod authority;
#[cfg(feature = "backup")]
pub mod backup;
#[cfg(feature = "backup")]
mod blocking;
#[cfg(feature = "backup")]
pub mod cluster;
#[cfg(feature = "formats")]
pub mod contents;
#[cfg(feature = "backup")]
pub mod diff;
#[cfg(feature = "backup")]
mod disk;
#[cfg(feature = "backup")]
pub mod doctor;
pub mod error;
#[cfg(feature = "backup")]
pub mod etcd;
#[cfg(feature = "backup")]
mod fleet;
#[cfg(feature = "gateway")]
pub mod gateway;
#[cfg(feature = "operations")]
pub mod hash;
#[cfg(feature = "client")]
pub mod http;
#[cfg(feature = "formats")]
pub mod key_path;
#[cfg(feature = "backup")]
pub mod list;
#[cfg(all(test, feature = "gateway"))]
mod lives_tests;
#[cfg(feature = "formats")]
pub mod outcome;
#[cfg(feature = "formats")]
pub mod part;
#[cfg(feature = "backup")]
pub mod platform;
#[cfg(feature = "backup")]
pub mod prune;
#[cfg(feature = "gateway")]
pub mod rehearse;
#[cfg(feature = "backup")]
pub mod remote;
#[cfg(feature = "backup")]
pub mod report;
#[cfg(feature = "backup")]
pub mod restorable;
#[cfg(feature = "backup")]
pub mod restore;
#[cfg(feature = "client")]
pub mod run;
pub mod s3;
#[cfg(feature = "backup")]
mod s3cfg_file;
pub mod secret;
#[cfg(feature = "gateway")]
pub mod serve;
#[cfg(feature = "formats")]
pub mod snapshot;
#[cfg(feature = "backup")]
pub mod sync;
#[cfg(feature = "backup")]
pub mod transfer;
#[cfg(feature = "backup")]
mod tree;
#[cfg(feature = "backup")]
mod units;
#[cfg(feature = "backup")]
pub mod verify;
#[cfg(feature = "backup")]
pub mod volume;

pub use error::kind::ErrorKind;
pub use error::{Error, Result};
