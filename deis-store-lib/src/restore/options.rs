//! The choice of the parts to restore.

use crate::part::PartChoice;

/// The parts to restore, and how.
#[derive(Clone, Debug, Default)]
pub struct RestoreOptions {
    /// The parts, of those that the snapshot holds.
    pub choice: PartChoice,
    /// Whether to write sentinels and tags also where objects they stand for are lost.
    pub despite_damage: bool,
}
