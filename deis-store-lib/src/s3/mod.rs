//! S3 with signature version 2, as Ceph's radosgw speaks it.
//!
//! Everything but [`client`] is pure: operations make requests and parse answers, [`sign`] signs them, and any HTTP
//! client can carry them.

mod check;
#[cfg(feature = "client")]
pub mod client;
mod common_prefixes;
mod error;
pub mod etag;
pub mod op;
mod part_layout;
pub mod s3cfg;
pub mod sign;
pub(crate) mod types;
pub(crate) mod xml;

pub use check::{Check, Checked};
#[cfg(feature = "client")]
pub use client::Client;
pub use common_prefixes::{CommonPrefixes, Folded};
pub use error::{Advice, S3Error};
pub use part_layout::PartLayout;
pub use types::{BucketName, ObjectKey};
