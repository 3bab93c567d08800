//! What a pax header says of a sparse file, in the forms 0.0, 0.1 and 1.0 of GNU tar. Pure.

use super::entry::Extent;
use super::fault::{Wrong, once};
use super::number::decimal;
use super::sparse::Map;

/// The records `GNU.sparse.*`.
#[derive(Debug, Default)]
pub(super) struct PaxSparse {
    /// The size of the file with its holes.
    size_bytes: Option<u64>,
    major: Option<u64>,
    minor: Option<u64>,
    /// How many parts were announced.
    parts: Option<u64>,
    /// The parts of a map in pairs of records, and the first record of the next pair.
    pairs: Vec<Extent>,
    at_bytes: Option<u64>,
    /// The parts of a map in one record.
    list: Option<Vec<Extent>>,
    is_other: bool,
}

/// Where the map of a file is.
#[derive(Debug)]
pub(super) enum Form {
    /// It has none, since it is no sparse file.
    NotSparse,
    /// It was in the pax header.
    Told(Map),
    /// It is at the head of the content; here is the empty one.
    AtHead(Map),
    /// In a form that is not read.
    Unread,
}

const TWO_FORMS: Wrong = "a sparse file is given two maps";

impl PaxSparse {
    /// Takes a record; its key is that after `GNU.sparse.`.
    pub(super) fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), Wrong> {
        let number = || decimal(value).ok_or("a number of a sparse file is none");
        match key {
            b"size" | b"realsize" => once(&mut self.size_bytes, number()?),
            b"major" => once(&mut self.major, number()?),
            b"minor" => once(&mut self.minor, number()?),
            b"numblocks" => once(&mut self.parts, number()?),
            b"offset" => once(&mut self.at_bytes, number()?),
            b"numbytes" => {
                let at_bytes = self.at_bytes.take().ok_or("a part of a sparse file has no place")?;
                self.pairs.push(Extent { at_bytes, bytes: number()? });
                Ok(())
            }
            b"map" => once(&mut self.list, list(value)?),
            _ => {
                self.is_other = true;
                Ok(())
            }
        }
    }

    /// A keyword of another program says that it is a sparse file.
    pub(super) fn is_of_another_program(&mut self) {
        self.is_other = true;
    }

    pub(super) fn form(self) -> Result<Form, Wrong> {
        let has_map = !self.pairs.is_empty() || self.list.is_some();
        let version = (self.major, self.minor);
        if self.is_other {
            return Ok(Form::Unread);
        }
        if version == (None, None) && self.size_bytes.is_none() && self.parts.is_none() && !has_map {
            return match self.at_bytes {
                None => Ok(Form::NotSparse),
                Some(_) => Err("a part of a sparse file has no length"),
            };
        }
        let mut map = Map::new(self.size_bytes.ok_or("a sparse file is given no size")?)?;
        match version {
            (Some(1), Some(0)) if has_map || self.at_bytes.is_some() => return Err(TWO_FORMS),
            (Some(1), Some(0)) => return Ok(Form::AtHead(map)),
            (None, None) | (Some(0), Some(0 | 1)) => {}
            _ => return Ok(Form::Unread),
        }
        let extents = match self.list {
            Some(_) if !self.pairs.is_empty() => return Err(TWO_FORMS),
            Some(list) => list,
            None => self.pairs,
        };
        if self.at_bytes.is_some() {
            return Err("a part of a sparse file has no length");
        }
        if self.parts.is_some_and(|parts| parts != extents.len() as u64) || !has_map && self.parts.is_none() {
            return Err("a sparse file has not as many parts as its map says");
        }
        extents.into_iter().try_for_each(|extent| map.add(extent))?;
        Ok(Form::Told(map))
    }
}

/// Places and lengths, with commas.
fn list(value: &[u8]) -> Result<Vec<Extent>, Wrong> {
    let mut numbers = value.split(|byte| *byte == b',').map(decimal);
    let mut extents = Vec::new();
    while let Some(at) = numbers.next() {
        let (Some(at_bytes), Some(bytes)) = (at, numbers.next().flatten()) else {
            return Err("the map of a sparse file cannot be read");
        };
        extents.push(Extent { at_bytes, bytes });
    }
    Ok(extents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tar::entry::EntryKind;

    fn form(records: &[(&str, &str)]) -> Result<Form, Wrong> {
        let mut sparse = PaxSparse::default();
        records.iter().try_for_each(|(key, value)| sparse.take(key.as_bytes(), value.as_bytes()))?;
        sparse.form()
    }

    const PAIRS: [(&str, &str); 5] =
        [("size", "900"), ("offset", "0"), ("numbytes", "512"), ("offset", "600"), ("numbytes", "2")];
    const LIST: [(&str, &str); 2] = [("size", "900"), ("map", "0,512,600,2")];
    const HEAD: [(&str, &str); 3] = [("major", "1"), ("minor", "0"), ("realsize", "900")];

    #[test]
    fn the_forms_are_told_apart() {
        let extents = vec![Extent { at_bytes: 0, bytes: 512 }, Extent { at_bytes: 600, bytes: 2 }];
        let expected = EntryKind::Sparse { size_bytes: 900, extents };
        for records in [&PAIRS[..], &LIST, &[&PAIRS[..], &[("numblocks", "2")]].concat()] {
            let Form::Told(map) = form(records).unwrap() else { panic!("{records:?}") };
            assert_eq!(map.finish(514).unwrap(), expected);
        }
        assert!(matches!(form(&HEAD), Ok(Form::AtHead(map)) if map.size_bytes() == 900));
        assert!(matches!(form(&[]), Ok(Form::NotSparse)));
        assert!(matches!(form(&[("size", "5"), ("numblocks", "0")]), Ok(Form::Told(_))));
        for unread in [&[("major", "1"), ("minor", "1"), ("size", "1")][..], &[("new", "x")]] {
            assert!(matches!(form(unread), Ok(Form::Unread)), "{unread:?}");
        }
    }

    #[test]
    fn a_map_that_could_be_read_in_two_ways_is_refused() {
        for (first, second) in [
            (&PAIRS[..], &[("map", "0,5")][..]),
            (&PAIRS, &[("offset", "800")]),
            (&PAIRS, &[("numbytes", "1")]),
            (&PAIRS, &[("numblocks", "3")]),
            (&PAIRS, &[("realsize", "900")]),
            (&PAIRS[1..], &[]),
            (&LIST, &[("numblocks", "1")]),
            (&LIST, &[("map", "0,5")]),
            (&LIST, &HEAD[..2]),
            (&HEAD, &[("offset", "0"), ("numbytes", "5")]),
            (&HEAD[..2], &[]),
            (&[("size", "5")], &[]),
            (&[("size", "5")], &[("map", "")]),
            (&[("size", "5")], &[("map", "1")]),
            (&[("size", "5")], &[("map", "1,1,")]),
            (&[("size", "5")], &[("map", "1,+1")]),
            (&[("size", "5")], &[("map", "3,1,1,1")]),
            (&[("offset", "5")], &[]),
            (&[("size", "-5")], &[]),
        ] {
            let records = [first, second].concat();
            assert!(form(&records).is_err(), "{records:?}");
        }
    }
}
