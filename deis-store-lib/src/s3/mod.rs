//! S3 with signature version 2, as Ceph's radosgw speaks it.
//!
//! Everything but [`client`] is pure: operations make requests and parse answers, [`sign`] signs them, and any HTTP
//! client can carry them.

mod check;
#[cfg(feature = "client")]
pub mod client;
mod cut;
mod error;
pub mod etag;
mod fold;
pub(crate) mod md5;
pub mod op;
pub mod s3cfg;
pub mod sign;
pub(crate) mod types;
pub(crate) mod xml;

pub use check::{Check, Checked};
#[cfg(feature = "client")]
pub use client::Client;
pub use cut::Cut;
pub use error::{Advice, S3Error};
pub use fold::{Fold, Folded};
pub use md5::InStep;
pub use types::{BucketName, ObjectKey};
