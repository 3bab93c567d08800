//! More gateways while a command works, and as many as before afterwards.

use std::num::NonZeroUsize;
use std::time::Duration;

use deis_store::Result;
use deis_store::cluster::Cluster;
use deis_store::platform::ScaledGateways;
use deis_store::run::Run;

/// The result of the work, and whether the gateways were put back: they are also after work that failed or was interrupted.
pub(super) async fn with_gateways<T>(
    (gateways, wait): (Option<NonZeroUsize>, Duration),
    cluster: &Cluster,
    run: &Run,
    work: impl AsyncFnOnce(&Cluster) -> Result<T>,
) -> Result<(T, Result<()>)> {
    let Some(gateways) = gateways else { return Ok((work(cluster).await?, Ok(()))) };
    let scaled = ScaledGateways::scale(cluster, gateways.get(), wait, run).await?;
    let done = work(scaled.cluster()).await;
    let put_back = scaled.put_back().await;
    Ok((done?, put_back))
}
