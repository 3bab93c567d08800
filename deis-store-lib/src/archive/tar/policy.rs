//! What an archive may have, and what becomes of what it must not have. Pure.

/// How an archive is read.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Policy {
    pub(crate) on_refusal: OnRefusal,
    pub(crate) special: Special,
    pub(crate) limits: Limits,
}

/// What becomes of an entry that must not be unpacked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    /// It ends the reading.
    #[default]
    Stop,
    /// It is kept by name.
    Note,
}

/// What becomes of the mode bits that give a file's user the rights of another one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Special {
    #[default]
    Drop,
    Keep,
}

/// How much of everything is read. Every entry costs the host that unpacks it, however small the archive is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The archive's own length, uncompressed.
    pub(crate) archive_bytes: u64,
    pub(crate) entries: u64,
    /// The length of a path below the directory, and of a symlink's target.
    pub(crate) path_bytes: usize,
    /// The number of a path's components.
    pub(crate) depth: usize,
}

impl Default for Limits {
    /// No system takes more than 4,096 bytes of a path at once, and so whoever unpacks with tar cannot either.
    fn default() -> Self {
        Self { archive_bytes: u64::MAX, entries: 100_000_000, path_bytes: 4096, depth: 1000 }
    }
}
