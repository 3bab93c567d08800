//! How an object is packed, and what it holds unpacked.

use std::io::{self, Read};

use super::lzop;
use super::unreadable::Unreadable;

/// How much of what is not packed is read at a time.
const PIECE_BYTES: usize = 64 << 10;

/// How an object is packed, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Lzop,
    /// It is not packed.
    Plain,
    /// It is not unpacked here, and why: a plain sentence.
    Unread(&'static str),
}

impl Packing {
    /// By what follows an object's own name: nothing, or a point and a word.
    pub(super) fn of(suffix: &str) -> Self {
        match suffix {
            "" => Self::Plain,
            ".lzo" => Self::Lzop,
            ".lz4" => Self::Unread("LZ4 is not unpacked here"),
            ".zst" => Self::Unread("Zstandard is not unpacked here"),
            ".br" => Self::Unread("Brotli is not unpacked here"),
            ".lzma" => Self::Unread("LZMA is not unpacked here"),
            _ => Self::Unread("it is not known how it is packed"),
        }
    }

    /// Gives what an object holds, in pieces, and reads the object to its end. A sentence that is given back is what is broken
    /// there. Nothing is read of what is not unpacked here.
    pub(super) fn each_piece(
        self,
        bytes: &mut dyn Read,
        mut take: impl FnMut(&[u8]) -> Result<(), String>,
    ) -> Result<(), Unreadable> {
        match self {
            Self::Lzop => {
                let mut unpacked = lzop::Unpacked::open(bytes)?;
                while let Some(block) = unpacked.next_block()? {
                    take(block).map_err(Unreadable::Broken)?;
                }
                Ok(())
            }
            Self::Plain => {
                let mut piece = vec![0; PIECE_BYTES];
                loop {
                    match bytes.read(&mut piece) {
                        Ok(0) => return Ok(()),
                        Ok(count) => {
                            take(piece.get(..count).unwrap_or_default()).map_err(Unreadable::Broken)?;
                        }
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(Unreadable::Io(error)),
                    }
                }
            }
            Self::Unread(_) => Ok(()),
        }
    }

    /// The text that a small object holds.
    pub(super) fn text(self, bytes: &mut dyn Read) -> Result<String, Unreadable> {
        const MOST_BYTES: usize = 1 << 20;
        let mut text = Vec::new();
        self.each_piece(bytes, |piece| {
            if text.len().saturating_add(piece.len()) > MOST_BYTES {
                return Err("the text has more than 1 MiB".to_owned());
            }
            text.extend_from_slice(piece);
            Ok(())
        })?;
        // A label may have the name of a backup in any encoding.
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
