//! Writes the headers of an archive, so that GNU tar, bsdtar and Python read it: entries as `tar -C DIR .` has them. Pure.
//!
//! A name that is too long for a header goes before it as GNU tar's, which may be any bytes. A pax header is written only for
//! what a header has no room for: fractions of seconds, far times, large owners, and the map of a sparse file in the form 1.0.

use std::fmt::Write as _;

use bytes::{BufMut as _, BytesMut};
use tokio_tar::{EntryType, Header};

use super::entry::{Entry, EntryKind, Extent, Modified};
use super::header::BLOCK_BYTES;

/// The length of an archive is a multiple of this.
const RECORD_BYTES: u64 = 20 * BLOCK_BYTES as u64;
/// The room for a name in a header.
const NAME_BYTES: usize = 100;
/// The first owner and time for which a header has no room.
const OWNER_BEYOND: u64 = 1 << 21;
const TIME_BEYOND: u64 = 1 << 33;

/// Appends the headers of an entry: long names and a pax header where they are needed, its own, and the map of a sparse file.
pub(crate) fn entry(entry: &Entry, out: &mut BytesMut) {
    let name = name(entry);
    let (flag, link, map) = match &entry.kind {
        EntryKind::File { .. } => (EntryType::Regular, Vec::new(), BytesMut::new()),
        EntryKind::Sparse { size_bytes, extents } => {
            (EntryType::Regular, Vec::new(), map(*size_bytes, extents))
        }
        EntryKind::Directory => (EntryType::Directory, Vec::new(), BytesMut::new()),
        EntryKind::Symlink(target) => (EntryType::Symlink, target.clone(), BytesMut::new()),
        EntryKind::HardLink(target) => (EntryType::Link, [b"./", &target[..]].concat(), BytesMut::new()),
    };
    let stored_bytes = entry.kind.stored_bytes() + map.len() as u64;
    let mut records = records(entry);
    let is_sparse = matches!(entry.kind, EntryKind::Sparse { .. });
    let is_in_records = is_sparse && name.is_ascii();
    if is_in_records {
        records.extend(record("GNU.sparse.name", &name));
    } else if name.len() > NAME_BYTES {
        extension(EntryType::GNULongName, &[&name[..], b"\0"].concat(), out);
    }
    // Who does not know the form finds a file whose name says so.
    let name = if is_in_records { [b"./GNUSparseFile.0/", last(&name)].concat() } else { name };
    if link.len() > NAME_BYTES {
        extension(EntryType::GNULongLink, &[&link[..], b"\0"].concat(), out);
    }
    if !records.is_empty() {
        extension(EntryType::XHeader, &records, out);
    }
    let mut header = Header::new_ustar();
    header.set_entry_type(flag);
    header.set_mode(entry.mode);
    header.set_uid(within(entry.owner.0, OWNER_BEYOND));
    header.set_gid(within(entry.owner.1, OWNER_BEYOND));
    // GNU tar's form for large ones, which all read. A pax header's `size` is misread by Python if the file is sparse.
    header.set_size(stored_bytes);
    header.set_mtime(within(u64::try_from(entry.modified.seconds).unwrap_or_default(), TIME_BEYOND));
    put(&mut header.as_old_mut().name, &name);
    put(&mut header.as_old_mut().linkname, &link);
    block(header, out);
    out.extend_from_slice(&map);
}

/// Appends the zeros that fill the last block of so much content; of a sparse file, that of its extents.
pub(crate) fn padding(stored_bytes: u64, out: &mut BytesMut) {
    fill(stored_bytes, BLOCK_BYTES as u64, out);
}

/// Appends the end of an archive that has so many bytes.
pub(crate) fn end(archive_bytes: u64, out: &mut BytesMut) {
    out.put_bytes(0, 2 * BLOCK_BYTES);
    fill(archive_bytes + 2 * BLOCK_BYTES as u64, RECORD_BYTES, out);
}

