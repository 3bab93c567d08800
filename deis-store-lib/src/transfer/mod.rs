//! One object's way: down into a file, up from one, or from one cluster to another; and many of them at once.
//!
//! It knows the S3 client and the writer of files, and nothing of snapshots: its caller says what to do with each
//! outcome.

mod arrive;
mod attempts;
mod breaker;
mod compare;
mod download;
mod file_body;
mod file_hashes;
mod get_file;
mod ordered;
mod put_file;
mod relay;
mod selection;
mod totals;
mod upload;
mod upload_all;

pub use get_file::GetFile;
pub use put_file::PutFile;
pub use selection::Selection;

pub(crate) use attempts::{Attempt, Attempts};
pub(crate) use breaker::CircuitBreaker;
pub(crate) use compare::has_bytes_of;
pub(crate) use download::{Downloaded, Downloader, Sink};
pub(crate) use ordered::ordered;
pub(crate) use relay::{Carried, Relay};
pub(crate) use totals::tell_totals;
pub(crate) use upload::{UploadFile, Uploader};
pub(crate) use upload_all::UploadResult;
