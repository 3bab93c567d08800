//! What is looked for in a round of [`Registry`](super::Registry).

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Tags are read.
    #[default]
    Tags,
    /// What they name is read, and what that names.
    Follow,
    /// All is read: whether everything that is needed is there.
    Presence,
}
