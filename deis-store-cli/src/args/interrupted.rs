//! What holds after a command was interrupted: what is safe, what is left, and how to go on.

use super::{Command, ConfigAction, S3Action, VolumeAction};

impl Command {
    /// What holds after it was interrupted.
    pub(crate) fn when_interrupted(&self) -> &'static str {
        match self {
            Self::Backup { .. } => {
                "run it again: earlier snapshots are as they were, and the cluster was only read; a directory \
                 NAME.unfinished, if one is left, is no snapshot and can be removed"
            }
            Self::Adopt { .. } => {
                "run it again: nothing is left of it, and the directory has all that it had; with --link, files may be read-only"
            }
            Self::Verify { .. }
            | Self::List { .. }
            | Self::Diff { .. }
            | Self::Doctor { .. }
            | Self::Config { action: ConfigAction::Get { .. }, .. } => "run it again: nothing was changed",
            Self::Hold { .. } | Self::Release { .. } => "see with `list` whether it is held, or run it again",
            Self::Prune { what, .. } if what.dry_run => "run it again: nothing was changed",
            Self::Prune { .. } => {
                "run it again: what was removed is gone, and all else is as it was; of one under way a directory \
                 NAME.unfinished may be left, which the next run removes"
            }
            Self::Restore { what, .. } if what.dry_run => "run it again: nothing was changed",
            Self::Restore { .. } => {
                "run the same restore again: it goes on, and leaves what is there already with the same bytes; if it restores \
                 parts alone, before the database starts. On the cluster are whole objects, perhaps keys of etcd and parts of an upload, and below \
                 the volume perhaps .deis-store-unpacking; the next run takes or removes them. Sentinels and tags come last"
            }
            Self::Rehearse { .. } => "run it again: nothing is left of it",
            Self::Serve { .. } => {
                "start it again: the snapshot is as it was, and with --writes all that was acknowledged is kept"
            }
            Self::Config { .. } => "see with `config TARGET get` which keys are set, then run it again",
            Self::Volume { action: VolumeAction::Load { .. } } => {
                "run it again: in the directory is nothing but perhaps .deis-store-unpacking, which the next run removes"
            }
            Self::Volume { .. } => "run it again: nothing was changed, and no file is left",
            Self::S3 { action } => action.when_interrupted(),
        }
    }
}

impl S3Action {
    fn when_interrupted(&self) -> &'static str {
        match self {
            Self::Sync { .. } => {
                "run it again: it goes on where it stopped. What was copied is whole and stays; of an object under way \
                 there is a partial file (%part.…), or parts in the bucket, which the next run takes; deletions come last"
            }
            Self::Put { .. } => {
                "run it again: objects that were uploaded are whole, and parts of one under way may be in the bucket: the \
                 same put takes them, `s3 listmp` shows them, `s3 abortmp` removes them"
            }
            Self::Get { .. } => {
                "run it again, with --skip-existing for what is there already: every file that has its name is whole"
            }
            Self::Del { .. } | Self::Rb { .. } => {
                "run it again: what was deleted is deleted, the rest is as it was"
            }
            Self::Cp { .. } => {
                "run it again: what was copied is whole; parts of a large object may be in the bucket, `s3 listmp` shows them"
            }
            _ => "run it again",
        }
    }
}
