//! What the readers give of objects that PostgreSQL, tar and lzop have made, and of such in which something was changed. They lie in
//! `tests/fixtures/wal_e`, with what PostgreSQL's own programs say of them.

mod fuzz;
mod keys;
mod lzop_blocks;
mod lzop_damage;
mod lzop_options;
mod mutations;
mod partitions;
mod segments;
mod segments_changed;
mod sources;

use std::path::Path;
use std::sync::LazyLock;

use serde::Deserialize;

use super::control::{AtRest, Control};
use super::packing::Packing;
use super::{BackupLabel, Held, LOG, Lsn, PartitionHeld, Segment, SegmentHeld, Unreadable, read};

/// The size of the segments of the fixtures.
const MIB: u64 = 1 << 20;

const PARTITIONS: &str = "basebackups_005/base_000000010000000000000010_00000040/tar_partitions/";

/// What the programs say of the fixtures.
#[derive(Deserialize)]
struct Expected {
    segments: Vec<ExpectedSegment>,
    partitions: Vec<ExpectedPartition>,
    /// The object that has the label of the base backup.
    label: String,
    history: ExpectedHistory,
}

#[derive(Deserialize)]
struct ExpectedSegment {
    name: String,
    system_id: u64,
    end: u64,
    last_commit_us: Option<i64>,
    is_full: bool,
}

#[derive(Deserialize)]
struct ExpectedPartition {
    name: String,
    members: u64,
    file_bytes: u64,
    start_segment: Option<String>,
    system_id: u64,
    is_shut_down: bool,
    redo: u64,
    timeline: u32,
}

#[derive(Deserialize)]
struct ExpectedHistory {
    name: String,
    parent: u32,
    at: u64,
}

/// An object as WAL-E has written it, and what it holds.
struct Object {
    key: String,
    packed: Vec<u8>,
    /// What lzop says is in it.
    plain: Vec<u8>,
    held: Held,
}

impl Object {
    fn new(key: String, fixture_name: &str, held: Held) -> Self {
        let packed = fixture(fixture_name);
        let plain = unpacked(&packed).unwrap();
        Self { key, packed, plain, held }
    }

    /// Its key if it were not packed.
    fn plain_key(&self) -> &str {
        self.key.strip_suffix(".lzo").unwrap()
    }
}

impl ExpectedSegment {
    fn object(&self) -> Object {
        let file = format!("{}.lzo", self.name);
        let held = SegmentHeld {
            system_id: self.system_id,
            segment_bytes: MIB,
            end: Lsn(self.end),
            is_full: self.is_full,
            last_commit_us: self.last_commit_us,
        };
        Object::new(format!("{LOG}{file}"), &file, Held::Segment(held))
    }
}

impl ExpectedPartition {
    fn object(&self) -> Object {
        let at_rest = AtRest { redo: Lsn(self.redo), timeline: self.timeline };
        let start = self.start_segment.as_deref();
        let held = PartitionHeld {
            members: self.members,
            file_bytes: self.file_bytes,
            label: start.map(|name| BackupLabel { start_segment: Segment::of_name(name).unwrap() }),
            control: Some(Control {
                system_id: self.system_id,
                at_rest: self.is_shut_down.then_some(at_rest),
            }),
        };
        Object::new(format!("{PARTITIONS}{}", self.name), &self.name, Held::Partition(held))
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/wal_e");
    std::fs::read(directory.join(name)).unwrap()
}

static EXPECTED: LazyLock<Expected> =
    LazyLock::new(|| serde_json::from_slice(&fixture("expected.json")).unwrap());

static SEGMENTS: LazyLock<Vec<Object>> =
    LazyLock::new(|| EXPECTED.segments.iter().map(ExpectedSegment::object).collect());

static PARTS: LazyLock<Vec<Object>> =
    LazyLock::new(|| EXPECTED.partitions.iter().map(ExpectedPartition::object).collect());

static LABEL: LazyLock<Object> =
    LazyLock::new(|| Object::new(format!("{LOG}{}", EXPECTED.label), &EXPECTED.label, Held::Label));

static HISTORY: LazyLock<Object> = LazyLock::new(|| {
    let name = &EXPECTED.history.name;
    Object::new(format!("{LOG}{name}"), name, Held::History)
});

/// All of them.
fn objects() -> Vec<&'static Object> {
    SEGMENTS.iter().chain(PARTS.iter()).chain([&*LABEL, &*HISTORY]).collect()
}

/// What an object holds whose name says what it is.
fn held(key: &str, mut bytes: &[u8]) -> Result<Held, Unreadable> {
    read(key, &mut bytes).map(|held| held.unwrap_or_else(|| panic!("{key} is not read")))
}

/// Why an object is broken.
fn broken(key: &str, bytes: &[u8]) -> String {
    match held(key, bytes) {
        Err(Unreadable::Broken(why)) => why,
        other => panic!("{key}: {other:?}"),
    }
}

/// What a segment holds that is not packed.
fn segment_held(key: &str, bytes: &[u8]) -> SegmentHeld {
    match held(key, bytes) {
        Ok(Held::Segment(held)) => held,
        other => panic!("{key}: {other:?}"),
    }
}

/// The content of an lzop file.
fn unpacked(mut packed: &[u8]) -> Result<Vec<u8>, Unreadable> {
    let mut content = Vec::new();
    Packing::Lzop.each_piece(&mut packed, |piece| {
        content.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(content)
}

/// An lzop file whose blocks are stored as they are.
fn stored(blocks: &[&[u8]]) -> Vec<u8> {
    stored_with(STORED_HEADER, blocks)
}

/// The header of an lzop file behind its magic bytes: versions, method 1, level 5, the checksum of the content, no mode, time and name.
const STORED_HEADER: [u8; 25] = *b"\x10\x40\x20\xa0\x09\x40\x01\x05\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn stored_with(header: [u8; 25], blocks: &[&[u8]]) -> Vec<u8> {
    let mut file = [&b"\x89LZO\0\r\n\x1a\n"[..], &header, &adler32(&header)].concat();
    for block in blocks {
        let bytes = u32::try_from(block.len()).unwrap().to_be_bytes();
        file.extend([bytes, bytes, adler32(block)].concat());
        file.extend_from_slice(block);
    }
    file.extend([0; 4]);
    file
}

fn adler32(bytes: &[u8]) -> [u8; 4] {
    simd_adler32::adler32(&bytes).to_be_bytes()
}
