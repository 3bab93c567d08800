//! One Deis cluster: the meaning of its etcd keys, and the I/O of its configuration, database and volume.
//!
//! This module knows neither S3 nor snapshots. Its pure files (classes, configuration, discovery) do no I/O.

mod configuration;
mod configuration_io;
mod connect;
pub(crate) mod database;
pub mod deisctl;
mod discovery;
pub(crate) mod docker;
pub(crate) mod key_class;
mod known_keys;

pub(crate) use configuration::Configuration;
pub use configuration::Plan;
pub(crate) use configuration_io::{apply, collect, plan_for};
pub(crate) use connect::mounting_beyond;
pub use connect::{Cluster, ClusterOptions};
pub use discovery::Discovery;
