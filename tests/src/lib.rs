//! The development cluster: the real servers of a Deis v1 platform that `deis-store` talks to. They run on loopback, in
//! a temporary directory, and are never left running.
//!
//! [`cluster`] starts and stops a cluster, [`bare`] one of several machines that an [`agent`] plays. [`environment`] describes it for a test. [`wal_e::recover`] brings its
//! database back from the bucket. [`faulty`] is the one scripted server, for faults. The program `dev-cluster` starts
//! clusters for people and for the test command.

pub mod agent;
pub mod bare;
pub mod buckets;
pub mod ceph;
pub mod cluster;
pub mod database;
pub mod echo;
pub mod environment;
pub mod error;
pub mod etcd;
pub mod faulty;
pub mod fleet;
pub mod host;
pub mod http;
pub mod interrupt;
pub mod keeper;
pub mod keys;
pub mod mount_point;
pub mod nginx;
pub mod planted;
pub mod port;
pub mod postgres;
pub mod process;
pub mod random;
pub mod recovery;
pub mod release;
pub mod swift;
pub mod volume;
pub mod wal_e;
