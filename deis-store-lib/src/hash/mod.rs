//! Digests and how they are written: once for all.
//!
//! It knows nothing of files, objects or requests. Threads that hash MD5s at the same time share lanes; nobody outside sees
//! that.

mod hex;
mod md5;
#[cfg(feature = "formats")]
mod sha256;

pub(crate) use hex::lower_hex;
pub(crate) use md5::Md5;
#[cfg(feature = "formats")]
pub use sha256::Sha256;