fn name(entry: &Entry) -> Vec<u8> {
    let slash: &[u8] = match entry.kind {
        EntryKind::Directory if !entry.path.is_empty() => b"/",
        _ => b"",
    };
    [b"./", &entry.path[..], slash].concat()
}

/// The last component of a path.
fn last(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}

/// The pax records of what a header has no room for.
fn records(entry: &Entry) -> Vec<u8> {
    let mut records = Vec::new();
    let mut add = |key: &str, value: &[u8]| records.extend(record(key, value));
    for (key, number) in [("uid", entry.owner.0), ("gid", entry.owner.1)] {
        if number >= OWNER_BEYOND {
            add(key, number.to_string().as_bytes());
        }
    }
    if !is_in_header(entry.modified) {
        add("mtime", entry.modified.to_string().as_bytes());
    }
    if let EntryKind::Sparse { size_bytes, .. } = &entry.kind {
        add("GNU.sparse.major", b"1");
        add("GNU.sparse.minor", b"0");
        add("GNU.sparse.realsize", size_bytes.to_string().as_bytes());
    }
    records
}

fn is_in_header(modified: Modified) -> bool {
    modified.nanoseconds == 0 && u64::try_from(modified.seconds).is_ok_and(|seconds| seconds < TIME_BEYOND)
}

/// `LENGTH KEY=VALUE\n`, where the length counts its own digits.
fn record(key: &str, value: &[u8]) -> Vec<u8> {
    let rest = key.len() + value.len() + 3;
    let mut length = rest + 1;
    while rest + length.to_string().len() > length {
        length += 1;
    }
    [length.to_string().as_bytes(), b" ", key.as_bytes(), b"=", value, b"\n"].concat()
}

/// The parts of a sparse file, a number a line, in whole blocks.
fn map(size_bytes: u64, extents: &[Extent]) -> BytesMut {
    let end_bytes = extents.last().map_or(0, |last| last.at_bytes.saturating_add(last.bytes));
    // GNU tar makes a hole at the end of a part without a byte there.
    let end = (end_bytes < size_bytes).then_some(Extent { at_bytes: size_bytes, bytes: 0 });
    let mut map = BytesMut::new();
    // Writing into memory does not fail.
    let _ = writeln!(map, "{}", extents.len() + usize::from(end.is_some()));
    for Extent { at_bytes, bytes } in extents.iter().chain(&end) {
        let _ = writeln!(map, "{at_bytes}\n{bytes}");
    }
    padding(map.len() as u64, &mut map);
    map
}

/// An entry of its own that says something of the next one.
fn extension(flag: EntryType, text: &[u8], out: &mut BytesMut) {
    let mut header = Header::new_ustar();
    header.set_entry_type(flag);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(text.len() as u64);
    let name: &[u8] = if flag == EntryType::XHeader { b"././@PaxHeader" } else { b"././@LongLink" };
    put(&mut header.as_old_mut().name, name);
    block(header, out);
    out.extend_from_slice(text);
    padding(text.len() as u64, out);
}

fn block(mut header: Header, out: &mut BytesMut) {
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
}

/// The number, or nothing if there is no room for it.
fn within(number: u64, beyond: u64) -> u64 {
    if number < beyond { number } else { 0 }
}

fn put(field: &mut [u8; NAME_BYTES], name: &[u8]) {
    let bytes = &name[..name.len().min(NAME_BYTES)];
    // The beginning of a longer name must not look like a directory's.
    let bytes = if name.len() > NAME_BYTES { bytes.strip_suffix(b"/").unwrap_or(bytes) } else { bytes };
    field[..bytes.len()].copy_from_slice(bytes);
}

fn fill(bytes: u64, unit: u64, out: &mut BytesMut) {
    let rest = usize::try_from(bytes % unit).unwrap_or_default();
    let unit = usize::try_from(unit).unwrap_or_default();
    out.put_bytes(0, (unit - rest) % unit);
}
