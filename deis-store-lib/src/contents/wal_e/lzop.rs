//! Reads files of the program lzop, with which WAL-E packs everything, from their beginning to their end.
//!
//! A file has a header and blocks, each of which is LZO1X or stored as it was, with checksums of what it holds. It ends with a
//! block of no bytes, and nothing may follow. No more than one block is held. What WAL-E's lzop never writes (a second file
//! behind the first, filters, files from before lzop 0.94) is broken here.

use std::io::{self, Read};

use super::unreadable::Unreadable;

const MAGIC: &[u8; 9] = b"\x89LZO\0\r\n\x1a\n";
/// The first version that writes the header in this form, and the last one whose files were seen.
const VERSIONS: std::ops::RangeInclusive<u16> = 0x0940..=0x1040;
/// LZO1X-1, LZO1X-1(15) and LZO1X-999: one decompressor reads what all of them write.
const METHODS: std::ops::RangeInclusive<u8> = 1..=3;
/// lzop itself neither writes nor reads larger blocks.
const MOST_BLOCK_BYTES: u32 = 64 << 20;

/// A byte of LZO1X makes 255 at most. So no small file makes this program take much memory.
const MOST_RATIO: u32 = 256;

const ADLER32_OF_CONTENT: u32 = 0x1;
const ADLER32_OF_PACKED: u32 = 0x2;
const CRC32_OF_CONTENT: u32 = 0x100;
const CRC32_OF_PACKED: u32 = 0x200;
const CRC32_OF_HEADER: u32 = 0x1000;
/// Checksums; and what says from where the content came: a pipe, which system, a name with its path. The upper byte is the system,
/// the half byte below it the character set of the name.
const KNOWN_FLAGS: u32 = 0xfff0_0000
    | ADLER32_OF_CONTENT
    | ADLER32_OF_PACKED
    | CRC32_OF_CONTENT
    | CRC32_OF_PACKED
    | CRC32_OF_HEADER
    | 0x20bc;

/// An lzop file that is being unpacked.
pub(super) struct Unpacked<'r> {
    source: Source<'r>,
    flags: u32,
    packed: Vec<u8>,
    content: Vec<u8>,
}

impl<'r> Unpacked<'r> {
    /// Reads the header.
    pub(super) fn open(source: &'r mut dyn Read) -> Result<Self, Unreadable> {
        let mut source = Source { reader: source, at_bytes: 0 };
        let mut magic = Vec::new();
        source.fill(&mut magic, MAGIC.len())?;
        if magic != MAGIC {
            return Err(Unreadable::broken("the object is no lzop file"));
        }
        let flags = header(&mut source)?;
        Ok(Self { source, flags, packed: Vec::new(), content: Vec::new() })
    }

    /// The content of the next block. Nothing if the file has ended as it must.
    pub(super) fn next_block(&mut self) -> Result<Option<&[u8]>, Unreadable> {
        let content_bytes = self.source.u32()?;
        if content_bytes == 0 {
            return if self.source.has_ended()? {
                Ok(None)
            } else {
                Err(self.source.broken("has more after its end"))
            };
        }
        let packed_bytes = self.source.u32()?;
        let most_bytes = packed_bytes.saturating_mul(MOST_RATIO).min(MOST_BLOCK_BYTES);
        if content_bytes > most_bytes || packed_bytes > content_bytes || packed_bytes == 0 {
            return Err(self.source.broken("has a block with an impossible length"));
        }
        let sums_of_content = self.sums(ADLER32_OF_CONTENT, CRC32_OF_CONTENT)?;
        let is_stored = packed_bytes == content_bytes;
        // A block that is stored has one pair of checksums.
        let sums_of_packed =
            if is_stored { Sums::default() } else { self.sums(ADLER32_OF_PACKED, CRC32_OF_PACKED)? };
        let (content_bytes, packed_bytes) = (length(content_bytes), length(packed_bytes));
        self.source.fill(&mut self.packed, packed_bytes)?;
        if is_stored {
            std::mem::swap(&mut self.packed, &mut self.content);
        } else {
            if !sums_of_packed.are_of(&self.packed) {
                return Err(self.source.broken("has a block with a wrong checksum"));
            }
            self.content.resize(content_bytes, 0);
            if lzokay::decompress::decompress(&self.packed, &mut self.content) != Ok(content_bytes) {
                return Err(self.source.broken("has a block that cannot be decompressed"));
            }
        }
        if !sums_of_content.are_of(&self.content) {
            return Err(self.source.broken("has a block with a wrong checksum"));
        }
        Ok(Some(&self.content))
    }

