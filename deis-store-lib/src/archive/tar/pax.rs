//! The records of a pax header: `LENGTH KEY=VALUE\n`. Pure.

use super::fault::Fault;

/// What records say of the next entry, as far as it matters to where it is written and how long it is.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    /// The size of a sparse file with its holes.
    pub(super) real_size_bytes: Option<u64>,
}

impl Pax {
    pub(super) fn parse(mut records: &[u8]) -> Result<Self, Fault> {
        let mut pax = Self::default();
        // A sparse file's name stands in a record of its own, and `path` is a made-up one.
        let mut sparse_name = None;
        while !records.is_empty() {
            let (key, value, rest) = record(records).ok_or(MALFORMED)?;
            match key {
                b"path" => once(&mut pax.path, name(value)?)?,
                b"linkpath" => once(&mut pax.link, name(value)?)?,
                b"size" => once(&mut pax.size_bytes, number(value).ok_or(MALFORMED)?)?,
                b"GNU.sparse.name" => once(&mut sparse_name, name(value)?)?,
                b"GNU.sparse.size" | b"GNU.sparse.realsize" => {
                    once(&mut pax.real_size_bytes, number(value).ok_or(MALFORMED)?)?;
                }
                _ => {}
            }
            records = rest;
        }
        pax.path = sparse_name.or(pax.path);
        Ok(pax)
    }

    /// Checks the records of a global header: those that say something of names or sizes are refused, since readers differ in
    /// what becomes of them.
    pub(super) fn check_global(mut records: &[u8]) -> Result<(), Fault> {
        while !records.is_empty() {
            let (key, _, rest) = record(records).ok_or(MALFORMED)?;
            if matches!(key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse.") {
                return Err(Fault::Malformed("a global header gives all entries one name, target or size"));
            }
            records = rest;
        }
        Ok(())
    }
}

const MALFORMED: Fault = Fault::Malformed("a pax header cannot be read");

/// The first record, and what follows it.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(number(&records[..space])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    Some((&record[..equals], &record[equals + 1..], rest))
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn name(value: &[u8]) -> Result<Vec<u8>, Fault> {
    if value.is_empty() || value.contains(&0) {
        return Err(Fault::Malformed("a name in a pax header is empty or holds a NUL"));
    }
    Ok(value.to_vec())
}

fn once<T>(field: &mut Option<T>, value: T) -> Result<(), Fault> {
    match field.replace(value) {
        None => Ok(()),
        Some(_) => Err(Fault::Malformed("a pax header says the same thing twice")),
    }
}
