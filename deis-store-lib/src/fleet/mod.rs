//! The units of a cluster, as fleet keeps them in etcd: which there are, what they are to be, and what they are on each machine.
//!
//! deisctl goes the same way, and not through fleet's own API, which is a socket of each host. This module knows units and
//! machines, and nothing of what Deis' units mean.

mod client;
mod health;
mod parsed;
mod x_fleet;

pub(crate) use client::{Fleet, Target};
pub(crate) use health::Health;
pub(crate) use parsed::{Machine, Units};
