//! The step that sets the store's settings before its first monitor starts: afterwards they are not read any more.

use std::collections::BTreeSet;

use super::stage::Stage;
use crate::cluster::{self, Plan};
use crate::error::Result;

/// What would be set, for people, and whether there is nothing to set.
pub(super) async fn look(stage: &Stage<'_>) -> Result<(bool, String)> {
    let Some(plan) = plan(stage).await? else {
        return Ok((
            true,
            "the configuration is left out: the store has its defaults, or what was set".to_owned(),
        ));
    };
    if is_set_up(stage).await? {
        return Ok((true, "the store was set up already: it keeps its settings".to_owned()));
    }
    let keys: Vec<&str> = plan.set.iter().map(|(key, _)| key.as_str()).collect();
    if keys.is_empty() {
        return Ok((true, "the store's settings are as they were".to_owned()));
    }
    Ok((false, format!("set {}", keys.join(", "))))
}

/// Sets them, unless the store was set up already.
pub(super) async fn go(stage: &Stage<'_>) -> Result<(bool, String)> {
    let (done, what) = look(stage).await?;
    if done {
        return Ok((false, what));
    }
    let Some(plan) = plan(stage).await? else { return Ok((false, what)) };
    cluster::apply(&stage.etcd, &plan).await?;
    Ok((true, what))
}

/// The store's settings among those of the configuration.
async fn plan(stage: &Stage<'_>) -> Result<Option<Plan>> {
    let Some(configuration) = stage.configuration else { return Ok(None) };
    let mut plan = cluster::plan_for(configuration, &stage.etcd, &BTreeSet::new()).await?;
    plan.only_below("/deis/store/");
    Ok(Some(plan))
}

async fn is_set_up(stage: &Stage<'_>) -> Result<bool> {
    Ok(stage.text("/deis/store/monSetupComplete").await?.is_some())
}
