//! Group commit: files that are whole wait for one another, are synced together, and only then get their names.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use super::new_file::{Committed, NewFile};
use super::root::Root;
use crate::error::{Error, ErrorKind, Result};

/// So few files are only synced one by one, which leaves alone what others have written to the file system.
const FEW: usize = 4;

/// Commits files of one run so that each survives a crash from then on but for its name.
///
/// A sync costs about the same for one file as for many. So while one group is synced, the next one gathers.
#[derive(Debug, Default)]
pub(crate) struct GroupCommit {
    waiting: Mutex<Vec<Waiting>>,
    turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    new_file: NewFile,
    told: oneshot::Sender<Result<Committed>>,
}

impl GroupCommit {
    /// Gives a file its name when its bytes are safe.
    pub(crate) async fn commit(&self, new_file: NewFile) -> Result<Committed> {
        let (told, outcome) = oneshot::channel();
        self.lock().push(Waiting { new_file, told });
        let turn = self.turn.lock().await;
        let group = std::mem::take(&mut *self.lock());
        if !group.is_empty() {
            // If it panics, the waiting callers get no outcome, which is an error below.
            let _ = tokio::task::spawn_blocking(|| commit_all(group)).await;
        }
        drop(turn);
        outcome.await.map_err(|_| Error::new(ErrorKind::Internal, "a task ended before its time"))?
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn commit_all(mut group: Vec<Waiting>) {
    // A caller that was dropped meanwhile waits no more.
    group.retain(|waiting| !waiting.told.is_closed());
    if group.len() > FEW {
        // Only to be quick: whether a file is safe its own sync says, to which little is left then.
        let _ = sync(&group);
    }
    for Waiting { new_file, told } in group {
        let outcome = match new_file.sync() {
            Ok(()) => new_file.name_it(),
            Err(error) => {
                // The bytes in memory need not be those on the disk, and the next run would believe them.
                new_file.discard();
                Err(error)
            }
        };
        // If the caller was dropped just now, its file is there all the same.
        let _ = told.send(outcome);
    }
}

/// Syncs the file systems of these files, which may be several where something is mounted below.
fn sync(group: &[Waiting]) -> Result<()> {
    let mut file_systems = BTreeMap::new();
    for waiting in group {
        let (directory, number) = waiting.new_file.file_system()?;
        file_systems.insert(number, directory);
    }
    file_systems.into_values().try_for_each(Root::sync_filesystem)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::future::join_all;

    use super::*;
    use crate::disk::Kind;

    fn written(root: &Root, key: &str) -> NewFile {
        let mut file = root.new_object(key, "").unwrap();
        file.write_all(key.as_bytes()).unwrap();
        file
    }

    #[tokio::test]
    async fn many_that_wait_are_committed_together_and_each_is_told_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let group = GroupCommit::default();
        let keys: Vec<String> = (0..50).map(|number| format!("d{}/{number}", number % 3)).collect();
        let files = keys.iter().map(|key| group.commit(written(&root, key)));
        for (committed, key) in join_all(files).await.into_iter().zip(&keys) {
            assert_eq!(committed.unwrap().path.join("/"), *key);
            assert_eq!(std::fs::read_to_string(directory.path().join(key)).unwrap(), *key);
        }
    }

    #[tokio::test]
    async fn one_whose_name_is_taken_by_a_stranger_does_not_keep_the_others_from_theirs() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let files = ["a", "b", "c"].map(|key| written(&root, key));
        std::os::unix::fs::symlink("/etc/passwd", directory.path().join("b")).unwrap();
        let group = GroupCommit::default();
        let outcomes = join_all(files.map(|file| group.commit(file))).await;
        let committed: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        assert_eq!(committed, [true, false, true]);
        assert_eq!(
            (root.kind(&["a"]).unwrap(), root.kind(&["b"]).unwrap()),
            (Some(Kind::File), Some(Kind::Symlink))
        );
    }

    #[tokio::test]
    async fn one_that_is_given_up_while_it_waits_gets_no_name() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        let group = GroupCommit::default();
        let turn = group.turn.lock().await;
        let given_up = Box::pin(group.commit(written(&root, "a")));
        assert!(futures_util::FutureExt::now_or_never(given_up).is_none());
        drop(turn);
        group.commit(written(&root, "b")).await.unwrap();
        assert_eq!((root.kind(&["a"]).unwrap(), root.kind(&["b"]).unwrap()), (None, Some(Kind::File)));
    }
}
