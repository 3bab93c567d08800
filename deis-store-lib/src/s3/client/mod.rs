//! The client: it sends operations to the gateways of one cluster, signs each attempt and repeats what may be
//! repeated.

mod concurrency;
mod copy;
mod download;
mod execute;
mod gateways;
mod get;
mod get_bytes;
mod handle;
mod list;
mod measured;
mod multipart;
mod operations;
mod options;
mod put;
mod put_bytes;
mod range_stream;
mod retry_budget;
mod retry_with_probe;
mod revision;
mod s3cfg;
mod second_reading;
#[cfg(test)]
mod tests;
mod wire;

pub use copy::{Copied, CopyOptions};
pub use download::Download;
pub use get_bytes::GetBytes;
pub use handle::Client;
pub use list::Listing;
pub use multipart::{Part, UploadOptions, Uploaded, cut_into_parts};
pub use options::ClientOptions;
pub use put_bytes::PutBytes;
pub use revision::Revision;
