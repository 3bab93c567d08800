//! The names of a directory in the order of their keys, in little memory however many they are.

use std::cmp::{Ordering, Reverse};
use std::ffi::OsString;
use std::vec::IntoIter;

use serde::{Deserialize, Serialize};

use super::merge_sorted::MergeSorted;
use super::partial_files::PartialFiles;
use super::spill::{SpillReader, SpillWriter};
use crate::disk::{Entry, Kind, PROBE_NAME, Root, is_partial_name};
use crate::error::{ErrorKind, Result, Scope};
use crate::key_path::decode;

/// So many names are sorted at a time; of a directory with more, each such run is packed.
const RUN: usize = 32_768;

/// A name is cut into five components at most, since a key has 1024 bytes.
const MOST_COMPONENTS: usize = 8;

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Name {
    /// The part of the key that it is; with `/` at the end if it is a directory.
    pub(super) adds: String,
    /// Why it is no file of ours.
    pub(super) not_ours: Option<NotOurs>,
    /// Whether the name is the key itself, because `encode` would not make it.
    as_it_stands: bool,
    /// The components of its path.
    pub(super) path: Vec<String>,
}

/// Why something is no file of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum NotOurs {
    Symlink,
    NoFile,
    NotUtf8,
    NoKey,
    SecondName,
    Unreadable,
    TooDeep,
    Unknown,
}

impl NotOurs {
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::Symlink => "a symlink: it is not followed",
            Self::NoFile => "no regular file",
            Self::NotUtf8 => "a name that is not UTF-8",
            Self::NoKey => "a name that is no key's",
            Self::SecondName => "a second name of the same key",
            Self::TooDeep => "a directory too deep for keys, which have 1024 bytes",
            Self::Unreadable => "a directory that cannot be read",
            Self::Unknown => "something that cannot be looked at",
        }
    }
}

/// The names of a directory, with those in the directories of the pieces of too long names; in the order of their keys.
///
/// Where two names are one key, the one that would be written to is the file; the others are named as such.
/// Partial files of earlier runs are noted in `partial_files`, below `path`.
///
/// As they stand, all names are keys, also those that look like one of ours: so another program has written them.
pub(super) fn names(
    directory: &Root,
    path: &[String],
    partial_files: &PartialFiles,
    as_they_stand: bool,
) -> Result<Names> {
    let mut sorter = Sorter { run: Vec::new(), runs: Vec::new() };
    if as_they_stand {
        directory
            .each_entry(|Entry { name, kind }| sorter.push(Name::as_it_stands(kind, name.into_string())))?;
        return Ok(Names { sorted: sorter.sorted().peekable(), of_one_key: Vec::new().into_iter() });
    }
    collect(directory, &mut Vec::new(), &mut |name| sorter.push(name), &|half| {
        partial_files.found(path.iter().cloned().chain(half).collect());
    })?;
    Ok(Names { sorted: sorter.sorted().peekable(), of_one_key: Vec::new().into_iter() })
}

/// See [`names`].
pub(super) struct Names {
    sorted: std::iter::Peekable<Run>,
    of_one_key: IntoIter<Name>,
}

impl Iterator for Names {
    type Item = Result<Name>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(name) = self.of_one_key.next() {
            return Some(Ok(name));
        }
        let first = match self.sorted.next()? {
            Ok(name) => name,
            Err(error) => return Some(Err(error)),
        };
        let of_the_same_key =
            |other: &Result<Name>| other.as_ref().is_ok_and(|other| other.adds == first.adds);
        if !self.sorted.peek().is_some_and(of_the_same_key) {
            return Some(Ok(first));
        }
        let mut same = vec![first];
        while let Some(Ok(mut other)) =
            self.sorted.next_if(|other| other.as_ref().is_ok_and(|other| other.adds == same[0].adds))
        {
            other.not_ours.get_or_insert(NotOurs::SecondName);
            same.push(other);
        }
        // The keys in a directory come after it.
        if same[0].adds.ends_with('/') {
            same.rotate_left(1);
        }
        self.of_one_key = same.into_iter();
        self.of_one_key.next().map(Ok)
    }
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").finish_non_exhaustive()
    }
}

impl Ord for Name {
    fn cmp(&self, other: &Self) -> Ordering {
        let rank = |name: &Self| (name.not_ours.is_some(), name.as_it_stands);
        // With `%+` first: that is the name that is looked for first.
        (&self.adds, rank(self), Reverse(&self.path)).cmp(&(&other.adds, rank(other), Reverse(&other.path)))
    }
}

impl PartialOrd for Name {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

type Run = Box<dyn Iterator<Item = Result<Name>> + Send>;

/// Sorts names: it holds one run, and the others packed.
struct Sorter {
    run: Vec<Name>,
    runs: Vec<SpillReader<Name>>,
}

impl Sorter {
    fn push(&mut self, name: Name) -> Result<()> {
        self.run.push(name);
        if self.run.len() == RUN {
            self.run.sort_unstable();
            let mut packing = SpillWriter::new();
            self.run.drain(..).try_for_each(|name| packing.push(&name))?;
            self.runs.push(packing.packed()?);
        }
        Ok(())
    }

