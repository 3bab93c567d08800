//! One header of a tar archive: a block of 512 bytes, read as GNU tar reads it. Pure.
//!
//! Every field is untrusted. What two readers could read in two ways is refused, since the reader that unpacks is another
//! one than this.

use super::fault::Fault;

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
    pub(super) modified_seconds: u64,
    pub(super) size_bytes: u64,
    /// Of a sparse file, its size with its holes.
    pub(super) real_size_bytes: u64,
    /// Whether blocks with more of a sparse file's map follow.
    pub(super) more_map: bool,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Sparse,
    HardLink,
    Symlink,
    Directory,
    /// A device, a fifo, or what is no file at all: what is said of it.
    Special(&'static str),
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
    pub(super) fn parse(block: &Block) -> Result<Self, Fault> {
        check_sum(block)?;
        let (posix, gnu) = (&block[257..263] == b"ustar\0", &block[257..265] == b"ustar  \0");
        let mut name = text(&block[..100]).to_vec();
        if posix && block[345] != 0 {
            name = [text(&block[345..500]), b"/", &name].concat();
        }
        let kind = kind(block[156], &name, gnu);
        let size_bytes = number(&block[124..136])?;
        let is_sparse = kind == Kind::Sparse;
        Ok(Self {
            kind,
            name,
            link: text(&block[157..257]).to_vec(),
            mode: u32::try_from(number(&block[100..108])? & 0o7777).unwrap_or_default(),
            owner: (number(&block[108..116])?, number(&block[116..124])?),
            // Times before 1970 are of no use here.
            modified_seconds: number(&block[136..148]).unwrap_or_default(),
            size_bytes,
            real_size_bytes: if is_sparse { number(&block[483..495])? } else { size_bytes },
            more_map: is_sparse && block[482] != 0,
        })
    }
}

/// Whether another block with more of a sparse file's map follows this one.
pub(super) fn more_map_follows(block: &Block) -> bool {
    block[504] != 0
}

fn kind(flag: u8, name: &[u8], gnu: bool) -> Kind {
    match flag {
        // GNU tar makes a directory of a file whose name ends in a slash.
        b'0' | b'7' | 0 if name.ends_with(b"/") => Kind::Directory,
        b'0' | b'7' | 0 => Kind::File,
        b'1' => Kind::HardLink,
        b'2' => Kind::Symlink,
        b'3' | b'4' => Kind::Special("is a device"),
        b'5' => Kind::Directory,
        b'6' => Kind::Special("is a fifo"),
        b'S' if gnu => Kind::Sparse,
        b'L' => Kind::LongName,
        b'K' => Kind::LongLink,
        b'x' | b'X' => Kind::Pax,
        b'g' => Kind::GlobalPax,
        _ => Kind::Special("is of a type that is no file, directory or link"),
    }
}

/// The sum of all bytes, those of the sum itself counted as spaces. Old programs summed them up as signed ones.
fn check_sum(block: &Block) -> Result<(), Fault> {
    let own = number(&block[148..156])?;
    let with_spaces =
        || block.iter().enumerate().map(|(at, byte)| if (148..156).contains(&at) { b' ' } else { *byte });
    let unsigned: u64 = with_spaces().map(u64::from).sum();
    let signed: i64 = with_spaces().map(|byte| i64::from(i8::from_ne_bytes([byte]))).sum();
    if own == unsigned || i64::try_from(own) == Ok(signed) {
        return Ok(());
    }
    Err(Fault::Malformed("a header's checksum is wrong"))
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number: octal digits, or GNU tar's binary form for large ones.
fn number(field: &[u8]) -> Result<u64, Fault> {
    let wrong = Fault::Malformed("a number in a header is none, or a negative one");
    if let [first @ 0x80..=0xbf, rest @ ..] = field {
        let (high, low) = rest.split_at(rest.len().saturating_sub(8));
        if first & 0x3f != 0 || high.iter().any(|byte| *byte != 0) {
            return Err(wrong);
        }
        return Ok(low.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    }
    text(field).trim_ascii().iter().try_fold(0, |number: u64, digit| match digit {
        b'0'..=b'7' => {
            number.checked_mul(8).map(|number| number + u64::from(digit - b'0')).ok_or_else(|| wrong.clone())
        }
        _ => Err(wrong.clone()),
    })
}
