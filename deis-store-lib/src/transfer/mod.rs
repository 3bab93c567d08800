//! One object's way: down into a file, up from one, or from one cluster to another.
//!
//! It knows the S3 client and the writer of files, and nothing of snapshots: its caller says what to do with each
//! outcome.

mod breaker;
pub(crate) mod download;
mod ordered;
mod put_file;
mod relay;
mod resume;
mod upload;

pub use download::{Pulled, Selection, Stored, fetch, pull};
pub use put_file::PutFile;
pub use upload::{Pushed, ToPush, push, upload};

pub(crate) use breaker::CircuitBreaker;
pub(crate) use ordered::ordered;
pub(crate) use relay::Relay;
