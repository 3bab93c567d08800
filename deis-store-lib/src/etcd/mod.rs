//! etcd's v2 keys API, as Deis v1 uses it: nodes, their parsing and one endpoint's client.
//!
//! It knows nothing of Deis. Values may be secrets: no `Debug` and no error here shows one.

#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod error;
#[cfg(all(test, feature = "client"))]
pub(crate) mod fake;
#[cfg(feature = "client")]
mod key;
mod node;
#[cfg(all(test, feature = "client"))]
mod tests;

#[cfg(feature = "client")]
pub use client::Etcd;
pub use node::{Node, Value};
