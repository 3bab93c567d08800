//! One header of a tar archive: a block of 512 bytes, read as GNU tar reads it. Pure.
//!
//! Every field is untrusted. What two readers could read in two ways is refused: whoever looked at the archive before may
//! have used another one.

use super::fault::Wrong;
use super::number::{signed, text, unsigned};

pub(super) const BLOCK_BYTES: usize = 512;

/// A block of an archive.
pub(super) type Block = [u8; BLOCK_BYTES];

/// What a header says.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    /// The permission bits with setuid, setgid and sticky.
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
    pub(super) modified_seconds: i64,
    pub(super) size_bytes: u64,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    /// A file with holes whose map is in its header and in blocks after it.
    Sparse,
    HardLink,
    Symlink,
    Directory,
    /// A device or a fifo: what is said of it.
    Special(&'static str),
    /// A name of the archive itself.
    Label,
    /// What is read by nobody here: what is said of it.
    Unread(&'static str),
    /// The name of the next entry.
    LongName,
    /// The target of the next entry, which is a link.
    LongLink,
    /// Attributes of the next entry.
    Pax,
    /// Attributes of all entries that follow.
    GlobalPax,
}

impl Header {
    /// If it is wrong, its name is given, as far as it is known.
    pub(super) fn parse(block: &Block) -> Result<Self, (Wrong, Vec<u8>)> {
        if !has_its_sum(block) {
            return Err(("a header's checksum is wrong", Vec::new()));
        }
        Self::summed(block).map_err(|wrong| (wrong, text(&block[..100]).to_vec()))
    }

    fn summed(block: &Block) -> Result<Self, Wrong> {
        const NONE: Wrong = "a number in a header is none, or a negative one";
        let number = |field| unsigned(field).ok_or(NONE);
        let (posix, gnu) = (&block[257..263] == b"ustar\0", &block[257..265] == b"ustar  \0");
        let mut name = text(&block[..100]).to_vec();
        if posix && block[345] != 0 {
            name = [text(&block[345..500]), b"/", &name].concat();
        }
        Ok(Self {
            kind: kind(block[156], gnu),
            name,
            link: text(&block[157..257]).to_vec(),
            mode: u32::try_from(number(&block[100..108])? & 0o7777).unwrap_or_default(),
            owner: (number(&block[108..116])?, number(&block[116..124])?),
            modified_seconds: signed(&block[136..148]).ok_or("a time in a header is none")?,
            size_bytes: number(&block[124..136])?,
        })
    }
}

fn kind(flag: u8, gnu: bool) -> Kind {
    match flag {
        b'0' | b'7' | 0 => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' | b'4' => Kind::Special("is a device, which is left out"),
        b'5' => Kind::Directory,
        b'6' => Kind::Special("is a fifo, which is left out"),
        b'S' if gnu => Kind::Sparse,
        b'S' => Kind::Unread("is a sparse file of a form that is not read"),
        b'L' => Kind::LongName,
        b'K' => Kind::LongLink,
        b'x' | b'X' => Kind::Pax,
        b'g' => Kind::GlobalPax,
        b'V' if gnu => Kind::Label,
        b'D' => Kind::Unread("is a directory of an incremental archive"),
        b'M' => Kind::Unread("is the rest of a file of another archive"),
        _ => Kind::Unread("is of a type that is no file, directory or link"),
    }
}

/// Whether the sum of all bytes, those of the sum itself counted as spaces, is the header's own. Old programs summed them up
/// as signed ones.
fn has_its_sum(block: &Block) -> bool {
    let Some(own) = unsigned(&block[148..156]) else { return false };
    let (before, after) = (&block[..148], &block[156..]);
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte)).sum::<u32>();
    let unsigned = 8 * u32::from(b' ') + sum(before) + sum(after);
    if own == u64::from(unsigned) {
        return true;
    }
    let high = |bytes: &[u8]| bytes.iter().map(|byte| u32::from(*byte >> 7)).sum::<u32>();
    let signed = i64::from(unsigned) - 256 * i64::from(high(before) + high(after));
    i64::try_from(own) == Ok(signed)
}
