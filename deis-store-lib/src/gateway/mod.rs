//! An embedded S3 gateway for one user, with radosgw's habits: for rehearsals, for tests, and to read a snapshot
//! with any S3 client.
//!
//! It must not be taken for storage: what is put into it lives as long as the process. It reads no clock, and what
//! it writes to disk is one unnamed file, in the directory it is given. The verb [`serve`](crate::serve) alone gives it a
//! directory in which writes to a snapshot are kept.
//!
//! # How it is made
//!
//! hyper carries HTTP. Every request is read as radosgw reads it. The verifier of signatures computes what is signed
//! with the signer's own code, and compares in constant time. So a rehearsal does not show that our signatures are
//! right: that is shown by the vectors of a live radosgw, by the contract suite on a real one, and by the tests here,
//! in which s3s's verifier judges the requests that our signer makes. The operations are after what a radosgw 16.2.15
//! was seen to do.
//!
//! # Faults
//!
//! A test of a program that talks to a gateway can have one that fails: a hook sees the head of every request, and may
//! answer with a [`Fault`].
//!
//! ```
//! use std::sync::Arc;
//!
//! use deis_store::gateway::{Fault, Gateway, GatewayOptions, Operation, RequestSeen, Store};
//! use deis_store::run::SystemClock;
//! use deis_store::secret::Credentials;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> deis_store::Result<()> {
//! // Every tenth download ends after 100 bytes.
//! let faults = |request: &RequestSeen| {
//!     (request.operation == Operation::GetObject && request.number % 10 == 0).then_some(Fault::Short(100))
//! };
//! let options = GatewayOptions::new(Arc::new(SystemClock)).faults(faults);
//! let (listen, keys) = (([127, 0, 0, 1], 0).into(), Credentials::new("access key", "secret key"));
//! let gateway = Gateway::start(listen, Store::in_memory(), keys, options).await?;
//! println!("{}", gateway.url());
//! # Ok(())
//! # }
//! ```
//!
//! # Where it differs from radosgw
//!
//! Signing and requests:
//! - Signature version 4 is answered with `NotImplemented`: no client of a Deis platform needs it.
//! - `x-amz-meta-` parameters in the query of a presigned request are not signed as headers. Nobody sends them.
//! - An upload by a browser's form (`multipart/form-data` to a bucket, signed by a policy in it) is not built.
//! - A raw `#` in a request line ends the path: hyper takes it for a fragment. Encoded, it is part of the key.
//! - A body that is cut off is not always answered with `NoSuchKey`: hyper may close the connection instead.
//! - Heads over 64 KiB or of more than 1,024 headers are answered by hyper with 431, not with an empty 400.
//!
//! Answers:
//! - Listings and copies come with `Content-Length`, not chunked, and a copy sends no progress: they are at hand
//!   when the head is written.
//! - `Connection: Keep-Alive` is left out: HTTP/1.1 means it, and hyper says so where it does not hold.
//! - `TCP_NODELAY` is set, so that a small GET does not wait 40 ms for a delayed ACK: rehearsals are to be quick.
//! - Metadata cannot hold tabs or control characters that come back in RFC 2047's form: such values come back as
//!   they are.
//!
//! Operations:
//! - A sub-resource that radosgw knows and this does not (`tagging`, `cors`, `website`, …) is answered with
//!   `NotImplemented`; radosgw 16.2 takes some for the base operation and overwrites or deletes the object. Unknown
//!   names are ignored, as by radosgw.
//! - Versioning cannot be switched on: each object has the one version `null`, and versions are listed flat.
//! - `x-amz-tagging` is dropped, and there is no website, lifecycle or policy.
//! - Uploads under way are sorted by key and id; radosgw sorts them by `KEY.ID.meta`, so that `a-` comes before `a`.
//! - Access control lists are kept and given back, yet allow nobody anything: there is one user. `Owner` is `deis`.
//! - Names are as with `rgw relaxed s3 bucket names = true`, since Deis needs `db_wal`.
//! - There are no quotas and no limits of the OSDs: names of metadata may be long, keys have 1,024 bytes.
//! - The totals of a bucket count objects, not parts of uploads under way.
//! - `X-RGW-…` totals are computed at each HEAD. Ids of uploads count up: nothing here is random.
//! - A snapshot as a store takes no writes (`AccessDenied`) unless they are kept, its objects are private, and multipart
//!   objects have the `ETag`s they had.

mod acl;
mod condition;
mod date;
mod failure;
mod faults;
mod new_keys;
mod op;
mod operation;
mod options;
mod parsed_request;
mod range;
mod request_body;
mod response;
mod server;
mod service;
mod store;
#[cfg(test)]
mod tests;
mod verifier;
mod xml;

pub(crate) use new_keys::new_keys;

pub use faults::{Edit, Fault, Faults, RequestSeen};
pub use operation::Operation;
pub use options::GatewayOptions;
pub use server::Gateway;
pub(crate) use store::HeldBackParts;
pub use store::{Limits, Store};