    fn sorted(mut self) -> Run {
        self.run.sort_unstable();
        let last: Run = Box::new(self.run.into_iter().map(Ok));
        if self.runs.is_empty() {
            return last;
        }
        let packed = self.runs.into_iter().map(|packed| -> Run { Box::new(packed.unpack()) });
        Box::new(MergeSorted::new(std::iter::once(last).chain(packed), Name::cmp))
    }
}

fn collect(
    directory: &Root,
    pieces: &mut Vec<String>,
    name_found: &mut impl FnMut(Name) -> Result<()>,
    half_found: &impl Fn(Vec<String>),
) -> Result<()> {
    directory.each_entry(|entry| {
        let Entry { name, kind } = entry;
        let is_piece =
            |name: &String| kind == Kind::Directory && is_piece(name) && pieces.len() < MOST_COMPONENTS;
        match name.into_string() {
            Ok(name) if kind == Kind::File && is_partial_name(&name) => {
                half_found(pieces.iter().cloned().chain([name]).collect());
                Ok(())
            }
            // A run that was killed may have left it.
            Ok(name) if kind == Kind::Directory && name == PROBE_NAME => Ok(()),
            Ok(name) if is_piece(&name) => {
                let collected = directory.subdirectory(&name, false).and_then(|below| {
                    pieces.push(name.clone());
                    let collected = collect(&below, pieces, name_found, half_found);
                    pieces.pop();
                    collected
                });
                match collected {
                    // A directory that has gone meanwhile was not there.
                    Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
                    Err(error) if error.scope() == Scope::Object => {
                        let piece = Name::new(kind, Ok(name), pieces);
                        name_found(Name { not_ours: Some(NotOurs::Unreadable), ..piece })
                    }
                    collected => collected,
                }
            }
            name => name_found(Name::new(kind, name, pieces)),
        }
    })
}

impl Name {
    fn as_it_stands(kind: Kind, name: Result<String, OsString>) -> Self {
        let not_ours = match kind {
            Kind::Symlink => Some(NotOurs::Symlink),
            Kind::Other => Some(NotOurs::NoFile),
            _ if name.is_err() => Some(NotOurs::NotUtf8),
            _ => None,
        };
        let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
        let slash = if kind == Kind::Directory { "/" } else { "" };
        Self { adds: format!("{name}{slash}"), not_ours, as_it_stands: true, path: vec![name] }
    }

    fn new(kind: Kind, name: Result<String, OsString>, pieces: &[String]) -> Self {
        let is_utf8 = name.is_ok();
        let name = name.unwrap_or_else(|name| name.to_string_lossy().into_owned());
        let path: Vec<String> = pieces.iter().cloned().chain([name]).collect();
        let decoded = decode(&path);
        let as_it_stands = decoded.is_none();
        let not_ours = match kind {
            Kind::Symlink => Some(NotOurs::Symlink),
            Kind::Other => Some(NotOurs::NoFile),
            _ if !is_utf8 => Some(NotOurs::NotUtf8),
            _ if as_it_stands && !pieces.is_empty() => Some(NotOurs::NoKey),
            _ => None,
        };
        let mut adds = decoded.unwrap_or_else(|| path.concat());
        if kind == Kind::Directory {
            adds.push('/');
        }
        Self { adds, not_ours, as_it_stands, path }
    }
}

/// Whether more of a too long name is in the directory of this name.
fn is_piece(name: &str) -> bool {
    name.strip_suffix("%+").unwrap_or(name).ends_with("%~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_runs_are_one_order_with_second_names_behind_their_first() {
        let name = |number: usize, as_it_stands| {
            // Some order that is not sorted.
            let adds = format!("{:06}", number * 7919 % 100_000);
            let path = vec![format!("{adds}{}", if as_it_stands { "" } else { "%+" })];
            Name { adds, not_ours: None, as_it_stands, path }
        };
        let mut sorter = Sorter { run: Vec::new(), runs: Vec::new() };
        (0..100_000).for_each(|number| sorter.push(name(number, number % 2 == 0)).unwrap());
        sorter.push(name(7, true)).unwrap();
        assert_eq!(sorter.runs.len(), 3);
        let names = Names { sorted: sorter.sorted().peekable(), of_one_key: Vec::new().into_iter() };
        let names: Vec<Name> = names.collect::<Result<_>>().unwrap();
        assert_eq!(names.len(), 100_001);
        assert!(names.is_sorted_by(|one, next| one.adds <= next.adds));
        let second: Vec<&Name> = names.iter().filter(|name| name.not_ours.is_some()).collect();
        let [second] = second[..] else { panic!("{second:?}") };
        assert_eq!((second.not_ours, second.as_it_stands), (Some(NotOurs::SecondName), true));
    }
}
