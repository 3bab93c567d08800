//! etcd's v2 keys API, as Deis v1 uses it: nodes, their parsing and one endpoint's client.
//!
//! This module knows nothing of Deis. Values may be secrets, so no `Debug` and no error here shows one.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod error;
#[cfg(feature = "client")]
mod key;
#[cfg(feature = "client")]
mod memory;
mod node;
#[cfg(all(test, feature = "client"))]
pub(crate) mod script;
#[cfg(all(test, feature = "client"))]
mod tests;

#[cfg(feature = "client")]
pub use client::Etcd;
#[cfg(feature = "client")]
pub use memory::Memory;
pub use node::{Node, Value};
