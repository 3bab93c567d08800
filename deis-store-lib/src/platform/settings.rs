//! The step that sets the store's settings before its first monitor starts: afterwards they are not read any more.

use std::collections::BTreeSet;

use super::stage::Stage;
use crate::cluster::{self, Plan};
use crate::error::Result;

/// What would be set, for people, and whether there is nothing to set.
pub(super) async fn look(stage: &Stage<'_>) -> Result<(bool, String)> {
    let (plan, what) = to_set(stage).await?;
    Ok((plan.is_none(), what))
}

/// Sets them, unless the store was set up already.
pub(super) async fn go(stage: &Stage<'_>) -> Result<(bool, String)> {
    let (plan, what) = to_set(stage).await?;
    if let Some(plan) = &plan {
        cluster::apply(&stage.etcd, plan).await?;
    }
    Ok((plan.is_some(), what))
}

/// The store's settings among those of the configuration, if some are to be set, and what is said of them.
async fn to_set(stage: &Stage<'_>) -> Result<(Option<Plan>, String)> {
    let nothing = |why: &str| Ok((None, why.to_owned()));
    let Some(configuration) = stage.configuration else {
        return nothing("the configuration is left out: the store has its defaults, or what was set");
    };
    if is_set_up(stage).await? {
        return nothing("the store was set up already: it keeps its settings");
    }
    let mut plan = cluster::plan_for(configuration, &stage.etcd, &BTreeSet::new()).await?;
    plan.only_below("/deis/store/");
    let keys: Vec<&str> = plan.set.iter().map(|(key, _)| key.as_str()).collect();
    if keys.is_empty() {
        return nothing("the store's settings are as they were");
    }
    let what = format!("set {}", keys.join(", "));
    Ok((Some(plan), what))
}

async fn is_set_up(stage: &Stage<'_>) -> Result<bool> {
    Ok(stage.text("/deis/store/monSetupComplete").await?.is_some())
}
