//! A segment in which the log breaks off: what is before that place is read, and nothing behind it.

use super::*;

/// The segment in whose midst one long record ends and another begins, which goes on in the next segment.
fn of_long_records() -> (&'static Object, SegmentHeld) {
    let segment = &SEGMENTS[1];
    let held = segment_held(segment.plain_key(), &segment.plain);
    assert!(held.is_full && (MIB / 2..MIB / 4 * 3).contains(&(held.end.0 % MIB)), "{held:?}");
    (segment, held)
}

#[test]
fn nothing_behind_the_end_of_the_log_is_read() {
    let mut found = 0;
    for segment in SEGMENTS.iter() {
        let whole = segment_held(segment.plain_key(), &segment.plain);
        if whole.is_full {
            continue;
        }
        found += 1;
        let end = usize::try_from(whole.end.0 % MIB).unwrap();
        // No single byte makes a record that names the one before it.
        let places = (end..end + 64).chain([8192, 8193, 8194, 8200, 16384, (1 << 20) - 1]);
        for (at, byte) in places.flat_map(|at| [1, 24, 0x40, 0x7f, 0xff].map(|byte| (at, byte))) {
            let mut changed = segment.plain.clone();
            changed[at] = byte;
            assert_eq!(segment_held(segment.plain_key(), &changed), whole, "{byte} at {at}");
        }
    }
    assert_eq!(found, 2);
}

#[test]
fn the_log_ends_before_a_page_that_is_not_the_next_one() {
    let (segment, whole) = of_long_records();
    // Both records go through these pages; only the one before the commit is whole in front of the second.
    for page in [100, 127] {
        // The kind of page, its flags, its timeline, its place, what is left of the record.
        for at in [0, 1, 2, 3, 4, 8, 9, 13, 16, 17] {
            let mut changed = segment.plain.clone();
            changed[page * 8192 + at] ^= 0x10;
            let held = segment_held(segment.plain_key(), &changed);
            assert_eq!(held, SegmentHeld { is_full: false, ..whole }, "byte {at} of page {page}");
        }
        let mut changed = segment.plain.clone();
        changed[page * 8192..].fill(0);
        let held = segment_held(segment.plain_key(), &changed);
        assert_eq!(held, SegmentHeld { is_full: false, ..whole }, "nothing from page {page} on");
    }
    let mut changed = segment.plain.clone();
    changed[50 * 8192..].fill(0);
    let held = segment_held(segment.plain_key(), &changed);
    assert!(!held.is_full && held.end < whole.end && held.last_commit_us.is_none(), "{held:?}");
}

/// Since PostgreSQL 14 a server says so that found only the beginning of a record when it started.
#[test]
fn a_record_without_its_rest_may_be_passed_over() {
    const OVERWRITTEN: u8 = 8;
    let (segment, whole) = of_long_records();
    let mut changed = segment.plain.clone();
    let page = 100 * 8192;
    changed[page + 2] = OVERWRITTEN;
    changed[page + 24..].fill(0);
    let held = segment_held(segment.plain_key(), &changed);
    // Where the page of the overwritten record has no other one, the log ends before it.
    assert_eq!(held, SegmentHeld { is_full: false, ..whole });
    // One record more behind it, which names the last one that was whole: no operation of the log itself.
    let before = usize::try_from(whole.end.0 % MIB).unwrap();
    let last = changed[before + 8..before + 16].to_vec();
    changed[page + 24] = 24;
    changed[page + 32..page + 40].copy_from_slice(&last);
    changed[page + 40] = 0x20;
    let end = Lsn(whole.end.0 / MIB * MIB + page as u64 + 48);
    let held = segment_held(segment.plain_key(), &changed);
    assert_eq!(held, SegmentHeld { is_full: false, end, ..whole });
}

#[test]
fn the_log_ends_before_a_record_that_does_not_follow_the_one_before() {
    let (segment, whole) = of_long_records();
    let begin = usize::try_from(whole.end.0 % MIB).unwrap();
    // The record's length, in which no header has room; and the place of the one before it.
    let changes: [(usize, &[u8]); 4] = [(0, &[23, 0, 0, 0]), (3, &[0x41]), (8, &[1]), (15, &[1])];
    for (at, bytes) in changes {
        let mut altered = segment.plain.clone();
        altered[begin + at..][..bytes.len()].copy_from_slice(bytes);
        let held = segment_held(segment.plain_key(), &altered);
        assert_eq!(held, SegmentHeld { is_full: false, ..whole }, "byte {at}");
    }
}
