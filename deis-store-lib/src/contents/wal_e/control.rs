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
    /// The database was at rest when the file was written. Nothing if its release is not known.
    pub(crate) at_rest: Option<AtRest>,
}

/// Where the replay of a database begins that was at rest: at its last checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AtRest {
    pub(crate) redo: Lsn,
    pub(crate) timeline: u32,
}

/// `DB_SHUTDOWNED` of PostgreSQL's `DBState`. A standby that was shut down is none: its replay must go on to a further point.
const AT_REST: u32 = 1;

impl Control {
    /// Reads the beginning of the file. Nothing if it is too short.
    pub(super) fn parse(file: &[u8]) -> Option<Self> {
        let file = file.get(..READ_BYTES)?;
        let (system_id, version, state) = (u64_at(file, 0)?, u32_at(file, 8)?, u32_at(file, 16)?);
        // Until PostgreSQL 10 the place of the checkpoint before stood between.
        let copy_at = match version {
            903 | 922 | 937 | 942 | 960 | 1002 => Some(48),
            1100 | 1201 | 1300 | 1700 | 1800 => Some(40),
            _ => None,
        };
        let Some(copy_at) = copy_at.filter(|_| state == AT_REST) else {
            return Some(Self { system_id, at_rest: None });
        };
        // Until 9.2 a place has its upper half first.
        let redo = if version < 937 {
            u64::from(u32_at(file, copy_at)?) << 32 | u64::from(u32_at(file, copy_at + 4)?)
        } else {
            u64_at(file, copy_at)?
        };
        Some(Self {
            system_id,
            at_rest: Some(AtRest { redo: Lsn(redo), timeline: u32_at(file, copy_at + 8)? }),
        })
    }
}
