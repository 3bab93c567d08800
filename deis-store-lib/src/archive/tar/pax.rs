//! The records of a pax header: `LENGTH KEY=VALUE\n`. Pure.

use super::entry::Modified;
use super::fault::{Wrong, once};
use super::number::{decimal, time};
use super::oddity::Unheeded;
use super::pax_sparse::{Form, PaxSparse};

/// What records say of the next entry.
#[derive(Debug, Default)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    pub(super) user: Option<u64>,
    pub(super) group: Option<u64>,
    pub(super) modified: Option<Modified>,
    sparse_name: Option<Vec<u8>>,
    sparse: PaxSparse,
    pub(super) unheeded: Unheeded,
}

/// How a key is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key<'a> {
    Path,
    Link,
    Size,
    User,
    Group,
    Modified,
    SparseName,
    Sparse(&'a [u8]),
    OtherSparse,
    /// Of a file that is in more than one archive.
    Parts,
    /// It changes nothing of what is unpacked.
    Indifferent,
    Unheeded,
}

impl Pax {
    pub(super) fn parse(records: &[u8]) -> Result<Self, Wrong> {
        let mut pax = Self::default();
        each(records, |key, value| {
            let number = || decimal(value).ok_or(MALFORMED);
            match Key::of(key, value) {
                Key::Path => once(&mut pax.path, name(value)?),
                Key::Link => once(&mut pax.link, name(value)?),
                Key::Size => once(&mut pax.size_bytes, number()?),
                Key::User => once(&mut pax.user, number()?),
                Key::Group => once(&mut pax.group, number()?),
                Key::Modified => once(&mut pax.modified, time(value).ok_or(MALFORMED)?),
                Key::SparseName => once(&mut pax.sparse_name, name(value)?),
                Key::Sparse(key) => pax.sparse.take(key, value),
                Key::OtherSparse => {
                    pax.sparse.is_of_another_program();
                    Ok(())
                }
                Key::Parts => Err(PARTS),
                Key::Indifferent => Ok(()),
                Key::Unheeded => {
                    pax.unheeded.add(key);
                    Ok(())
                }
            }
        })?;
        Ok(pax)
    }

    /// The keywords of a global header that are not heeded. Those that say something of the entries are refused, since readers
    /// differ in what becomes of them.
    pub(super) fn parse_global(records: &[u8]) -> Result<Unheeded, Wrong> {
        let mut unheeded = Unheeded::default();
        each(records, |key, value| {
            match Key::of(key, value) {
                Key::Indifferent => {}
                Key::Unheeded => unheeded.add(key),
                Key::Parts => return Err(PARTS),
                _ => return Err("a global header gives all entries one name, target, size, owner or time"),
            }
            Ok(())
        })?;
        Ok(unheeded)
    }

    /// Takes what is said of a sparse file. Its name has a record of its own, and `path` is a made-up one.
    pub(super) fn take_sparse(&mut self) -> Result<Form, Wrong> {
        let form = std::mem::take(&mut self.sparse).form()?;
        if self.sparse_name.is_some() && matches!(form, Form::NotSparse) {
            return Err("what is no sparse file is given the name of one");
        }
        if self.sparse_name.is_some() {
            self.path = self.sparse_name.take();
        }
        Ok(form)
    }

    /// Whether it gives the entry a name.
    pub(super) fn names(&self) -> bool {
        self.path.is_some() || self.sparse_name.is_some()
    }
}

impl<'a> Key<'a> {
    fn of(key: &'a [u8], value: &[u8]) -> Self {
        match key {
            b"path" => Self::Path,
            b"linkpath" => Self::Link,
            b"size" => Self::Size,
            b"uid" => Self::User,
            b"gid" => Self::Group,
            b"mtime" => Self::Modified,
            b"GNU.sparse.name" => Self::SparseName,
            // Those of star and of Solaris.
            b"SCHILY.realsize" | b"SUN.holesdata" => Self::OtherSparse,
            b"GNU.volume.filename" | b"GNU.volume.size" | b"GNU.volume.offset" => Self::Parts,
            // The owners are those of the numbers, as with `--numeric-owner`.
            b"atime" | b"ctime" | b"comment" | b"uname" | b"gname" => Self::Indifferent,
            // Names are taken as they are.
            b"hdrcharset" if matches!(value, b"BINARY" | b"ISO-IR 10646 2000 UTF-8") => Self::Indifferent,
            _ => key.strip_prefix(b"GNU.sparse.").map_or(Self::Unheeded, Self::Sparse),
        }
    }
}

const MALFORMED: Wrong = "a pax header cannot be read";
const PARTS: Wrong = "it is one of several archives that are one";

fn each(mut records: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> Result<(), Wrong>) -> Result<(), Wrong> {
    while !records.is_empty() {
        let (key, value, rest) = record(records).ok_or(MALFORMED)?;
        take(key, value)?;
        records = rest;
    }
    Ok(())
}

/// The first record, and what follows it.
fn record(records: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let space = records.iter().take(MOST_DIGITS + 1).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&records[..space])?).ok()?;
    let (record, rest) = records.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=').filter(|equals| *equals > 0)?;
    if record[..equals].contains(&0) {
        return None;
    }
    Some((&record[..equals], &record[equals + 1..], rest))
}

/// The digits of a record's length.
const MOST_DIGITS: usize = 20;

fn name(value: &[u8]) -> Result<Vec<u8>, Wrong> {
    if value.is_empty() || value.contains(&0) {
        return Err("a name in a pax header is empty or holds a NUL");
    }
    Ok(value.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_as_long_as_it_says() {
        let pax = Pax::parse(b"9 path=a\n14 mtime=-1.5\n12 uid=4097\n8 a=b=\n\n").unwrap();
        assert_eq!((pax.path.as_deref(), pax.user), (Some(&b"a"[..]), Some(4097)));
        assert_eq!(pax.modified, Some(Modified { seconds: -2, nanoseconds: 500_000_000 }));
        for wrong in [
            &b"8 path=a\n"[..],
            b"11 path=a\n",
            b"9 path=a",
            b" path=a\n",
            b"9path=a\n",
            b"-9 path=a\n",
            b"0 path=a\n",
            b"2 \n",
            b"5 =a\n",
            b"5 aa\n",
            b"8 path=\n",
            b"11 path=a\0\n",
            b"9 path=a\n9 path=a\n",
            b"9 path=a\n\0",
            b"99999999999999999999999 path=a\n",
            b"9 mtime=\n",
            b"11 mtime=x\n",
            b"9 uid=-1\n",
            b"22 GNU.sparse.name=ab\n",
        ] {
            let parsed = Pax::parse(wrong).and_then(|mut pax| pax.take_sparse());
            assert!(parsed.is_err(), "{:?}", String::from_utf8_lossy(wrong));
        }
    }
}
