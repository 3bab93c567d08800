//! Uploads files into a bucket.

use std::path::{Path, PathBuf};

use deis_store::error::At;
use deis_store::outcome::{Each, Fate, KeyOutcome, Outcome};
use deis_store::run::Run;
use deis_store::s3::{BucketName, Client};
use deis_store::sync::{ContentTypes, UploadFiles, UploadFilesOptions};
use deis_store::{Error, ErrorKind, Result};

/// Uploads the files of a directory. Each key is the file's path below the directory.
pub(crate) async fn upload(client: &Client, directory: &Path, bucket: &BucketName) -> Result<()> {
    // With the slash, the directory's own name is no part of the keys.
    let files = vec![PathBuf::from(format!("{}/", directory.display()))];
    let upload = UploadFiles { client: client.clone(), files, bucket: bucket.clone(), prefix: String::new() };
    let options = UploadFilesOptions {
        recursive: true,
        content_types: ContentTypes { by_name: false, otherwise: None },
        each: Each::new(stored),
        ..UploadFilesOptions::default()
    };
    upload.run(&options, &Run::silent()).await
}

fn stored(file: KeyOutcome) -> Result<()> {
    match file.fate {
        Fate::Source(Outcome::Stored) | Fate::Target(_) => Ok(()),
        Fate::Source(other) => {
            let why = other.why().unwrap_or("it was not stored").to_owned();
            Err(Error::new(ErrorKind::Disk, why).at(At::Key, file.key))
        }
    }
}
