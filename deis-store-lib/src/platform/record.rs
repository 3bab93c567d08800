//! What a restore has done, kept in the cluster's etcd until it is finished, so that a run that was killed goes on.
//!
//! Most steps are seen in the cluster itself. Kept is what is not: which parts were restored, since the platform changes them
//! as soon as it runs; that its start was begun, since a database that runs is otherwise a reason to refuse; and the value of a
//! setting that is put back. The record is void if the store is another one by now.

use std::collections::BTreeSet;

use crate::error::{At, Error, ErrorKind, Result};
use crate::etcd::{Etcd, Node};
use crate::snapshot::Manifest;

/// Beside `/deis`, so that no backup of a configuration holds it.
const ROOT: &str = "/deis-store/restore";
const STORE: &str = "/deis/store/fsid";

/// That the database was started by a restore: from then on one that runs is the restored one.
pub(crate) const STARTED: &str = "started";

/// The record of a restore.
#[derive(Debug)]
pub(crate) struct Record {
    etcd: Etcd,
    snapshot: String,
    begun: bool,
    done: BTreeSet<String>,
    latest: Option<String>,
    body_size: Option<String>,
    database_before: Option<String>,
}

impl Record {
    /// The record of this snapshot's restore, which may not have begun. One of another snapshot's is an error.
    pub(crate) async fn read(etcd: &Etcd, manifest: &Manifest) -> Result<Self> {
        let store = etcd.text(STORE).await?;
        let tree = etcd.find_tree(ROOT).await?.unwrap_or_else(|| Node::directory(ROOT));
        let snapshot = format!("{}/{}", manifest.repository, manifest.snapshot);
        let text = |name: &str| tree.text(&format!("{ROOT}/{name}")).map(str::to_owned);
        let mut record = Self {
            etcd: etcd.clone(),
            snapshot,
            begun: false,
            done: BTreeSet::new(),
            latest: None,
            body_size: None,
            database_before: None,
        };
        let is_of_this_store = text("store").is_none_or(|own| Some(own) == store);
        // A setting is put back whosever restore has changed it.
        record.body_size = text("body-size");
        match text("snapshot") {
            Some(other) if other != record.snapshot && is_of_this_store => {
                return Err(Error::new(ErrorKind::Occupied, format!("the restore of the snapshot {other} was begun here and is not finished"))
                    .at(At::Key, ROOT)
                    .todo(format!("go on with that one; or forget it, if the cluster is empty again: etcdctl rm --recursive {ROOT}")));
            }
            Some(own) if own == record.snapshot && is_of_this_store => {
                record.begun = true;
                let done = tree.find(&format!("{ROOT}/done")).map_or(&[][..], |done| &done.nodes);
                record.done =
                    done.iter().filter_map(|node| node.key.rsplit('/').next()).map(str::to_owned).collect();
                record.latest = text("latest");
                record.database_before = text("database-before");
            }
            _ => {}
        }
        Ok(record)
    }

