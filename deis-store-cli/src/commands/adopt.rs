//! `deis-store adopt DIRECTORY REPOSITORY`

use deis_store::adopt::{AdoptOptions, adopt, check};
use deis_store::error::At;
use deis_store::run::Run;
use deis_store::snapshot::Repository;
use deis_store::{Error, ErrorKind, Result};

use super::{Done, local};
use crate::args::{AdoptArgs, Global};
use crate::output::Output;
use crate::settings;

pub(super) async fn run(global: &Global, what: &AdoptArgs, output: &Output, run: &Run) -> Done {
    let todo = "adopt a directory of this machine; `deis-store backup` copies a bucket";
    let directory = local::path(&what.directory, "a directory that s3cmd has made", todo)?;
    let path = local::path(&what.repository, "a repository", "adopt into a directory of this machine")?;
    let options = AdoptOptions::new(what.buckets.iter().cloned())?;
    let options = if what.link { options.link() } else { options };
    Repository::check(path)?;
    // Before anything else: a wrong directory shall not leave an empty repository, nor shall a wrong address.
    check(directory, path, &options)?;
    let asked = !what.no_gateway && settings::is_given(global);
    let mut cluster = None;
    if asked {
        let connected = settings::cluster(global, true, run).await.map_err(or_without)?;
        run.stop.cancels(reachable(&connected)).await.map_err(or_without)?;
        cluster = Some(connected);
    }
    let repository = Repository::create(path, run)?;
    let report = adopt(directory, &repository, cluster.as_ref(), &options, run).await?;
    Ok(output.adopted(&report))
}

/// Whether its gateway answers and knows the keys.
async fn reachable(cluster: &deis_store::cluster::Cluster) -> Result<()> {
    cluster.s3()?.buckets().await.map(drop)
}

/// The error of a cluster that was given and does not answer: the directory can be adopted without it.
fn or_without(error: Error) -> Error {
    if !matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::NotReady) {
        return error;
    }
    let endpoint = error.place().endpoint().map(str::to_owned);
    let what = "the cluster that is given, with which the directory is to be compared, does not answer";
    let error = Error::new(error.kind(), what)
        .because(error)
        .todo("start it, or adopt the directory without a comparison: --no-gateway");
    match endpoint {
        Some(endpoint) => error.at(At::Endpoint, endpoint),
        None => error,
    }
}
