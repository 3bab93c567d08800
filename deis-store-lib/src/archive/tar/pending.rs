//! An entry that was checked and whose map, if it is a sparse file, is still to be read. Pure.

use super::entry::Entry;
use super::fault::Wrong;
use super::header::{BLOCK_BYTES, Block, Kind};
use super::pax_sparse::Form;
use super::sparse::{HeadMap, Map};

/// An entry before its content.
#[derive(Debug)]
pub(super) struct Pending {
    /// None if it is not given to anybody.
    pub(super) entry: Option<Entry>,
    /// Its name as the archive has it.
    pub(super) name: Vec<u8>,
    /// How many bytes of content follow, with a map that is at its head.
    pub(super) stored_bytes: u64,
    /// How large the file is with its holes.
    pub(super) size_bytes: u64,
    map: MapBlocks,
}

/// The map that is in the blocks which follow.
#[derive(Debug)]
enum MapBlocks {
    None,
    Old(Map),
    AtHead(HeadMap),
}

impl Pending {
    /// An entry, with the block of its header.
    pub(super) fn new(
        entry: Option<Entry>,
        (name, stored_bytes): (Vec<u8>, u64),
        (kind, form): (Kind, Form),
        block: &Block,
    ) -> Result<Self, (Wrong, Vec<u8>)> {
        let mut pending = Self { entry, name, stored_bytes, size_bytes: stored_bytes, map: MapBlocks::None };
        pending.begin_map(kind, form, block).map_err(|wrong| (wrong, pending.name.clone()))?;
        Ok(pending)
    }

    /// Whether blocks with a map follow.
    pub(super) fn is_incomplete(&self) -> bool {
        !matches!(self.map, MapBlocks::None)
    }

    /// Reads the next block of the map.
    pub(super) fn block(&mut self, block: &Block) -> Result<(), Wrong> {
        match std::mem::replace(&mut self.map, MapBlocks::None) {
            MapBlocks::None => Ok(()),
            MapBlocks::Old(mut map) => {
                if map.more(block)? {
                    self.map = MapBlocks::Old(map);
                    return Ok(());
                }
                self.finish(map)
            }
            MapBlocks::AtHead(mut head) => {
                self.stored_bytes -= BLOCK_BYTES as u64;
                if head.block(block)? {
                    return self.finish(head.into_map());
                }
                self.await_block(head)
            }
        }
    }

    fn begin_map(&mut self, kind: Kind, form: Form, block: &Block) -> Result<(), Wrong> {
        match form {
            Form::Told(map) => self.finish(map),
            Form::AtHead(map) => self.await_block(HeadMap::new(map)),
            Form::NotSparse | Form::Unread if kind == Kind::Sparse => {
                let (map, follows) = Map::of_header(block)?;
                if follows {
                    self.map = MapBlocks::Old(map);
                    return Ok(());
                }
                self.finish(map)
            }
            Form::NotSparse | Form::Unread => Ok(()),
        }
    }

    /// The next block of the content is one of the map.
    fn await_block(&mut self, head: HeadMap) -> Result<(), Wrong> {
        if self.stored_bytes < BLOCK_BYTES as u64 {
            return Err("the map of a sparse file has no end");
        }
        self.map = MapBlocks::AtHead(head);
        Ok(())
    }

    fn finish(&mut self, map: Map) -> Result<(), Wrong> {
        self.size_bytes = map.size_bytes();
        let kind = map.finish(self.stored_bytes)?;
        if let Some(entry) = &mut self.entry {
            entry.kind = kind;
        }
        Ok(())
    }
}
