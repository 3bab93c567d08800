//! Whole segments are read as `pg_waldump` reads them; what is no whole segment, or another one, is broken.

use super::*;

/// The segment of the fixtures with this number.
fn segment(timeline: u32, number: u64) -> &'static Object {
    let name = Segment { timeline, number }.name();
    SEGMENTS.iter().find(|segment| segment.key.contains(&name)).unwrap()
}

#[test]
fn a_segment_holds_what_pg_waldump_says() {
    assert!(SEGMENTS.len() > 10);
    for segment in SEGMENTS.iter() {
        assert_eq!(held(&segment.key, &segment.packed).unwrap(), segment.held, "{}", segment.key);
        assert_eq!(held(segment.plain_key(), &segment.plain).unwrap(), segment.held, "{}", segment.key);
        assert_eq!(segment.plain.len() as u64, MIB);
    }
}

/// Each rule of where a log ends has a segment that PostgreSQL has written.
#[test]
fn the_segments_of_the_fixtures_end_in_all_ways() {
    let ends = |is: fn(u64) -> bool, is_full: bool| {
        let found = |segment: &&ExpectedSegment| is(segment.end % MIB) && segment.is_full == is_full;
        EXPECTED.segments.iter().filter(found).count()
    };
    // With the segment or by a switch; in the midst of a record; eight bytes before its end; where nothing follows.
    assert!(ends(|end| end == 0, true) >= 3);
    assert!(ends(|end| end > 0, true) >= 3);
    assert_eq!(ends(|end| end == MIB - 8, true), 1);
    assert_eq!(ends(|end| end > 0, false), 2);
    // One lies within a record.
    assert_eq!(EXPECTED.segments.iter().filter(|segment| segment.last_commit_us.is_none()).count(), 1);
}

#[test]
fn a_segment_with_a_byte_more_is_broken() {
    for segment in SEGMENTS.iter() {
        for more in [1, 39, 40, 41, 8191, 8192, 8193] {
            let longer = [&segment.plain[..], &vec![0; more]].concat();
            assert!(broken(segment.plain_key(), &longer).contains("1048576"), "{more} bytes more");
            // The same with whole checksums of lzop.
            broken(&segment.key, &stored(&[&segment.plain, &longer[segment.plain.len()..]]));
        }
    }
}

#[test]
fn a_segment_with_a_byte_less_is_broken() {
    for segment in SEGMENTS.iter() {
        for bytes in [0, 1, 39, 40, 41, 8191, 8192, 8193, 1 << 19, (1 << 20) - 8192, (1 << 20) - 1] {
            let shorter = &segment.plain[..bytes];
            assert!(broken(segment.plain_key(), shorter).contains(&bytes.to_string()), "{bytes} bytes");
            if bytes > 0 {
                broken(&segment.key, &stored(&[shorter]));
            }
        }
    }
}

#[test]
fn a_segment_under_the_name_of_another_is_broken() {
    for (named, other) in SEGMENTS.iter().flat_map(|named| SEGMENTS.iter().map(move |other| (named, other))) {
        if named.key[16..] == other.key[16..] {
            continue;
        }
        let why = broken(named.plain_key(), &other.plain);
        let of_its_own = &named.plain_key()[LOG.len()..];
        assert!(why.ends_with(&format!("not {of_its_own}")), "{why}");
        broken(&named.key, &other.packed);
    }
}

#[test]
fn the_first_segment_of_a_timeline_may_be_its_parent_s() {
    let (parent, child) = (segment(1, 0x11), segment(2, 0x11));
    // A server that was promoted has copied the pages before the switch with their headers.
    assert_eq!(parent.plain[4..8], child.plain[4..8]);
    assert_eq!(held(child.plain_key(), &parent.plain).unwrap(), parent.held);
    assert_eq!(held(&child.key, &parent.packed).unwrap(), parent.held);
}

#[test]
fn a_segment_of_a_later_timeline_than_its_name_is_broken() {
    let child = segment(2, 0x12);
    let key = child.plain_key().replace("0000000200", "0000000100");
    let why = broken(&key, &child.plain);
    assert_eq!(why, "the object is the segment 000000020000000000000012, not 000000010000000000000012");
}

#[test]
fn a_segment_whose_header_cannot_be_is_broken() {
    let segment = segment(1, 8);
    let changes: [(usize, &[u8], &str); 10] = [
        (0, &[0x11], "unknown release"),
        (0, &[0, 0], "unknown release"),
        (2, &[0, 0], "from its middle"),
        // Its place: within the segment, in the next one, in another log.
        (8, &[0, 0x20], "no segment"),
        (10, &[0x90], "segment 000000010000000000000009"),
        (12, &[1], "segment 000000010000000100000008"),
        // The size of a segment and of a page.
        (32, &[0, 0, 0x30, 0], "cannot be"),
        (32, &[0, 0, 0x08, 0], "cannot be"),
        (32, &[0, 0, 0x20, 0], "segment 000000010000000000000004"),
        (36, &[0, 0x30], "cannot be"),
    ];
    for (at, bytes, says) in changes {
        let mut altered = segment.plain.clone();
        altered[at..at + bytes.len()].copy_from_slice(bytes);
        let why = broken(segment.plain_key(), &altered);
        assert!(why.contains(says), "{why}, not {says}");
    }
}

/// Of these releases nobody has a server any more: the header is made by hand.
#[test]
fn a_segment_of_a_release_before_9_3_fills_what_its_name_says() {
    let mut segment = vec![0; 1 << 20];
    segment[..8].copy_from_slice(b"\x71\xd0\x02\0\x03\0\0\0");
    segment[8..16].copy_from_slice(b"\x01\0\0\0\0\0\x20\0");
    segment[16..32].copy_from_slice(b"\x07\0\0\0\0\0\0\0\0\0\x10\0\0\x20\0\0");
    let held = segment_held("wal_005/000000030000000100000002", &segment);
    let (end, last_commit_us) = (Lsn(0x1_0030_0000), None);
    assert_eq!(held, SegmentHeld { system_id: 7, segment_bytes: MIB, end, is_full: true, last_commit_us });
    broken("wal_005/000000030000000000000002", &segment);
    broken("wal_005/000000030000000100000002", &segment[1..]);
}
