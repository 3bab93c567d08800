//! The largest request that the router takes, which early releases apply to the store as well: raised while objects are uploaded
//! through it, and put back afterwards, whatever happens.

use super::record::Record;
use super::stage::Stage;
use super::version::Version;
use crate::error::Result;
use crate::etcd::Etcd;

const KEY: &str = "/deis/router/bodySize";
/// Any size, to nginx.
const ANY: &str = "0";

/// Raises it where that is needed. What it was is kept before.
pub(crate) async fn raise(stage: &mut Stage<'_>) -> Result<()> {
    let early = stage.version().await?.is_some_and(|version| version < Version::TAKES_ANY_SIZE);
    if !early || !stage.cluster.is_behind_router() {
        return Ok(());
    }
    lift(&stage.etcd, &mut stage.record).await
}

async fn lift(etcd: &Etcd, record: &mut Record) -> Result<()> {
    if record.body_size().is_none() {
        let was = etcd.text(KEY).await?.unwrap_or_default();
        record.keep_body_size(&was).await?;
    }
    etcd.set(KEY, ANY, None).await.map(drop)
}

/// Puts it back, if a restore has raised it: this one, or one that was killed.
pub(crate) async fn put_back(stage: &mut Stage<'_>) -> Result<()> {
    lower(&stage.etcd, &mut stage.record).await
}

async fn lower(etcd: &Etcd, record: &mut Record) -> Result<()> {
    let Some(was) = record.body_size().map(str::to_owned) else { return Ok(()) };
    // Somebody else's setting stays.
    if etcd.text(KEY).await?.as_deref() == Some(ANY) {
        if was.is_empty() {
            etcd.delete(KEY).await?;
        } else {
            etcd.set(KEY, &was, None).await?;
        }
    }
    record.forget_body_size().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;
    use crate::platform::record::tests::manifest;

    #[tokio::test]
    async fn body_size_is_put_back_as_it_was_also_by_the_run_after_one_that_was_killed() {
        for was in [Some("1m"), None] {
            let keys: Vec<_> = was.map(|was| (KEY, was)).into_iter().chain([("/deis/x", "y")]).collect();
            let memory = Memory::with(&keys);
            let etcd = Etcd::new(memory.clone());
            let manifest = manifest("2015-10-21T07-28-00Z");
            let mut killed = Record::read(&etcd, &manifest).await.unwrap();
            lift(&etcd, &mut killed).await.unwrap();
            assert_eq!(memory.value(KEY).as_deref(), Some(ANY));
            // A second one that raises it keeps the first value.
            let mut again = Record::read(&etcd, &manifest).await.unwrap();
            lift(&etcd, &mut again).await.unwrap();
            let mut next = Record::read(&etcd, &manifest).await.unwrap();
            lower(&etcd, &mut next).await.unwrap();
            assert_eq!(memory.value(KEY).as_deref(), was);
            assert_eq!(Record::read(&etcd, &manifest).await.unwrap().body_size(), None);
        }
    }

    #[tokio::test]
    async fn a_setting_that_somebody_else_has_made_meanwhile_stays() {
        let memory = Memory::with(&[(KEY, "1m")]);
        let etcd = Etcd::new(memory.clone());
        let mut record = Record::read(&etcd, &manifest("2015-10-21T07-28-00Z")).await.unwrap();
        lift(&etcd, &mut record).await.unwrap();
        etcd.set(KEY, "5m", None).await.unwrap();
        lower(&etcd, &mut record).await.unwrap();
        assert_eq!(memory.value(KEY).as_deref(), Some("5m"));
    }
}
