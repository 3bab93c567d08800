//! Saves and loads a directory of this machine, as `deis-store volume` does.

use std::path::Path;

use deis_store::Result;
use deis_store::run::Run;
use deis_store::volume::{Directory, LoadOptions, SaveOptions, load_file, save_file};

/// Saves the directory as an archive.
pub(crate) async fn save(directory: &Path, file: &Path) -> Result<()> {
    save_file(&Directory::here(directory), file, &SaveOptions::default(), &Run::default()).await.map(drop)
}

/// Loads an archive into the directory, which is empty.
pub(crate) async fn load(file: &Path, directory: &Path) -> Result<()> {
    load_file(&Directory::here(directory), file, &LoadOptions::default(), &Run::default()).await.map(drop)
}