    /// Whether this was done.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.done.contains(name)
    }

    /// The base backup that was left as the latest.
    pub(crate) fn latest(&self) -> Option<&str> {
        self.latest.as_deref()
    }

    /// The value of `bodySize` to put back; an empty one if there was none.
    pub(crate) fn body_size(&self) -> Option<&str> {
        self.body_size.as_deref()
    }

    /// Keeps the value of `bodySize`, before it is changed.
    pub(crate) async fn keep_body_size(&mut self, value: &str) -> Result<()> {
        self.begin().await?;
        self.set("body-size", value).await?;
        self.body_size = Some(value.to_owned());
        Ok(())
    }

    /// Forgets the value of `bodySize`, after it was put back.
    pub(crate) async fn forget_body_size(&mut self) -> Result<()> {
        self.etcd.delete(&format!("{ROOT}/body-size")).await?;
        self.body_size = None;
        Ok(())
    }

    /// Keeps that this was done.
    pub(crate) async fn keep(&mut self, name: &str) -> Result<()> {
        self.begin().await?;
        self.set(&format!("done/{name}"), "yes").await?;
        self.done.insert(name.to_owned());
        Ok(())
    }

    /// Forgets that this was done.
    pub(crate) async fn forget_one(&mut self, name: &str) -> Result<()> {
        if self.done.remove(name) {
            self.etcd.delete(&format!("{ROOT}/done/{name}")).await?;
        }
        Ok(())
    }

    /// Forgets all of the database, so that it is restored once more.
    pub(crate) async fn forget_database(&mut self) -> Result<()> {
        for name in ["db_wal", STARTED] {
            self.forget_one(name).await?;
        }
        if self.latest.take().is_some() {
            self.etcd.delete(&format!("{ROOT}/latest")).await?;
        }
        Ok(())
    }

    /// Which database etcd has named when the start was begun.
    pub(crate) fn database_before(&self) -> Option<&str> {
        self.database_before.as_deref()
    }

    /// Keeps that the database is started now, and which one etcd has named until now.
    pub(crate) async fn keep_started(&mut self, database: &str) -> Result<()> {
        self.begin().await?;
        self.set("database-before", database).await?;
        self.database_before = Some(database.to_owned());
        self.keep(STARTED).await
    }

    /// Keeps which base backup is the latest.
    pub(crate) async fn keep_latest(&mut self, latest: &str) -> Result<()> {
        self.begin().await?;
        self.set("latest", latest).await?;
        self.latest = Some(latest.to_owned());
        Ok(())
    }

    /// Forgets all of it.
    pub(crate) async fn forget(&mut self) -> Result<()> {
        self.etcd.delete_tree(ROOT).await?;
        (self.begun, self.latest, self.body_size, self.database_before) = (false, None, None, None);
        self.done.clear();
        Ok(())
    }

    /// Says whose record it is, in the place of one that is void.
    async fn begin(&mut self) -> Result<()> {
        if self.begun {
            return Ok(());
        }
        self.forget().await?;
        if let Some(store) = self.etcd.text(STORE).await? {
            self.set("store", &store).await?;
        }
        self.set("snapshot", &self.snapshot).await?;
        self.begun = true;
        Ok(())
    }

    async fn set(&self, name: &str, value: &str) -> Result<()> {
        self.etcd.set(&format!("{ROOT}/{name}"), value, None).await.map(drop)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::etcd::Memory;

    pub(in super::super) fn manifest(name: &str) -> Manifest {
        let json = format!(
            r#"{{"format":1,"snapshot":"{name}","program":"x","repository":"u","complete":true,
            "started":"2015-10-21T07:28:00.000Z","ended":"2015-10-21T07:29:00.000Z","source":{{}},"parts":{{}},"files":[]}}"#
        );
        Manifest::parse(json.as_bytes()).unwrap()
    }

    const ONE: &str = "2015-10-21T07-28-00Z";
    const OTHER: &str = "2015-10-22T07-28-00Z";

    #[tokio::test]
    async fn a_run_after_one_that_was_killed_knows_what_that_has_done_and_forgets_it_at_the_end() {
        let memory = Memory::with(&[(STORE, "f1")]);
        let etcd = Etcd::new(memory.clone());
        let mut first = Record::read(&etcd, &manifest(ONE)).await.unwrap();
        first.keep("db_wal").await.unwrap();
        first.keep_latest("base").await.unwrap();
        let mut second = Record::read(&etcd, &manifest(ONE)).await.unwrap();
        assert!(second.has("db_wal") && !second.has("registry") && second.latest() == Some("base"));
        second.keep("registry").await.unwrap();
        assert!(Record::read(&etcd, &manifest(ONE)).await.unwrap().has("db_wal"));
        second.forget().await.unwrap();
        assert_eq!(memory.len(), 1);
        assert!(!Record::read(&etcd, &manifest(ONE)).await.unwrap().has("db_wal"));
    }

    #[tokio::test]
    async fn another_snapshots_unfinished_restore_is_refused_and_that_of_another_store_is_void() {
        let memory = Memory::with(&[(STORE, "f1")]);
        let etcd = Etcd::new(memory.clone());
        Record::read(&etcd, &manifest(ONE)).await.unwrap().keep("db_wal").await.unwrap();
        let error = Record::read(&etcd, &manifest(OTHER)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Occupied);
        assert!(
            error.to_string().contains(ONE) && error.advice().unwrap().contains("etcdctl rm --recursive")
        );
        // The store was made anew.
        etcd.set(STORE, "f2", None).await.unwrap();
        assert!(!Record::read(&etcd, &manifest(ONE)).await.unwrap().has("db_wal"));
        let mut other = Record::read(&etcd, &manifest(OTHER)).await.unwrap();
        other.keep("volume").await.unwrap();
        let again = Record::read(&etcd, &manifest(OTHER)).await.unwrap();
        assert!(again.has("volume") && !again.has("db_wal"));
    }
}
