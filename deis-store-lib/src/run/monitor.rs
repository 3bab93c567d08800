//! The events of a run, and the listener that is told of them. Pure.

/// Somebody who is told of progress. It must not block.
pub trait Monitor: Send + Sync + 'static {
    /// Something happened.
    fn event(&self, event: &Event<'_>);

    /// Whether it is told of every single request, as notes of level [`Level::Info`] and code `request`.
    fn follows_requests(&self) -> bool {
        false
    }
}

/// A task's number, unique within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task(pub(super) u64);

/// An event of a run. Tasks form a tree.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A task begins.
    Begin {
        /// The task.
        task: Task,
        /// The task it belongs to.
        parent: Option<Task>,
        /// The sort of task.
        kind: TaskKind,
        /// Its name for people.
        name: &'a str,
    },
    /// How much a task will do in all, as far as known.
    Total {
        /// The task.
        task: Task,
        /// Objects, files or steps.
        objects: Option<u64>,
        /// Bytes.
        bytes: Option<u64>,
    },
    /// How much a task has done since it last said so.
    Advance {
        /// The task.
        task: Task,
        /// Objects, files or steps.
        objects: u64,
        /// Bytes.
        bytes: u64,
    },
    /// Bytes of bodies were sent or have come, of whatever task: they show that something moves, and are no sum of what is
    /// done, since what breaks is sent again.
    Moved {
        /// Sent.
        sent_bytes: u64,
        /// Received.
        received_bytes: u64,
    },
    /// Something a person should know.
    Note {
        /// The task.
        task: Task,
        /// How grave.
        level: Level,
        /// A stable word for programs.
        code: &'static str,
        /// The sentence for people.
        text: &'a str,
        /// The advice about it.
        advice: Option<&'a str>,
    },
    /// A task ends.
    End {
        /// The task.
        task: Task,
        /// How.
        result: TaskResult,
    },
}

/// The sort of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskKind {
    /// A whole verb: backup, verify, restore.
    Verb,
    /// A part of the platform: `db_wal`, `registry`, `volume`, `sql`, `config`.
    Part,
    /// A step of a part.
    Step,
    /// Objects that are transferred by themselves.
    Transfer,
    /// A check.
    Check,
    /// A step of bringing a platform up.
    Platform,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskResult {
    /// As it should.
    Good,
    /// With something missing.
    Incomplete,
    /// Not at all.
    Failed,
}

/// How grave a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// For those who want to follow.
    Info,
    /// To be looked at.
    Warning,
}

/// A monitor that tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Monitor for Silent {
    fn event(&self, _: &Event<'_>) {}
}
