//! The tests that run against real servers: `tests/run` starts two clusters and runs them.

mod bad_input;
mod big_objects;
mod buckets;
mod clusters;
mod config;
mod contract;
mod dev_cluster;
mod examples;
mod faulty;
mod file_systems;
mod https;
mod interrupted;
mod limits;
mod main_job;
mod pace;
mod peers;
mod program;
mod readme;
mod rehearsal;
mod s3cmd;
mod secrets;
mod signing;
mod store;
mod sync;
mod two_gateways;
mod words;
