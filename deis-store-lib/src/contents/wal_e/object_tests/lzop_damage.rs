//! A file of lzop in which anything was changed is broken, or holds what it held; and so is one with more or less than it had.

use super::*;

/// The small files that were packed with checksums.
fn checked() -> Vec<(String, Vec<u8>)> {
    let options = ["pipe", "1", "9", "crc32", "named", "path"];
    let names = ["text", "noise"].into_iter().flat_map(|content| options.map(|option| (content, option)));
    names
        .chain([("empty", "pipe"), ("empty", "crc32")])
        .map(|(content, option)| format!("{content}.{option}"))
        .map(|name| (name.clone(), fixture(&format!("lzop/{name}.lzo"))))
        .collect()
}

/// The files without a checksum of their content too.
fn all() -> Vec<(String, Vec<u8>)> {
    let unchecked = ["text", "noise"].map(|content| format!("{content}.unchecked"));
    let unchecked = unchecked.map(|name| (name.clone(), fixture(&format!("lzop/{name}.lzo"))));
    checked().into_iter().chain(unchecked).collect()
}

/// How long the header is, with the magic bytes and its checksum.
fn header_bytes(packed: &[u8]) -> usize {
    38 + usize::from(packed[33])
}

fn assert_broken(packed: &[u8], what: &str) {
    match unpacked(packed) {
        Err(Unreadable::Broken(why)) => assert!(!why.is_empty()),
        Ok(content) => panic!("{what}: it holds {} bytes", content.len()),
        Err(Unreadable::Io(error)) => panic!("{what}: {error}"),
    }
}

#[test]
fn a_file_cut_anywhere_is_broken() {
    for (name, packed) in all() {
        for bytes in 0..packed.len() {
            assert_broken(&packed[..bytes], &format!("{name} cut to {bytes}"));
        }
    }
}

#[test]
fn whatever_follows_the_end_is_broken() {
    for (name, packed) in all() {
        let header = &packed[..header_bytes(&packed)];
        // The last one is a second file, which lzop itself would unpack behind the first.
        for more in [&b"\0"[..], b"x", &[0; 4], header, &packed] {
            let longer = [&packed, more].concat();
            assert_broken(&longer, &format!("{name} and {} bytes", more.len()));
        }
    }
}

/// There is a checksum of all the header, so each field of it counts, those too that mean nothing here.
#[test]
fn a_header_changed_in_any_byte_is_broken() {
    for (name, packed) in all() {
        for at in 0..header_bytes(&packed) {
            for bits in 1..=u8::MAX {
                let mut changed = packed.clone();
                changed[at] ^= bits;
                assert_broken(&changed, &format!("{name} at {at} by {bits:#x}"));
            }
        }
    }
}

/// Some bytes of what is packed can be other ones of the same meaning.
#[test]
fn a_block_changed_in_any_byte_never_gives_other_content() {
    for (name, packed) in checked() {
        let content = unpacked(&packed).unwrap();
        let mut broken = 0;
        let places = header_bytes(&packed)..packed.len();
        for at in places.clone() {
            for bits in [1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0xff] {
                let mut changed = packed.clone();
                changed[at] ^= bits;
                match unpacked(&changed) {
                    Ok(read) => assert!(read == content, "{name} at {at} by {bits:#x}"),
                    Err(Unreadable::Broken(_)) => broken += 1,
                    Err(Unreadable::Io(error)) => panic!("{name} at {at}: {error}"),
                }
            }
        }
        // Nearly all of them show.
        assert!(broken * 20 >= places.len() * 9 * 19, "{name}: {broken} of {} changes", places.len() * 9);
    }
}

#[test]
fn a_changed_segment_is_broken_or_the_same() {
    let segment = &SEGMENTS[1];
    for at in (0..segment.packed.len()).step_by(37) {
        let mut changed = segment.packed.clone();
        changed[at] ^= 1 << (at % 8);
        match held(&segment.key, &changed) {
            Ok(held) => assert_eq!(held, segment.held, "at {at}"),
            Err(Unreadable::Broken(_)) => {}
            Err(Unreadable::Io(error)) => panic!("at {at}: {error}"),
        }
    }
}
