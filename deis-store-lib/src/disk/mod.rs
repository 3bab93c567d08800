//! The only writer of files: beneath a directory handle, under a temporary name until whole.
//!
//! It must not know S3 or a cluster. Which key is which path is pure and needs no feature.

mod digest;
mod key_path;

pub use digest::Sha256;
pub use key_path::{decode, encode, is_resumable, partial_name};
