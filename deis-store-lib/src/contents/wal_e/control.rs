//! `global/pg_control`, from which a server knows its database and its last checkpoint. Pure.
//!
//! Its checksum is not computed: its place and kind differ from release to release.

use super::fields::{u32_at, u64_at};
use super::lsn::Lsn;

/// As much of the file as is read here.
pub(super) const READ_BYTES: usize = 64;

/// What the control file of a database says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Control {
    /// The same in every segment of the database's log.
    pub(crate) system_id: u64,
    /// The record of the last checkpoint. 0, as the two below, if the version is not known.
    pub(crate) checkpoint: Lsn,
    /// Where replay begins from that checkpoint.
    pub(crate) redo: Lsn,
    pub(crate) timeline: u32,
    /// `pg_control_version`, such as 937 for PostgreSQL 9.3.
    pub(crate) version: u32,
}

impl Control {
    /// Reads the beginning of the file. Nothing if it is too short.
    pub(super) fn parse(file: &[u8]) -> Option<Self> {
        let file = file.get(..READ_BYTES)?;
        let (system_id, version) = (u64_at(file, 0)?, u32_at(file, 8)?);
        // Until PostgreSQL 10 the place of the checkpoint before stood between.
        let copy_at = match version {
            903 | 922 | 937 | 942 | 960 | 1002 => 48,
            1100 | 1201 | 1300 | 1700 | 1800 => 40,
            _ => return Some(Self { system_id, checkpoint: Lsn(0), redo: Lsn(0), timeline: 0, version }),
        };
        let place = |at| {
            // Until 9.2 a place has its upper half first.
            let upper_first =
                |at| Some(u64::from(u32_at(file, at)?) << 32 | u64::from(u32_at(file, at + 4)?));
            if version < 937 { upper_first(at) } else { u64_at(file, at) }
        };
        Some(Self {
            system_id,
            checkpoint: Lsn(place(32)?),
            redo: Lsn(place(copy_at)?),
            timeline: u32_at(file, copy_at + 8)?,
            version,
        })
    }
}
