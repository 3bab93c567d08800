//! S3 with signature version 2, as Ceph's radosgw speaks it.
//!
//! Everything but `client` is pure: operations make requests and parse answers, [`sign`] signs them, and any HTTP
//! client can carry them. Names and [`sign`] need no cargo feature; operations and answers need `operations`.

#[cfg(feature = "operations")]
mod check;
#[cfg(feature = "client")]
pub mod client;
mod common_prefixes;
#[cfg(feature = "operations")]
mod content_encoding;
#[cfg(feature = "operations")]
mod error;
#[cfg(feature = "operations")]
mod error_words;
#[cfg(feature = "operations")]
pub mod etag;
#[cfg(feature = "operations")]
pub mod op;
mod part_layout;
pub mod s3cfg;
pub mod sign;
pub(crate) mod types;
#[cfg(feature = "operations")]
pub(crate) mod xml;

#[cfg(feature = "client")]
pub(crate) use check::Conclusion;
#[cfg(feature = "client")]
pub use client::Client;
pub use common_prefixes::{CommonPrefixes, Folded};
#[cfg(feature = "operations")]
pub(crate) use error::Advice;
pub use part_layout::PartLayout;
pub use types::{BucketName, ObjectKey};
#[cfg(feature = "operations")]
pub use {
    check::{Check, Checked},
    error::S3Error,
};
