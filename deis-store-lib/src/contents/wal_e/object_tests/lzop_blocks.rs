//! Files of lzop that lie with whole checksums: about the lengths of their blocks, and about how they were packed.

use super::*;

fn why(packed: &[u8]) -> String {
    match unpacked(packed) {
        Err(Unreadable::Broken(why)) => why,
        Err(Unreadable::Io(error)) => panic!("{error}"),
        Ok(content) => panic!("it holds {} bytes", content.len()),
    }
}

/// A file with a number of 32 bits put into it.
fn with_number(packed: &[u8], at: usize, number: u32) -> Vec<u8> {
    let mut packed = packed.to_vec();
    packed[at..at + 4].copy_from_slice(&number.to_be_bytes());
    packed
}

#[test]
fn a_block_that_lies_about_its_lengths_is_broken() {
    for name in ["text.pipe", "text.unchecked", "noise.pipe", "text.crc32"] {
        let packed = fixture(&format!("lzop/{name}.lzo"));
        let number = |at: usize| u32::from_be_bytes(packed[at..at + 4].try_into().unwrap());
        let (content_bytes, packed_bytes) = (number(38), number(42));
        for bytes in [0, 1, content_bytes - 1, content_bytes + 1, 64 << 20, (64 << 20) + 1, u32::MAX] {
            why(&with_number(&packed, 38, bytes));
        }
        let longer = [packed_bytes + 1, content_bytes + 1, 64 << 20, u32::MAX];
        for bytes in [0, 1, 2, packed_bytes - 1].into_iter().chain(longer) {
            why(&with_number(&packed, 42, bytes));
        }
    }
}

/// What is said is not taken for true before the bytes are there.
#[test]
fn a_block_that_says_it_is_huge_and_is_not_there_is_cut_off() {
    let file = with_number(&with_number(&stored(&[b"x"]), 38, 64 << 20), 42, 64 << 20);
    assert!(why(&file).contains("is cut off"));
    let beyond = with_number(&with_number(&stored(&[b"x"]), 38, (64 << 20) + 1), 42, (64 << 20) + 1);
    assert!(why(&beyond).contains("impossible length"));
}

#[test]
fn a_block_whose_packed_bytes_have_a_wrong_checksum_is_broken() {
    // lzop itself writes the checksum of the content alone.
    let text = fixture("lzop/text.pipe.lzo");
    let plain = fixture("lzop/text");
    let packed_block = &text[50..text.len() - 4];
    let mut header = STORED_HEADER;
    header[11] = 3;
    let lengths = [plain.len(), packed_block.len()].map(|bytes| u32::try_from(bytes).unwrap().to_be_bytes());
    let file = |of_packed: [u8; 4]| {
        let begin = stored_with(header, &[]);
        let sums = [adler32(&plain), of_packed].concat();
        [&begin[..38], &lengths.concat(), &sums, packed_block, &[0; 4]].concat()
    };
    assert!(unpacked(&file(adler32(packed_block))).unwrap() == plain);
    assert!(why(&file(adler32(b"other"))).contains("wrong checksum"));
    // A stored block has one of them.
    assert!(unpacked(&stored_with(header, &[b"stored"])).unwrap() == b"stored");
}

#[test]
fn a_file_of_another_method_version_or_form_is_broken() {
    let with = |at: usize, bytes: &[u8]| {
        let mut header = STORED_HEADER;
        header[at..at + bytes.len()].copy_from_slice(bytes);
        stored_with(header, &[b"x"])
    };
    assert!(unpacked(&with(0, &[0x10, 0x40])).unwrap() == b"x");
    // Before 0.94; and one that needs a later lzop than there is. A later lzop may well write what this one reads.
    assert!(why(&with(0, &[0x09, 0x30])).contains("version"));
    assert!(why(&with(4, &[0x10, 0x41])).contains("version"));
    assert!(unpacked(&with(0, &[0x10, 0x50])).unwrap() == b"x");
    for method in [0, 4, 0x80, 0xff] {
        assert!(why(&with(6, &[method])).contains("method"), "{method}");
    }
    // A further field, several parts, a filter.
    for flag in [0x40u32, 0x400, 0x800] {
        assert!(why(&with(8, &(flag | 1).to_be_bytes())).contains("flag"), "{flag:#x}");
    }
}

#[test]
fn a_text_has_no_more_than_a_mebibyte() {
    let most = vec![b'x'; 1 << 20];
    for key in [LABEL.plain_key(), &LABEL.key] {
        let as_it_is = |bytes: &[u8]| if key == LABEL.key { stored(&[bytes]) } else { bytes.to_vec() };
        assert_eq!(held(key, &as_it_is(&most)).unwrap(), Held::Label);
        assert!(broken(key, &as_it_is(&[&most[..], b"x"].concat())).contains("1 MiB"));
    }
}
