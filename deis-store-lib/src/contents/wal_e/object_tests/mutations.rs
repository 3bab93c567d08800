//! Objects in which something was changed at random: nothing panics, the source is never to blame, and what has checksums never
//! becomes another object.

use std::io::{self, Read};

use proptest::prelude::*;

use super::*;

/// What may become of an object on its way.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, usize),
    Insert(prop::sample::Index, Vec<u8>),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        let place = any::<prop::sample::Index>;
        prop_oneof![
            4 => (place(), 1..=u8::MAX).prop_map(|(at, bits)| Self::Flip(at, bits)),
            1 => place().prop_map(Self::Cut),
            1 => (place(), 1..9000usize).prop_map(|(at, bytes)| Self::Remove(at, bytes)),
            1 => (place(), prop::collection::vec(any::<u8>(), 1..40))
                .prop_map(|(at, bytes)| Self::Insert(at, bytes)),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let all = bytes.len() + 1;
        match self {
            Self::Flip(..) if bytes.is_empty() => {}
            Self::Flip(at, bits) => bytes[at.index(all - 1)] ^= bits,
            Self::Cut(at) => bytes.truncate(at.index(all)),
            Self::Remove(at, count) => {
                let at = at.index(all);
                bytes.drain(at..(at + count).min(all - 1));
            }
            Self::Insert(at, new) => drop(bytes.splice(at.index(all)..at.index(all), new.iter().copied())),
        }
    }
}

fn mutations() -> impl Strategy<Value = Vec<Mutation>> {
    prop::collection::vec(Mutation::any(), 1..4)
}

fn changed(bytes: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for mutation in mutations {
        mutation.apply(&mut bytes);
    }
    bytes
}

/// Gives so many bytes at a time.
struct InPieces<'b>(&'b [u8], usize);

impl Read for InPieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(self.1);
        self.0.read(&mut buffer[..most])
    }
}

/// What is read of an object, or why it is broken.
fn outcome(key: &str, source: &mut dyn Read) -> Result<Option<Held>, String> {
    read(key, source).map_err(|error| match error {
        Unreadable::Broken(why) => why,
        Unreadable::Io(error) => panic!("{key}: {error}"),
    })
}

/// A segment that was read lies where its name says.
fn assert_is_within(key: &str, bytes: &[u8], held: SegmentHeld) {
    let segment = Segment::of_name(&key[LOG.len()..]).unwrap();
    let start = Lsn::of_segment(segment.number, held.segment_bytes).unwrap();
    let end = start.0 + held.segment_bytes;
    assert_eq!(bytes.len() as u64, held.segment_bytes, "{key}");
    assert!((start.0..=end).contains(&held.end.0), "{key}: {held:?}");
    assert!(held.is_full || held.end.0 < end, "{key}: {held:?}");
}

/// Parts of keys, of which some make one.
fn keys() -> impl Strategy<Value = String> {
    const PARTS_OF_KEYS: [&str; 22] = [
        "wal_005/",
        "basebackups_005/",
        "base_",
        "_",
        "/",
        "tar_partitions/part_",
        ".tar",
        ".lzo",
        ".lz4",
        ".",
        ".history",
        ".backup",
        "00000001",
        "00000000",
        "000000010000000000000010",
        "00000028",
        "0",
        "F",
        "g",
        "é",
        "_backup_stop_sentinel.json",
        "/extended_version.txt",
    ];
    prop::collection::vec(prop::sample::select(PARTS_OF_KEYS.to_vec()), 0..9).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Several changes may make the object that it was.
    #[test]
    fn a_change_of_a_packed_object_never_gives_another_one(
        index: prop::sample::Index,
        mutations in mutations(),
    ) {
        let objects = objects();
        let object = index.get(&objects);
        let packed = changed(&object.packed, &mutations);
        if let Ok(held) = outcome(&object.key, &mut &packed[..]) {
            prop_assert_eq!(held.as_ref(), Some(&object.held), "{}", object.key);
        }
    }

    /// Without the checksums of its packing a change may not show. What is read then is still a place in that segment.
    #[test]
    fn a_change_of_a_segment_gives_a_place_within_it(
        index: prop::sample::Index,
        mutations in mutations(),
        // Where headers and the first records are, and not the letters that fill most of a segment.
        near in prop::collection::vec((0..128usize, 0..80usize, any::<u8>()), 0..4),
        piece_bytes in prop_oneof![1..100usize, 4000..20_000usize],
    ) {
        let segment = index.get(SEGMENTS.as_slice());
        let key = segment.plain_key();
        for is_cut in [false, true] {
            let mut bytes = segment.plain.clone();
            for (page, at, byte) in &near {
                bytes[page * 8192 + at] = *byte;
            }
            let bytes = if is_cut { changed(&bytes, &mutations) } else { bytes };
            let whole = outcome(key, &mut &bytes[..]);
            if let Ok(Some(Held::Segment(held))) = whole {
                assert_is_within(key, &bytes, held);
            }
            prop_assert_eq!(outcome(key, &mut InPieces(&bytes, piece_bytes)), whole);
        }
    }

    #[test]
    fn a_change_of_a_partition_gives_one_or_is_broken(
        index: prop::sample::Index,
        mutations in mutations(),
        piece_bytes in 1..2000usize,
    ) {
        let part = index.get(PARTS.as_slice());
        let bytes = changed(&part.plain, &mutations);
        let whole = outcome(part.plain_key(), &mut &bytes[..]);
        prop_assert!(matches!(whole, Ok(Some(Held::Partition(_))) | Err(_)));
        prop_assert_eq!(outcome(part.plain_key(), &mut InPieces(&bytes, piece_bytes)), whole);
    }

    #[test]
    fn a_change_of_a_history_or_label_gives_one_or_is_broken(mutations in mutations()) {
        let history = outcome(HISTORY.plain_key(), &mut &changed(&HISTORY.plain, &mutations)[..]);
        prop_assert!(matches!(history, Ok(Some(Held::History)) | Err(_)));
        let label = outcome(LABEL.plain_key(), &mut &changed(&LABEL.plain, &mutations)[..]);
        prop_assert_eq!(label, Ok(Some(Held::Label)));
    }

    #[test]
    fn no_key_and_no_bytes_make_it_panic(
        key in keys(),
        bytes in prop::collection::vec(any::<u8>(), 0..3000),
        is_stored: bool,
    ) {
        let bytes = if is_stored && !bytes.is_empty() { stored(&[&bytes]) } else { bytes };
        let _ = outcome(&key, &mut &bytes[..]);
    }
}
