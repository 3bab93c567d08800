//! One Deis cluster: the meaning of its etcd keys, and the I/O of its configuration, database and volume.
//!
//! This module knows neither S3 nor snapshots. Its pure files (classes, configuration, discovery) do no I/O.

pub mod configuration;
#[cfg(feature = "backup")]
mod configuration_io;
#[cfg(feature = "backup")]
mod connect;
#[cfg(feature = "backup")]
pub mod database;
#[cfg(feature = "backup")]
pub mod deisctl;
pub mod discovery;
pub mod key_class;
#[cfg(feature = "backup")]
mod mount;
#[cfg(feature = "backup")]
pub mod volume;
#[cfg(all(test, feature = "backup"))]
mod volume_tests;

pub use configuration::{Configuration, Plan};
#[cfg(feature = "backup")]
pub use configuration_io::{apply, collect, plan_for};
#[cfg(feature = "backup")]
pub use connect::{Cluster, ClusterOptions};
pub use discovery::Discovery;
pub use key_class::{Class, class};
