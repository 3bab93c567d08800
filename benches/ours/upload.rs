//! Uploads files into a bucket.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use deis_store::error::At;
use deis_store::run::{Run, TaskKind};
use deis_store::s3::{BucketName, Client};
use deis_store::transfer::{UploadFile, Uploader};
use deis_store::{Error, ErrorKind, Result};
use futures_util::stream;

/// Uploads the files of a directory. Each key is the file's path below the directory.
pub(crate) async fn upload(client: &Client, directory: &Path, bucket: &BucketName) -> Result<()> {
    let run = Run::silent();
    let task = run.begin(None, TaskKind::Step, "upload");
    let mut files = Vec::new();
    find(directory, "", &mut files).map_err(|error| unreadable(directory, error))?;
    let files = stream::iter(files.into_iter().map(upload_file).map(Ok));
    let uploader = Uploader { client, bucket, look_first: false };
    uploader.upload_all(files, &task, |uploaded| uploaded.result.map(drop)).await
}

struct Found {
    path: PathBuf,
    key: String,
    size_bytes: u64,
}

fn find(directory: &Path, prefix: &str, found: &mut Vec<Found>) -> std::io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            find(&entry.path(), &format!("{key}/"), found)?;
        } else {
            found.push(Found { path: entry.path(), key, size_bytes: metadata.len() });
        }
    }
    Ok(())
}

fn upload_file(found: Found) -> UploadFile {
    let Found { path, key, size_bytes } = found;
    UploadFile::new(key, size_bytes, move || File::open(&path).map_err(|error| unreadable(&path, error)))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Disk, "cannot read").at(At::Path, path.display()).because(error)
}
