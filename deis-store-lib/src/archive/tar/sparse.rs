//! The map of a sparse file: which parts of it are in the archive. Pure.
//!
//! GNU tar has four forms. An old one has the map in the header and in blocks after it, read here. The pax forms 0.0 and 0.1
//! have it in the pax header ([`super::pax_sparse`]), and 1.0 has it at the head of the content, read here.

use super::entry::{EntryKind, Extent};
use super::fault::Wrong;
use super::header::{BLOCK_BYTES, Block};
use super::number::unsigned;

/// The most parts that are read of a file.
const MOST_EXTENTS: u64 = 250_000;
/// The size of the largest file with holes: 1 PiB. A header of a few bytes can say more than any disk has.
const MOST_FILE_BYTES: u64 = 1 << 50;

const NONE: Wrong = "the map of a sparse file has a number that is none";

/// A map, checked as it is read.
#[derive(Clone, Debug)]
pub(super) struct Map {
    size_bytes: u64,
    /// Where its last part ends.
    end_bytes: u64,
    /// How many bytes all its parts have.
    stored_bytes: u64,
    /// How many parts were given, those without a byte too.
    count: u64,
    extents: Vec<Extent>,
}

impl Map {
    /// The empty map of a file with this size.
    pub(super) fn new(size_bytes: u64) -> Result<Self, Wrong> {
        if size_bytes > MOST_FILE_BYTES {
            return Err("a sparse file has more bytes than a file can have");
        }
        Ok(Self { size_bytes, end_bytes: 0, stored_bytes: 0, count: 0, extents: Vec::new() })
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn add(&mut self, extent: Extent) -> Result<(), Wrong> {
        let end_bytes = extent.at_bytes.checked_add(extent.bytes);
        let Some(end_bytes) = end_bytes.filter(|end| *end <= self.size_bytes) else {
            return Err("a part of a sparse file is beyond its size");
        };
        if extent.at_bytes < self.end_bytes {
            return Err("the parts of a sparse file overlap or run backwards");
        }
        // Who reads the parts from one block after the other, as GNU tar does, goes on at the next block.
        if extent.bytes > 0 && !self.stored_bytes.is_multiple_of(BLOCK_BYTES as u64) {
            return Err("a part of a sparse file that is not the last one ends within a block");
        }
        if self.count == MOST_EXTENTS {
            return Err("a sparse file has more than a quarter of a million parts");
        }
        self.count += 1;
        self.end_bytes = end_bytes;
        self.stored_bytes += extent.bytes;
        // A part without a byte says but where the file ends.
        if extent.bytes > 0 {
            self.extents.push(extent);
        }
        Ok(())
    }

    /// The file with this map, of which so many bytes are in the archive.
    pub(super) fn finish(self, stored_bytes: u64) -> Result<EntryKind, Wrong> {
        if self.stored_bytes != stored_bytes {
            return Err("the parts of a sparse file are not as many bytes as it has in the archive");
        }
        Ok(EntryKind::Sparse { size_bytes: self.size_bytes, extents: self.extents })
    }

    /// The part of an old map that is in the header, and whether more follows.
    pub(super) fn of_header(block: &Block) -> Result<(Self, bool), Wrong> {
        let mut map = Self::new(unsigned(&block[483..495]).ok_or(NONE)?)?;
        let follows = map.slots(&block[386..482], block[482] != 0)?;
        Ok((map, follows))
    }

    /// More of an old map, and whether still more follows.
    pub(super) fn more(&mut self, block: &Block) -> Result<bool, Wrong> {
        self.slots(&block[..504], block[504] != 0)
    }

    /// Readers differ in how they know the first empty slot, and in what becomes of what follows one.
    fn slots(&mut self, slots: &[u8], follows: bool) -> Result<bool, Wrong> {
        let mut has_ended = false;
        for slot in slots.chunks_exact(24) {
            let (at, bytes) = slot.split_at(12);
            match (at[0] == 0, bytes[0] == 0) {
                (true, true) => has_ended = true,
                (false, false) if !has_ended => self.add(Extent {
                    at_bytes: unsigned(at).ok_or(NONE)?,
                    bytes: unsigned(bytes).ok_or(NONE)?,
                })?,
                _ => return Err("the map of a sparse file goes on after its end"),
            }
        }
        if follows && has_ended {
            return Err("the map of a sparse file goes on after its end");
        }
        Ok(follows)
    }
}

/// A map at the head of the content: the number of parts, and then each one's place and length, a line each.
#[derive(Clone, Debug)]
pub(super) struct HeadMap {
    map: Map,
    parts: Option<u64>,
    at_bytes: Option<u64>,
    /// The line so far.
    number: Option<u64>,
}

impl HeadMap {
    pub(super) fn new(map: Map) -> Self {
        Self { map, parts: None, at_bytes: None, number: None }
    }

    /// Reads the next block, and says whether the map is whole.
    pub(super) fn block(&mut self, block: &Block) -> Result<bool, Wrong> {
        for byte in block {
            match byte {
                b'0'..=b'9' => {
                    let before = self.number.unwrap_or_default().checked_mul(10);
                    let number = before.and_then(|number| number.checked_add(u64::from(byte - b'0')));
                    self.number = Some(number.ok_or(NONE)?);
                }
                b'\n' => {
                    let number = self.number.take().ok_or(NONE)?;
                    if self.line(number)? {
                        return Ok(true);
                    }
                }
                _ => return Err(NONE),
            }
        }
        Ok(false)
    }

