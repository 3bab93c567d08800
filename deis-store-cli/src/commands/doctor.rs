//! `deis-store doctor [REPOSITORY]`

use std::path::{Path, PathBuf};

use deis_store::doctor::{DoctorOptions, doctor};
use deis_store::run::Run;
use deis_store::{Error, ErrorKind};

use super::{Done, local};
use crate::args::Global;
use crate::output::Output;
use crate::settings;

pub(super) async fn run(
    global: &Global,
    repository: Option<(&Path, &[PathBuf])>,
    write_s3cfg: Option<&Path>,
    output: &Output,
    run: &Run,
) -> Done {
    let mut options = DoctorOptions::default();
    if let Some((path, more)) = repository {
        let todo = "name a directory of this machine, in which snapshots are to be";
        options.repository =
            Some(local::path(local::one(path, more, "doctor")?, "a repository", todo)?.to_owned());
    }
    if let Some(path) = write_s3cfg {
        if global.s3cfg.is_some() {
            let error =
                Error::new(ErrorKind::Usage, "a file of s3cmd is given, and another one is to be written");
            return Err(error.todo("leave --s3cfg out: the new file has what the cluster itself says"));
        }
        options.s3cfg =
            Some(local::path(path, "a file for s3cmd", "name a file of this machine")?.to_owned());
    }
    let (cluster, keys_from, fallback_from) = run.stop.cancels(settings::unconnected(global, run)).await?;
    (options.keys_from, options.fallback_from) = (keys_from, fallback_from);
    Ok(output.looked_at(&doctor(cluster, &options, run).await?))
}
