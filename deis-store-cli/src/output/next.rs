//! What to do now, after a result that is not good.

use deis_store::report::Verdict;
use serde_json::{Value, json};

/// A command whose result has a verdict.
#[derive(Clone, Copy)]
pub(super) enum After {
    Backup,
    /// A backup that has found much gone.
    Loss,
    Adoption,
    Verify,
    /// The verification of a living bucket.
    VerifyBucket,
    List,
    Plan,
    Restore,
    Rehearsal,
    /// The rehearsal of a snapshot.
    SnapshotRehearsal,
    /// An archive that was saved or listed.
    Archive,
}

/// What to do now; nothing after a good result.
pub(super) fn todo(after: After, verdict: Verdict) -> Option<&'static str> {
    use Verdict::{Damaged, Good, Incomplete};
    Some(match (after, verdict) {
        (_, Good) => return None,
        (After::Backup, Incomplete) => {
            "keep the older snapshots, look at what is named above, and run it again; `restore --only …` gives back what \
             is in this one, without the sentinels and tags that need what is not"
        }
        (After::Backup, Damaged) => {
            "the store gives bytes that are not what was stored, or lacks what a database or an image needs: keep the older \
             snapshots, look at its health (ceph health detail, in a store container), let the database make a base backup \
             (`wal-e backup-push`), then run it again"
        }
        (After::Loss, _) => {
            "keep the older snapshots: they hold what is gone (`diff` names it); if it is right that so much is gone, run it \
             once with --max-loss 100"
        }
        (After::Adoption, Incomplete) => {
            "keep the directory; sync once more what is named above and adopt it again, or take a backup while the cluster is \
             there; `restore --only …` gives back what is in this one, without the sentinels and tags that need what is not"
        }
        (After::Adoption, Damaged) => {
            "take what is named above from another copy of the directory and adopt that, or take a backup while the cluster is \
             there; look for the cause (dmesg, smartctl, a sync that was interrupted)"
        }
        (After::Verify, Incomplete) => {
            "take another backup; `restore --only …` gives back what is in this one, without the sentinels and tags that \
             need what is not"
        }
        (After::Verify, Damaged) => {
            "use another snapshot, or another copy of what is named above, and look for the cause (dmesg, smartctl, \
             memory); `restore --dry-run` shows what can still be restored"
        }
        (After::VerifyBucket, _) => {
            "look at what is named above while the database and the registry still run: a new base backup (`wal-e backup-push`) \
             begins a log without the hole, and an image is pushed again; an older snapshot may have what is missing"
        }
        (After::List, _) => {
            "find out why the last backups of what is named above were not made or are not good, and run one; let \
             `list --only …` ask of the parts alone that you back up"
        }
        (After::Plan, _) => {
            "use another snapshot if there is one; else go on: what is named above is left out, and sentinels and tags that \
             need it are held back, unless --despite-damage is given"
        }
        (After::Restore, Incomplete) => {
            "do not start the database or the registry on it yet; if uploads failed, run it again: what is there stays; \
             else take what is named above from another snapshot, or add --despite-damage to write what was held back"
        }
        (After::Restore, Damaged) => {
            "do not start the database or the registry on it yet; take what is named above from another snapshot, or add \
             --despite-damage to write what was held back; look for the cause with `verify`"
        }
        (After::Archive, _) => {
            "a load leaves out or refuses what is named above: see to it where the archive comes from, and save it once more"
        }
        (After::SnapshotRehearsal, _) => {
            "do not rest on this snapshot for what is named above: see with `verify` what is damaged, and take another snapshot; \
             an older one may have it"
        }
        (After::Rehearsal, _) => {
            "unless you have asked for damage, this machine has changed bytes: do not trust it with a backup before you \
             know why (dmesg, memory, disk)"
        }
    })
}

/// A report with what to do now.
pub(super) fn with_todo(mut report: Value, todo: Option<&str>) -> Value {
    if let (Some(report), Some(todo)) = (report.as_object_mut(), todo) {
        report.insert("todo".to_owned(), json!(todo));
    }
    report
}
