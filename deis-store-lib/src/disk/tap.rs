//! A look at the bytes of a file while they are written.

use bytes::Bytes;

/// A look at the bytes while they are written, such as a checksum's.
pub(crate) trait Tap: Send + 'static {
    /// The next bytes.
    fn bytes(&mut self, bytes: &[u8]);

    /// The same, of which it may keep a part for a while.
    fn chunk(&mut self, chunk: &Bytes) {
        self.bytes(chunk);
    }
}

/// No look.
impl Tap for () {
    fn bytes(&mut self, _: &[u8]) {}
}
