//! What lzop packs, with each of its options, is unpacked as it was.

use super::*;

/// Which options the fixtures were packed with, and what each has in its header: the method, and those of its flags that say which
/// checksums there are, and whether it was a pipe.
const OPTIONS: [(&str, u8, u32); 7] = [
    // As WAL-E packs.
    ("pipe", 1, 0x5),
    ("1", 2, 0x5),
    ("9", 3, 0x5),
    ("crc32", 1, 0x1104),
    ("unchecked", 1, 0x4),
    ("named", 1, 0x1),
    ("path", 1, 0x2001),
];
const FLAGS: u32 = 0x3307;

#[test]
fn what_was_packed_with_any_option_is_unpacked() {
    for content in ["text", "noise"] {
        let plain = fixture(&format!("lzop/{content}"));
        for (option, method, flags) in OPTIONS {
            let packed = fixture(&format!("lzop/{content}.{option}.lzo"));
            assert!(unpacked(&packed).unwrap() == plain, "{content} {option}");
            assert_eq!(packed[15], method, "{content} {option}");
            let of_file = u32::from_be_bytes(packed[17..21].try_into().unwrap());
            assert_eq!(of_file & FLAGS, flags, "{content} {option}: {of_file:#x}");
            let is_stored = packed.windows(plain.len()).any(|part| part == plain);
            assert_eq!(is_stored, content == "noise", "{content} {option}");
            let name_bytes = match option {
                "named" => content.len(),
                "path" => content.len() + "lzop/".len(),
                _ => 0,
            };
            assert_eq!(usize::from(packed[33]), name_bytes, "{content} {option}");
        }
    }
}

#[test]
fn a_file_that_holds_nothing_is_unpacked_to_nothing() {
    for name in ["empty.pipe", "empty.crc32"] {
        let packed = fixture(&format!("lzop/{name}.lzo"));
        assert!(unpacked(&packed).unwrap().is_empty());
        assert_eq!(held(&LABEL.key, &packed).unwrap(), Held::Label);
        assert_eq!(held(&HISTORY.key, &packed).unwrap(), Held::History);
        assert!(broken(&SEGMENTS[0].key, &packed).contains("0 bytes"));
        assert!(broken(&PARTS[0].key, &packed).contains("cut off"));
    }
    assert!(unpacked(&stored(&[])).unwrap().is_empty());
}

/// lzop packs 256 KiB at a time.
#[test]
fn a_segment_of_the_fixtures_has_blocks_that_follow_each_other() {
    for segment in SEGMENTS.iter() {
        let mut blocks = Vec::new();
        let taken = Packing::Lzop.each_piece(&mut &segment.packed[..], |block| {
            blocks.push(block.len());
            Ok(())
        });
        assert!(taken.is_ok());
        assert_eq!(blocks, [256 << 10; 4], "{}", segment.key);
    }
}

#[test]
fn blocks_of_any_size_are_unpacked_one_after_the_other() {
    let noise = fixture("lzop/noise");
    let one = [0x5a];
    let blocks: [&[u8]; 5] = [&one, &noise, &one, &noise[..100], &noise];
    assert!(unpacked(&stored(&blocks)).unwrap() == blocks.concat());
    // A short block after a long one, and the other way round, with what is packed between.
    let text = fixture("lzop/text.pipe.lzo");
    let packed_block = &text[38..text.len() - 4];
    let mixed = stored(&[&noise]);
    let (begin, end) = mixed.split_at(mixed.len() - 4);
    let mixed = [begin, packed_block, &stored(&[&one])[38..51], packed_block, end].concat();
    let text = fixture("lzop/text");
    assert!(unpacked(&mixed).unwrap() == [&noise[..], &text, &one, &text].concat());
}
