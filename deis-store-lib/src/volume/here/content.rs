//! A file that is being unpacked.

use std::os::fd::OwnedFd;

use rustix::io::Errno;

use super::attributes::Attributes;
use crate::archive::tar::{EntryKind, Extent};

/// A file that is being unpacked: new, and nobody else's until it has its mode.
#[derive(Debug)]
pub(super) struct Content {
    file: OwnedFd,
    /// What of it is still to come, its next part last.
    left: Vec<Extent>,
    /// Of a file with holes, its size.
    size_bytes: Option<u64>,
    attributes: Attributes,
}

impl Content {
    pub(super) fn new(file: OwnedFd, kind: &EntryKind, attributes: Attributes) -> Self {
        let (mut left, size_bytes) = match kind {
            EntryKind::Sparse { size_bytes, extents } => (extents.clone(), Some(*size_bytes)),
            kind => (vec![Extent { at_bytes: 0, bytes: kind.stored_bytes() }], None),
        };
        left.reverse();
        Self { file, left, size_bytes, attributes }
    }

    /// Writes the next bytes to where they belong. More of them than there are extents for is [`Errno::OVERFLOW`].
    pub(super) fn write(&mut self, mut bytes: &[u8]) -> Result<(), Errno> {
        while !bytes.is_empty() {
            let extent = self.left.last_mut().ok_or(Errno::OVERFLOW)?;
            let count = usize::try_from(extent.bytes).map_or(bytes.len(), |left| left.min(bytes.len()));
            let (now, later) = bytes.split_at_checked(count).unwrap_or_default();
            write_all(&self.file, now, extent.at_bytes)?;
            extent.at_bytes += count as u64;
            extent.bytes -= count as u64;
            if extent.bytes == 0 {
                self.left.pop();
            }
            bytes = later;
        }
        Ok(())
    }

    /// Completes a file of which all has come. If it has not, that is [`Errno::NODATA`].
    pub(super) fn end(self) -> Result<(), Errno> {
        if self.left.iter().any(|extent| extent.bytes > 0) {
            return Err(Errno::NODATA);
        }
        if let Some(size_bytes) = self.size_bytes {
            rustix::fs::ftruncate(&self.file, size_bytes)?;
        }
        self.attributes.apply(&self.file)
    }
}

fn write_all(file: &OwnedFd, mut bytes: &[u8], mut at_bytes: u64) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::pwrite(file, bytes, at_bytes))?;
        // A disk that takes nothing and says nothing.
        let rest = bytes.get(written..).filter(|_| written > 0).ok_or(Errno::IO)?;
        (bytes, at_bytes) = (rest, at_bytes + written as u64);
    }
    Ok(())
}
