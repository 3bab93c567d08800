//! `deis-store serve SNAPSHOT`

use std::path::PathBuf;

use deis_store::run::Run;
use deis_store::serve::{Publish, ServeOptions, serve};
use deis_store::snapshot::SnapshotReader;
use deis_store::{Error, ErrorKind, Result};

use super::{Done, local};
use crate::args::{Global, ServeArgs};
use crate::output::Output;
use crate::settings;

pub(super) async fn run(global: &Global, what: &ServeArgs, output: &Output, run: &Run) -> Done {
    let path = local::one(&what.snapshot, &what.more, "serve")?;
    let todo = "serve a directory; `deis-store s3 sync` fetches one from a bucket";
    let path = local::path(path, "a snapshot", todo)?;
    let options = run.stop.cancels(options(global, what, run)).await?;
    let snapshot = SnapshotReader::open(path)?;
    let serving = serve(&snapshot, options, run).await?;
    output.listening(&serving.url());
    Ok(output.served(&serving.until_stopped().await?))
}

async fn options(global: &Global, what: &ServeArgs, run: &Run) -> Result<ServeOptions> {
    if !global.gateway.is_empty() || global.s3cfg.is_some() {
        let error = Error::new(ErrorKind::Usage, "`serve` is a gateway itself, and uses none");
        return Err(error.todo("leave --gateway and --s3cfg out"));
    }
    let mut options = ServeOptions::default();
    options.listen = what.listen.unwrap_or(options.listen);
    // What is published is read by the whole platform: keys that are meant for something else do not get there.
    options.credentials = if what.publish { None } else { settings::keys_of_environment()? };
    let directory = |path: &PathBuf| {
        let todo = "name a directory of this machine";
        local::path(path, "a directory for writes", todo).map(ToOwned::to_owned)
    };
    options.writes = what.writes.as_ref().map(directory).transpose()?;
    let file = |path: &PathBuf| {
        let todo = "name a file of this machine";
        local::path(path, "a file for s3cmd", todo).map(ToOwned::to_owned)
    };
    options.s3cfg = what.write_s3cfg.as_ref().map(file).transpose()?;
    let are_known =
        options.credentials.is_some() || options.writes.is_some() || options.s3cfg.is_some() || what.publish;
    if !are_known {
        let error = Error::new(ErrorKind::Usage, "nobody would know the keys of this gateway");
        return Err(error.todo(format!(
            "leave them in a file for s3cmd with --write-s3cfg FILE, or set {}",
            settings::KEY_NAMES
        )));
    }
    if what.publish {
        let mut publish = Publish::new(settings::etcd(global, run).await?);
        publish.confirmed = global.yes;
        options.publish = Some(publish);
    }
    Ok(options)
}
