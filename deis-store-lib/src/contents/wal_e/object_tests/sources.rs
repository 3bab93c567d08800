//! However the bytes of an object come, the same is read of it; a source that fails says nothing about the object.

use std::io::{self, Read};

use super::*;

/// Gives a byte at a time, and before each the interruption by a signal.
struct Hesitant<'b> {
    bytes: &'b [u8],
    is_interrupted: bool,
}

impl Read for Hesitant<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = buffer.len().min(1);
        self.bytes.read(&mut buffer[..most])
    }
}

fn hesitantly(key: &str, bytes: &[u8]) -> Result<Option<Held>, Unreadable> {
    read(key, &mut Hesitant { bytes, is_interrupted: false })
}

/// A source that fails.
struct Failing;

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::new(io::ErrorKind::TimedOut, "the disk stands still"))
    }
}

fn failing_behind(key: &str, bytes: &[u8]) {
    match read(key, &mut bytes.chain(Failing)) {
        Err(Unreadable::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::TimedOut),
        other => panic!("{key} failing at {}: {other:?}", bytes.len()),
    }
}

#[test]
fn an_object_that_comes_a_byte_at_a_time_is_the_same() {
    for object in objects() {
        assert_eq!(hesitantly(&object.key, &object.packed).unwrap().as_ref(), Some(&object.held));
    }
    for object in [&SEGMENTS[1], &SEGMENTS[10], &PARTS[0], &LABEL, &HISTORY] {
        assert_eq!(hesitantly(object.plain_key(), &object.plain).unwrap().as_ref(), Some(&object.held));
    }
}

#[test]
fn a_broken_object_that_comes_a_byte_at_a_time_is_broken_for_the_same_reason() {
    for object in [&PARTS[0], &LABEL, &HISTORY] {
        for bytes in (0..object.packed.len()).step_by(7) {
            let cut = &object.packed[..bytes];
            match hesitantly(&object.key, cut) {
                Err(Unreadable::Broken(why)) => assert_eq!(why, broken(&object.key, cut)),
                other => panic!("{other:?}"),
            }
        }
    }
}

/// Until the source says that it has ended, it may fail, and then nobody knows whether more would have come.
#[test]
fn a_source_that_fails_is_no_broken_object() {
    for object in [&PARTS[0], &LABEL, &HISTORY] {
        for bytes in 0..=object.packed.len() {
            failing_behind(&object.key, &object.packed[..bytes]);
        }
        for bytes in (0..=object.plain.len()).step_by(99).chain([object.plain.len()]) {
            failing_behind(object.plain_key(), &object.plain[..bytes]);
        }
    }
    let segment = &SEGMENTS[1];
    for bytes in (0..=segment.packed.len()).step_by(501).chain([segment.packed.len()]) {
        failing_behind(&segment.key, &segment.packed[..bytes]);
    }
    for bytes in [0, 39, 40, 8191, 8192, (1 << 20) - 1, 1 << 20] {
        failing_behind(segment.plain_key(), &segment.plain[..bytes]);
    }
}

/// As a file that grows, or a stream that is not what its name says.
#[test]
fn a_source_without_an_end_is_broken_as_soon_as_that_shows() {
    let keys = objects().into_iter().flat_map(|object| [object.plain_key(), &object.key]);
    for key in keys {
        let endless = read(key, &mut io::repeat(b'x'));
        assert!(matches!(endless, Err(Unreadable::Broken(_))), "{key}: {endless:?}");
    }
    for object in objects() {
        let endless = read(&object.key, &mut object.packed.as_slice().chain(io::repeat(0)));
        assert!(matches!(endless, Err(Unreadable::Broken(_))), "{}: {endless:?}", object.key);
    }
    for object in SEGMENTS.iter().chain([&*LABEL]) {
        let endless = read(object.plain_key(), &mut object.plain.as_slice().chain(io::repeat(0)));
        assert!(matches!(endless, Err(Unreadable::Broken(_))), "{}: {endless:?}", object.key);
    }
}
