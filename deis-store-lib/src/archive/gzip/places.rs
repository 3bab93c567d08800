//! Where in the compressed bytes a place of the plain ones is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::member::PLAIN_BYTES;

/// Where the members of an archive begin that is being compressed. Its clones know the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places(Arc<Mutex<Table>>);

/// A place of the plain bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Where its member begins in the compressed bytes: decompression can begin there.
    pub(crate) member_at_bytes: u64,
    /// How many plain bytes of the member are before it.
    pub(crate) within_bytes: u64,
}

#[derive(Debug, Default)]
struct Table {
    /// Where members begin, from the first that is still of interest.
    members_at_bytes: VecDeque<u64>,
    /// How many members there are before it.
    forgotten: u64,
    plain_bytes: u64,
    compressed_bytes: u64,
    /// Whether there is but one member, however long it is.
    is_one: bool,
}

impl Places {
    /// The place of a plain byte. There is none as long as the byte is not compressed, and none after it was forgotten.
    pub(crate) fn place_of(&self, plain_at_bytes: u64) -> Option<Place> {
        let table = self.table();
        if table.is_one {
            return Some(Place { member_at_bytes: 0, within_bytes: plain_at_bytes });
        }
        if plain_at_bytes >= table.plain_bytes {
            return None;
        }
        let member = (plain_at_bytes / MEMBER_BYTES).checked_sub(table.forgotten)?;
        let member_at_bytes = *table.members_at_bytes.get(usize::try_from(member).ok()?)?;
        Some(Place { member_at_bytes, within_bytes: plain_at_bytes % MEMBER_BYTES })
    }

    /// The places of bytes that another program compresses, as one member.
    pub(crate) fn of_one_member() -> Self {
        let table = Table { is_one: true, ..Table::default() };
        Self(Arc::new(Mutex::new(table)))
    }

    /// Forgets all members that end before this plain byte: an archive of terabytes has millions.
    pub(crate) fn forget_before(&self, plain_at_bytes: u64) {
        let mut table = self.table();
        let wanted = (plain_at_bytes / MEMBER_BYTES).saturating_sub(table.forgotten);
        let count = usize::try_from(wanted).unwrap_or(usize::MAX).min(table.members_at_bytes.len());
        table.members_at_bytes.drain(..count);
        table.forgotten += count as u64;
    }

    /// The next member was compressed. All members but the last have the same number of plain bytes.
    pub(super) fn add(&self, plain_bytes: usize, member_bytes: usize) {
        let mut table = self.table();
        let at = table.compressed_bytes;
        table.members_at_bytes.push_back(at);
        table.plain_bytes += plain_bytes as u64;
        table.compressed_bytes += member_bytes as u64;
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const MEMBER_BYTES: u64 = PLAIN_BYTES as u64;