    pub(super) fn into_map(self) -> Map {
        self.map
    }

    fn line(&mut self, number: u64) -> Result<bool, Wrong> {
        match (self.parts, self.at_bytes.take()) {
            (None, _) => self.parts = Some(number),
            (_, None) => self.at_bytes = Some(number),
            (_, Some(at_bytes)) => self.map.add(Extent { at_bytes, bytes: number })?,
        }
        Ok(self.at_bytes.is_none() && self.parts == Some(self.map.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(at_bytes: u64, bytes: u64) -> Extent {
        Extent { at_bytes, bytes }
    }

    fn finished(size_bytes: u64, parts: &[(u64, u64)], stored_bytes: u64) -> Result<EntryKind, Wrong> {
        let mut map = Map::new(size_bytes)?;
        parts.iter().try_for_each(|(at, bytes)| map.add(extent(*at, *bytes)))?;
        map.finish(stored_bytes)
    }

    #[test]
    fn the_parts_of_a_file_come_in_order_and_within_it_and_are_what_is_stored() {
        let whole = finished(5000, &[(0, 512), (512, 1024), (2000, 0), (4990, 10), (5000, 0)], 1546).unwrap();
        let extents = vec![extent(0, 512), extent(512, 1024), extent(4990, 10)];
        assert_eq!(whole, EntryKind::Sparse { size_bytes: 5000, extents });
        for (size, parts, stored) in [
            (5000, &[(0, 512), (511, 5)][..], 517),
            (5000, &[(512, 512), (0, 5)], 517),
            (5000, &[(50, 0), (49, 1)], 1),
            (5000, &[(4990, 11)], 11),
            (5000, &[(5001, 0)], 0),
            (5000, &[(u64::MAX, 2)], 2),
            (5000, &[(0, 10)], 9),
            (5000, &[(0, 10)], 11),
            (5000, &[(0, 10), (1024, 1)], 11),
            (5000, &[], 1),
            (u64::MAX, &[], 0),
        ] {
            assert!(finished(size, parts, stored).is_err(), "{size} {parts:?} {stored}");
        }
    }

    #[test]
    fn parts_without_end_are_refused() {
        let mut map = Map::new(100).unwrap();
        for _ in 0..MOST_EXTENTS {
            map.add(extent(50, 0)).unwrap();
        }
        assert!(map.add(extent(50, 0)).unwrap_err().contains("a million"));
    }

    /// A map at the head of the content, read block by block, with how many blocks it took.
    fn head(text: &str) -> Result<(Vec<Extent>, usize), Wrong> {
        let mut head = HeadMap::new(Map::new(1 << 40).unwrap());
        let mut blocks = text.as_bytes().to_vec();
        blocks.resize(blocks.len().next_multiple_of(BLOCK_BYTES), 0);
        for (before, block) in blocks.chunks_exact(BLOCK_BYTES).enumerate() {
            if head.block(block.try_into().unwrap())? {
                return Ok((head.into_map().extents, before + 1));
            }
        }
        Err("it has no end")
    }

    #[test]
    fn a_map_at_the_head_of_the_content_may_span_blocks() {
        assert_eq!(head("0\n"), Ok((vec![], 1)));
        assert_eq!(head("2\n0\n512\n700\n7\n"), Ok((vec![extent(0, 512), extent(700, 7)], 1)));
        let many: String = (0..300).map(|number| format!("{}\n512\n", number * 1000)).collect();
        let text = format!("300\n{many}");
        let (extents, blocks) = head(&text).unwrap();
        assert_eq!((extents.len(), blocks), (300, text.len().div_ceil(512)));
        assert_eq!(extents[299], extent(299_000, 512));
        for wrong in [
            "",
            "\n",
            "x\n",
            "1\n-5\n1\n",
            "1\n5 \n1\n",
            "1\n\n1\n",
            "1\n5\n",
            "2\n0\n512\n",
            "99999999999999999999999\n",
            "18446744073709551615\n0\n",
            "2\n600\n512\n0\n7\n",
        ] {
            assert!(head(wrong).is_err(), "{wrong:?}");
        }
    }

    fn slot(at: u64, bytes: u64) -> Vec<u8> {
        format!("{at:011o}\0{bytes:011o}\0").into_bytes()
    }

    #[test]
    fn an_old_map_ends_at_its_first_empty_slot_and_nothing_follows_that() {
        let map = |slots: &[Vec<u8>], follows: u8| {
            let mut block = [0; BLOCK_BYTES];
            let slots = slots.concat();
            block[386..386 + slots.len()].copy_from_slice(&slots);
            block[482] = follows;
            block[483..494].copy_from_slice(b"00000010000");
            Map::of_header(&block).map(|(map, follows)| (map.extents, follows))
        };
        let empty = || vec![0; 24];
        assert_eq!(
            map(&[slot(1, 512), slot(0o1006, 1)], 0),
            Ok((vec![extent(1, 512), extent(0o1006, 1)], false))
        );
        let four: Vec<_> = (0..4).map(|number| slot(number * 600, 512)).collect();
        assert!(map(&four, 1).unwrap().1);
        assert!(map(&[slot(1, 2)], 1).is_err());
        assert!(map(&[empty(), slot(1, 2)], 0).is_err());
        assert!(map(&[[&[0; 12][..], b"00000000001\0"].concat()], 0).is_err());
        assert!(map(&[b"0000000000x\x0000000000001\0".to_vec()], 0).is_err());
        assert!(map(&[slot(0o10000, 1)], 0).is_err());
    }
}