    fn sums(&mut self, adler32: u32, crc32: u32) -> Result<Sums, Unreadable> {
        let mut sum = |flag| (self.flags & flag != 0).then(|| self.source.u32()).transpose();
        Ok(Sums { adler32: sum(adler32)?, crc32: sum(crc32)? })
    }
}

/// Reads the header behind the magic bytes, and gives its flags.
fn header(source: &mut Source<'_>) -> Result<u32, Unreadable> {
    let mut header = Vec::new();
    // The versions that wrote it, of the program and of LZO; the version that is needed; method, level, flags, mode, time in two halves;
    // the length of the name.
    source.fill(&mut header, 25)?;
    let (version, needed) = (be16(&header, 0), be16(&header, 4));
    if version < *VERSIONS.start() || !VERSIONS.contains(&needed) {
        return Err(source.broken("is of a version of lzop that is not known"));
    }
    if !header.get(6).is_some_and(|method| METHODS.contains(method)) {
        return Err(source.broken("is packed with a method that is not LZO1X"));
    }
    let flags = be32(&header, 8);
    if flags & !KNOWN_FLAGS != 0 {
        return Err(
            source.broken("has a flag that is not known: it has a filter, or is one of several parts")
        );
    }
    let name_bytes = header.get(24).copied().unwrap_or_default();
    source.append(&mut header, usize::from(name_bytes))?;
    let sum = source.u32()?;
    let sums = if flags & CRC32_OF_HEADER == 0 {
        Sums { adler32: Some(sum), crc32: None }
    } else {
        Sums { adler32: None, crc32: Some(sum) }
    };
    if sums.are_of(&header) { Ok(flags) } else { Err(source.broken("has a header with a wrong checksum")) }
}

/// The checksums of some bytes, those that there are.
#[derive(Default)]
struct Sums {
    adler32: Option<u32>,
    crc32: Option<u32>,
}

impl Sums {
    fn are_of(&self, bytes: &[u8]) -> bool {
        self.adler32.is_none_or(|sum| sum == simd_adler32::adler32(&bytes))
            && self.crc32.is_none_or(|sum| sum == crc32(bytes))
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The file's bytes, and how many were read.
struct Source<'r> {
    reader: &'r mut dyn Read,
    at_bytes: u64,
}

impl Source<'_> {
    /// Replaces what is in a buffer by the next bytes.
    fn fill(&mut self, buffer: &mut Vec<u8>, bytes: usize) -> Result<(), Unreadable> {
        buffer.clear();
        self.append(buffer, bytes)
    }

    /// Appends the next bytes. The buffer grows as they come, whatever length was stated.
    fn append(&mut self, buffer: &mut Vec<u8>, bytes: usize) -> Result<(), Unreadable> {
        let read = (&mut *self.reader).take(bytes as u64).read_to_end(buffer).map_err(Unreadable::Io)?;
        self.at_bytes = self.at_bytes.saturating_add(read as u64);
        if read < bytes { Err(self.broken("is cut off")) } else { Ok(()) }
    }

    fn u32(&mut self) -> Result<u32, Unreadable> {
        let mut field = Vec::with_capacity(4);
        self.fill(&mut field, 4)?;
        Ok(be32(&field, 0))
    }

    fn has_ended(&mut self) -> Result<bool, Unreadable> {
        loop {
            match self.reader.read(&mut [0]) {
                Ok(count) => return Ok(count == 0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Unreadable::Io(error)),
            }
        }
    }

    fn broken(&self, what: &str) -> Unreadable {
        Unreadable::Broken(format!("the lzop file {what}, before byte {}", self.at_bytes))
    }
}

fn be16(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(u16::from_be_bytes).unwrap_or_default()
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).copied().map(u32::from_be_bytes).unwrap_or_default()
}

/// A block's length, which always fits.
fn length(bytes: u32) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
