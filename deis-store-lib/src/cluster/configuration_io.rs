//! Reads the operator's configuration from one etcd, and writes it into another one.
//!
//! The module `configuration` decides which keys belong to it and which of them are set.

use super::configuration::{Configuration, Plan, plan};
use crate::error::{At, Context, Error, ErrorKind, Result};
use crate::etcd::{Etcd, Node};

const ROOT: &str = "/deis";

/// The operator's configuration of a cluster.
pub(crate) async fn collect(etcd: &Etcd) -> Result<Configuration> {
    let tree = etcd.tree(ROOT).await.todo("check that this etcd belongs to a Deis cluster")?;
    Ok(Configuration::from_tree(&tree))
}

/// The changes that give a cluster a configuration. The cluster may be an empty one.
pub(crate) async fn plan_for(configuration: &Configuration, etcd: &Etcd) -> Result<Plan> {
    let current = match etcd.tree(ROOT).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Node::directory(ROOT),
        other => other?,
    };
    Ok(plan(configuration, &current))
}

/// Sets the keys of a plan, and reads back each of them. It can be run again after a failure.
pub(crate) async fn apply(etcd: &Etcd, plan: &Plan) -> Result<()> {
    if let Some(blocked) = plan.blocked().next() {
        return Err(blocked);
    }
    for (key, value) in &plan.set {
        etcd.set(key, value.expose(), None).await?;
        if etcd.get(key).await?.value.as_ref() != Some(value) {
            let error = Error::new(ErrorKind::Changed, "a key has another value than the one just set");
            return Err(error
                .at(At::Key, key)
                .todo("find out who else writes to this etcd, then run it again"));
        }
    }
    Ok(())
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
        let plan = plan_for(&configuration, &etcd).await.unwrap();
        apply(&etcd, &plan).await.unwrap();
        assert_eq!(new.len(), 2);
        assert_eq!(new.value("/deis/router/sslCert").unwrap(), "-----BEGIN\nabc=\n");
        let again = plan_for(&configuration, &etcd).await.unwrap();
        assert_eq!((again.set.len(), again.unchanged.len()), (0, 2));
    }

    #[tokio::test]
    async fn a_key_that_reads_back_differently_is_an_error_that_names_it() {
        let answer =
            |value| Ok((200, None, format!(r#"{{"node":{{"key":"/deis/router/x","value":"{value}"}}}}"#)));
        let script = Script::new([answer("SECRET"), answer("OTHER")]);
        let plan = Plan {
            set: vec![("/deis/router/x".to_owned(), crate::etcd::Value::new("SECRET"))],
            ..Plan::default()
        };
        let error = apply(&Etcd::new(script), &plan).await.unwrap_err();
        assert!(
            error.to_string().contains("/deis/router/x") && !error.to_string().contains("SECRET"),
            "{error}"
        );
    }
}
