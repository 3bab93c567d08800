//! One restore at a time: a key of etcd that expires unless its owner keeps it up.
//!
//! Two that do not know of each other would undo each other's work: one unpacks, the other empties.

use std::time::Duration;

use tokio::task::JoinHandle;

use super::wait::{Seen, Waiting};
use crate::error::{At, Error, ErrorKind, Result, printable};
use crate::etcd::Etcd;
use crate::run::Run;

const KEY: &str = "/deis-store/restore-lock";
/// After this the lock of a run that was killed is gone.
const TTL: Duration = Duration::from_secs(30);
const KEPT_UP_EVERY: Duration = Duration::from_secs(10);
/// So long one that was killed may be in the way.
const PATIENCE: Duration = Duration::from_secs(40);

/// The lock. It is to be released; if it is dropped, it expires.
#[derive(Debug)]
pub(crate) struct Lock {
    etcd: Etcd,
    owner: String,
    keeping: JoinHandle<Error>,
}

impl Lock {
    /// Takes it, and waits for one that was left.
    pub(crate) async fn take(etcd: &Etcd, run: &Run) -> Result<Self> {
        let owner = format!("process {} {:016x}", std::process::id(), run.seed);
        let mut waiting = Waiting::new("the end of another restore", PATIENCE, run);
        loop {
            let taken = match etcd.create(KEY, &owner, TTL).await {
                Err(error) if error.kind() == ErrorKind::Occupied => {
                    let other = etcd.get(KEY).await.ok().and_then(|node| node.value);
                    let other = other.map_or_else(String::new, |other| printable(other.expose()));
                    Ok(Seen::NotYet(format!("{KEY} is held by {other}")))
                }
                taken => taken.map(Seen::Ready),
            };
            match waiting.after(taken).await {
                Ok(None) => {}
                Ok(Some(())) => break,
                Err(error) if error.kind() == ErrorKind::NotReady => {
                    let error =
                        Error::new(ErrorKind::Locked, "another restore runs on this cluster").because(error);
                    return Err(error.at(At::Key, KEY).todo("wait for its end"));
                }
                Err(error) => return Err(error),
            }
        }
        let keeping = tokio::spawn(keep_up(etcd.clone(), owner.clone()));
        Ok(Self { etcd: etcd.clone(), owner, keeping })
    }

    /// Waits until another restore has it, as it may after a time in which etcd was not reached: this one must end then.
    pub(crate) async fn lost(&mut self) -> Error {
        (&mut self.keeping).await.unwrap_or_else(|error| {
            Error::new(ErrorKind::Internal, "the task that keeps the restore's lock has ended").because(error)
        })
    }

    /// Gives it back. If that fails, it expires.
    pub(crate) async fn release(self) {
        self.keeping.abort();
        if is_ours(&self.etcd, &self.owner).await {
            let _ = self.etcd.delete(KEY).await;
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.keeping.abort();
    }
}

/// Keeps it up until another one has it. One that has expired, in a time without etcd, is taken anew.
async fn keep_up(etcd: Etcd, owner: String) -> Error {
    loop {
        tokio::time::sleep(KEPT_UP_EVERY).await;
        // An etcd that is away for a moment is asked again in time.
        let _ = match etcd.text(KEY).await {
            Ok(Some(holder)) if holder == owner => etcd.set(KEY, &owner, Some(TTL)).await.map(drop),
            Ok(Some(holder)) => {
                let error = Error::new(ErrorKind::Locked, "another restore has begun on this cluster");
                let error = error.at(At::Key, KEY).at(At::Name, printable(&holder));
                return error.todo("wait for its end, or stop it; then run this again: it goes on from here");
            }
            Ok(None) => etcd.create(KEY, &owner, TTL).await,
            Err(error) => Err(error),
        };
    }
}

async fn is_ours(etcd: &Etcd, owner: &str) -> bool {
    etcd.get(KEY).await.is_ok_and(|node| node.value.is_some_and(|value| value.expose() == owner))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::etcd::Memory;

    #[tokio::test(start_paused = true)]
    async fn a_second_restore_waits_for_the_first_and_is_refused_if_that_goes_on() {
        let memory = Memory::with(&[("/deis/x", "y")]);
        let etcd = Etcd::new(memory.clone());
        let lock = Lock::take(&etcd, &Run::default()).await.unwrap();
        let error = Lock::take(&etcd, &Run::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.what().contains("held by process"), "{}", error.what());
        lock.release().await;
        assert_eq!(memory.value(KEY), None);
        Lock::take(&etcd, &Run::default()).await.unwrap().release().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_lock_that_has_expired_is_taken_anew_and_one_that_another_restore_has_is_lost() {
        let memory = Memory::with(&[("/deis/x", "y")]);
        let etcd = Etcd::new(memory.clone());
        let mut lock = Lock::take(&etcd, &Run::default()).await.unwrap();
        etcd.delete(KEY).await.unwrap();
        tokio::time::timeout(2 * KEPT_UP_EVERY, lock.lost()).await.unwrap_err();
        assert!(memory.value(KEY).is_some());
        etcd.set(KEY, "another", None).await.unwrap();
        let error = lock.lost().await;
        assert_eq!(error.kind(), ErrorKind::Locked, "{error}");
        lock.release().await;
        assert_eq!(memory.value(KEY).as_deref(), Some("another"));
    }
}
