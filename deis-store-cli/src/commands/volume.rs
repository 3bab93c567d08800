//! `deis-store volume save|load|list FILE|-`

use std::path::Path;

use deis_store::error::At;
use deis_store::run::Run;
use deis_store::snapshot::index_of_archive;
use deis_store::volume::{self, Directory, ListOptions, LoadOptions};
use deis_store::{Error, ErrorKind, Result};
use tokio::io::AsyncWriteExt as _;

use super::{Done, local};
use crate::args::{Global, VolumeAction};
use crate::output::Output;
use crate::settings;

pub(super) async fn run(global: &Global, action: &VolumeAction, output: &Output, run: &Run) -> Done {
    match action {
        VolumeAction::Save { file, place, compress } => {
            let options = VolumeAction::save_options(*compress);
            let file = archive(file)?;
            if is_standard(file) && output.is_json() {
                return Err(alone());
            }
            let directory = directory(global, &place.path, run).await?;
            if !is_standard(file) {
                let report = volume::save_file(&directory, file, &options, run).await?;
                return Ok(output.volume_saved(&report, Some(file)));
            }
            let mut stdout = tokio::io::stdout();
            let report = volume::save(&directory, &mut stdout, &options, run).await?;
            stdout.flush().await.map_err(|error| {
                Error::new(ErrorKind::Disk, "cannot write to standard output").because(error)
            })?;
            Ok(output.volume_saved(&report, None))
        }
        VolumeAction::Load { file, place, members, keep_special_modes, any_ratio } => {
            let options = LoadOptions {
                members: members.clone(),
                keep_special_modes: *keep_special_modes,
                any_ratio: *any_ratio,
                // Beside the archive of a snapshot is its index.
                index: index_of_archive(file),
            };
            let file = archive(file)?;
            if global.tunnel.is_some() && !global.yes {
                let error =
                    Error::new(ErrorKind::Guard, "this writes into a directory of a host of the cluster");
                return Err(error.at(At::Path, place.path.display()).todo("confirm it with --yes"));
            }
            let directory = directory(global, &place.path, run).await?;
            let report = if is_standard(file) {
                volume::load(&directory, tokio::io::stdin(), &options, run).await?
            } else {
                volume::load_file(&directory, file, &options, run).await?
            };
            Ok(output.volume_loaded(&report, &place.path))
        }
        VolumeAction::List { file, members, any_ratio } => {
            let file = archive(file)?;
            output.begin_lists(&["entries"]);
            let options = ListOptions { members: members.clone(), any_ratio: *any_ratio };
            let mut each = |entry: &volume::ListedEntry| output.volume_entry(entry);
            let report = if is_standard(file) {
                volume::list(tokio::io::stdin(), &options, &mut each, run).await?
            } else {
                volume::list_file(file, &options, &mut each, run).await?
            };
            Ok(output.volume_listed(&report))
        }
    }
}

fn archive(file: &Path) -> Result<&Path> {
    local::path(
        file,
        "an archive",
        "name a file of this machine, or - for a stream: `deis-store s3 get … -` gives one",
    )
}

fn is_standard(file: &Path) -> bool {
    file.as_os_str() == "-"
}

fn alone() -> Error {
    Error::new(ErrorKind::Usage, "standard output takes the archive alone, without --json")
        .at(At::Argument, "-")
}

/// The directory on the host of the tunnel, or on this machine.
async fn directory(global: &Global, path: &Path, run: &Run) -> Result<Directory> {
    if global.tunnel.is_none() {
        return Ok(Directory::here(path));
    }
    let Some(path) = path.to_str() else {
        let error = Error::new(ErrorKind::Usage, "the path of a directory of a host must be UTF-8");
        return Err(error.at(At::Path, path.display()));
    };
    Ok(Directory::on(settings::host(global, run).await?, path))
}
