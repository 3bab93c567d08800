//! etcd's v2 keys API, as Deis v1 uses it: nodes, their parsing and one endpoint's client.
//!
//! This module knows nothing of Deis. Values may be secrets, so no `Debug` and no error here shows one.

mod client;
mod error;
mod key;
#[cfg(any(feature = "gateway", test))]
mod memory;
mod node;
#[cfg(test)]
pub(crate) mod script;
#[cfg(test)]
mod tests;

pub use client::Etcd;
pub use node::{Node, Value};

#[cfg(any(feature = "gateway", test))]
pub(crate) use memory::Memory;
