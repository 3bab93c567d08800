//! Two sides are made equal: a directory as a bucket is, or a bucket as a directory or another bucket is. s3cmd calls
//! that `sync`. And its words for many objects at once: `get -r`, `put`, `cp -r` and `del -r`.
//!
//! A sync keeps no state of its own: a file is unchanged if it has the object's size and time, and read if only the size
//! agrees. Nothing is deleted unless that is asked for, all else has gone well and no guard speaks against it.

mod across;
mod bucket_side;
mod compare;
mod content_type;
mod copy_tree;
mod delete_tree;
mod delete_versions;
mod down;
mod download_tree;
mod globs;
mod look_back;
mod named_files;
mod one_cluster;
mod options;
mod plan;
mod report;
mod tally;
mod tree;
mod up;
mod upload_files;

pub use content_type::ContentTypes;
pub use copy_tree::{CopiedObject, CopyTree, CopyTreeOptions};
pub use delete_tree::{DeleteTree, DeleteTreeOptions};
pub use delete_versions::DeleteVersions;
pub use download_tree::{DownloadTree, DownloadTreeOptions, Existing};
pub use globs::Globs;
pub use options::{MaxDelete, SyncOptions, UnchangedBy};
pub use report::SyncReport;
pub use tree::{Sync, Tree};
pub use upload_files::{UploadFiles, UploadFilesOptions};
