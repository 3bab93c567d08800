//! The largest request that the router takes, which early releases apply to the store as well: raised while objects are uploaded
//! through it, and put back afterwards, whatever happens.

use super::stage::Stage;
use super::version::Version;
use crate::error::Result;

const KEY: &str = "/deis/router/bodySize";
/// Any size, to nginx.
const ANY: &str = "0";

/// Raises it where that is needed. What it was is kept before.
pub(crate) async fn raise(stage: &mut Stage<'_>) -> Result<()> {
    let early = stage.version().await?.is_some_and(|version| version < Version::TAKES_ANY_SIZE);
    if !early || !stage.cluster.is_behind_router() {
        return Ok(());
    }
    if stage.record.body_size().is_none() {
        let was = stage.text(KEY).await?.unwrap_or_default();
        stage.record.keep_body_size(&was).await?;
    }
    stage.etcd.set(KEY, ANY, None).await.map(drop)
}

/// Puts it back, if a restore has raised it: this one, or one that was killed.
pub(crate) async fn put_back(stage: &mut Stage<'_>) -> Result<()> {
    let Some(was) = stage.record.body_size().map(str::to_owned) else { return Ok(()) };
    // Somebody else's setting stays.
    if stage.text(KEY).await?.as_deref() == Some(ANY) {
        if was.is_empty() {
            stage.etcd.delete(KEY).await?;
        } else {
            stage.etcd.set(KEY, &was, None).await?;
        }
    }
    stage.record.forget_body_size().await
}
