//! Reads the operator's configuration from one etcd, and writes it into another one.
//!
//! The module `configuration` decides which keys belong to it and which of them are set.

use std::collections::BTreeSet;

use super::configuration::{Configuration, Plan, plan};
use crate::error::{At, Context, Error, ErrorKind, Result, printable};
use crate::etcd::{Etcd, Node, Value};

const ROOT: &str = "/deis";

/// The operator's configuration of a cluster.
pub(crate) async fn collect(etcd: &Etcd) -> Result<Configuration> {
    let tree = etcd.tree(ROOT).await.todo("check that this etcd belongs to a Deis cluster")?;
    Ok(Configuration::from_tree(&tree))
}

/// The changes that give a cluster a configuration, with the keys that no release of Deis reads only if they are named. The
/// cluster may be an empty one.
pub(crate) async fn plan_for(
    configuration: &Configuration,
    etcd: &Etcd,
    named: &BTreeSet<String>,
) -> Result<Plan> {
    let current = etcd.find_tree(ROOT).await?.unwrap_or_else(|| Node::directory(ROOT));
    Ok(plan(configuration, &current, named))
}

/// Sets the keys of a plan, and reads back each of them. It can be run again after a failure, and an error says how far it has
/// come.
pub(crate) async fn apply(etcd: &Etcd, plan: &Plan) -> Result<()> {
    if let Some(blocked) = plan.blocked().next() {
        return Err(blocked);
    }
    for (done, (key, value)) in plan.set.iter().enumerate() {
        set(etcd, key, value)
            .await
            .map_err(|error| half_done(error, "set", &names(&plan.set), done, GOES_ON))?;
    }
    Ok(())
}

async fn set(etcd: &Etcd, key: &str, value: &Value) -> Result<()> {
    etcd.set(key, value.expose(), None).await?;
    if etcd.get(key).await?.value.as_ref() != Some(value) {
        let error = Error::new(ErrorKind::Changed, "a key has another value than the one just set");
        return Err(error.at(At::Key, key).todo("find out who else writes to this etcd, then run it again"));
    }
    Ok(())
}

/// The keys of assignments.
pub(super) fn names(assignments: &[(String, Value)]) -> Vec<&str> {
    assignments.iter().map(|(key, _)| key.as_str()).collect()
}

/// What to do after keys were set by half.
pub(super) const GOES_ON: &str = "run it again: it goes on";

/// The error of one of several keys, of which so many were done: it names these, and those that are left as they were. That
/// one itself may be done or not, if its answer was lost.
pub(super) fn half_done(error: Error, did: &str, keys: &[&str], done: usize, again: &str) -> Error {
    if keys.len() < 2 {
        return error;
    }
    let (before, after) = (&keys[..done], keys.get(done + 1..).unwrap_or_default());
    let mut text = match done {
        0 => format!("none of {} keys was {did} before this one", keys.len()),
        _ => format!("{done} of {} keys were {did}: {}", keys.len(), listed(before)),
    };
    if !after.is_empty() {
        text.push_str(&format!("; not yet: {}", listed(after)));
    }
    let todo = match error.advice() {
        Some(advice) => format!("{advice}; then {again}"),
        None => again.to_owned(),
    };
    error.about(&text).todo_instead(&todo)
}

/// The first of these names.
fn listed(names: &[&str]) -> String {
    const MOST: usize = 10;
    let first = printable(&names[..names.len().min(MOST)].join(", "));
    if names.len() > MOST { format!("{first} and {} more", names.len() - MOST) } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;
    use crate::etcd::script::Script;

    #[tokio::test]
    async fn a_configuration_goes_from_one_cluster_to_an_empty_one() {
        let old = Memory::with(&[
            ("/deis/router/bodySize", "1m"),
            ("/deis/router/sslCert", "-----BEGIN\nabc=\n"),
            ("/deis/store/fsid", "x"),
            ("/other", "y"),
        ]);
        let configuration = collect(&Etcd::new(old)).await.unwrap();
        let new = Memory::with(&[]);
        let etcd = Etcd::new(new.clone());
        let plan = plan_for(&configuration, &etcd, &BTreeSet::new()).await.unwrap();
        apply(&etcd, &plan).await.unwrap();
        assert_eq!(new.len(), 2);
        assert_eq!(new.value("/deis/router/sslCert").unwrap(), "-----BEGIN\nabc=\n");
        let again = plan_for(&configuration, &etcd, &BTreeSet::new()).await.unwrap();
        assert_eq!((again.set.len(), again.unchanged.len()), (0, 2));
    }

    #[tokio::test]
    async fn an_empty_tree_is_a_configuration_without_a_key_and_half_of_one_is_an_error() {
        let answer = |body: &str| Ok((200, None, body.to_owned()));
        let empty = r#"{"action":"get","node":{"key":"/deis","dir":true}}"#;
        let etcd = Etcd::new(Script::new([answer(empty), answer(empty)]));
        assert!(collect(&etcd).await.unwrap().is_empty());
        for half in
            [r#"{"action":"get","node":{}}"#, r#"{"action":"get","node":{"key":"/other","dir":true}}"#]
        {
            let error = collect(&Etcd::new(Script::new([answer(half)]))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{half}");
            let configuration = Configuration::default();
            let etcd = Etcd::new(Script::new([answer(half)]));
            let planned = plan_for(&configuration, &etcd, &BTreeSet::new()).await;
            assert_eq!(planned.unwrap_err().kind(), ErrorKind::Protocol, "a restore's target: {half}");
        }
    }

    #[tokio::test]
    async fn a_key_that_etcd_refuses_is_an_error_that_says_which_are_set_and_that_it_goes_on() {
        let ok = |key: &str, action: &str| {
            let body = format!(r#"{{"action":"{action}","node":{{"key":"{key}","value":"SECRET"}}}}"#);
            Ok((200, None, body))
        };
        let refused = Ok((401, None, r#"{"errorCode":110,"cause":"SECRET"}"#.to_owned()));
        let keys = ["/deis/router/a", "/deis/router/b", "/deis/router/c"];
        let script = Script::new([ok(keys[0], "set"), ok(keys[0], "get"), refused]);
        let set = keys.map(|key| (key.to_owned(), Value::new("SECRET"))).to_vec();
        let error = apply(&Etcd::new(script), &Plan { set, ..Plan::default() }).await.unwrap_err();
        let text = error.to_string();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(text.contains("1 of 3 keys were set: /deis/router/a; not yet: /deis/router/c"), "{text}");
        assert!(text.contains("key /deis/router/b") && !format!("{error:?}").contains("SECRET"), "{error:?}");
        assert!(error.advice().unwrap().ends_with("then run it again: it goes on"), "{:?}", error.advice());
    }

    #[tokio::test]
    async fn a_key_that_reads_back_differently_is_an_error_that_names_it() {
        let answer =
            |value| Ok((200, None, format!(r#"{{"node":{{"key":"/deis/router/x","value":"{value}"}}}}"#)));
        let script = Script::new([answer("SECRET"), answer("OTHER")]);
        let plan = Plan { set: vec![("/deis/router/x".to_owned(), Value::new("SECRET"))], ..Plan::default() };
        let error = apply(&Etcd::new(script), &plan).await.unwrap_err();
        assert!(
            error.to_string().contains("/deis/router/x") && !error.to_string().contains("SECRET"),
            "{error}"
        );
    }
}
