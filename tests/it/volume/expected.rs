//! The rows of `tests/fixtures/tar/expected.tsv`: what must come of each archive. The README beside it tells the form.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::tree::{self, Kind, Node, Tree};
use crate::program::Ran;

/// A row.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) archive: String,
    pub(crate) outcome: Outcome,
    /// The exit codes that `volume load` may have.
    pub(crate) load: Vec<i32>,
    /// The exit codes that `volume list` may have.
    pub(crate) list: Vec<i32>,
    word: Option<String>,
    holds: BTreeMap<Vec<u8>, Held>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Refused,
    Skipped,
    Loads,
}

/// What the directory has of a file.
#[derive(Debug, Default)]
struct Held {
    kind: Option<HeldKind>,
    mode: Option<u32>,
    owner: Option<(u32, u32)>,
    modified: Option<(i64, i64)>,
    sha256: Option<String>,
}

#[derive(Debug)]
enum HeldKind {
    File(u64),
    Directory,
    Symlink(Vec<u8>),
    /// A further name of this file.
    HardLink(Vec<u8>),
}

/// The directory of the archives.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/tar")
}

/// The rows. Of the archives whose names contain `DEIS_STORE_TESTS_ARCHIVE` alone, if that is set.
pub(crate) fn rows() -> Vec<Row> {
    let text = fs::read_to_string(fixtures().join("expected.tsv")).unwrap();
    let only = std::env::var("DEIS_STORE_TESTS_ARCHIVE").unwrap_or_default();
    text.lines().skip(1).map(row).filter(|row| row.archive.contains(&only)).collect()
}

impl Row {
    pub(crate) fn path(&self) -> PathBuf {
        fixtures().join(&self.archive)
    }

    /// The same archive where it loads: the directory then holds this, in the words of the column `holds`.
    pub(crate) fn where_it_loads(self, holds: &str) -> Self {
        Self { outcome: Outcome::Loads, load: vec![0], word: None, holds: all_held(holds), ..self }
    }

    /// Whether something is in the directory afterwards.
    pub(crate) fn leaves_something(&self) -> bool {
        !self.holds.is_empty()
    }

    /// What is wrong with a run that has loaded it.
    pub(crate) fn faults_of_run(&self, ran: &Ran) -> Vec<String> {
        let mut faults = faults_of_any_run(ran, &self.load);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        if let Some(word) = self.word.as_ref().filter(|word| !said.contains(*word)) {
            faults.push(format!("it does not say {word:?}: {said}"));
        }
        if self.outcome == Outcome::Refused && !ran.stderr.contains("to do:") {
            faults.push(format!("it does not say what to do: {}", ran.stderr));
        }
        faults
    }

    /// What is wrong with what the directory now holds.
    pub(crate) fn faults_of_tree(&self, target: &Path) -> Vec<String> {
        let tree = tree::read(target);
        let missing = self.holds.iter().filter_map(|(path, held)| {
            let what = match tree.get(path) {
                None => "is not there".to_owned(),
                Some(file) => held.differs(file, path, &tree, target)?,
            };
            Some(format!("{} {what}", begin(path)))
        });
        let on_the_way = |path: &[u8]| {
            self.holds.keys().any(|held| held.strip_prefix(path).is_some_and(|rest| rest.starts_with(b"/")))
        };
        let stray = tree.iter().filter(|(path, file)| {
            let known = path.is_empty() || self.holds.contains_key(*path);
            !(known || file.kind == Kind::Directory && on_the_way(path))
        });
        // Of very many, the first ones tell enough.
        missing.chain(stray.map(|(path, _)| format!("{} is there", begin(path)))).take(5).collect()
    }
}

/// The begin of a path, for people.
fn begin(path: &[u8]) -> String {
    path[..path.len().min(100)].escape_ascii().to_string()
}

/// What is wrong with a run that should have ended with one of these codes, whatever the archive is.
pub(crate) fn faults_of_any_run(ran: &Ran, codes: &[i32]) -> Vec<String> {
    let mut faults = Vec::new();
    if !ran.code.is_some_and(|code| codes.contains(&code)) {
        faults.push(format!(
            "it ends with {:?} and not with {codes:?}: {}{}",
            ran.code, ran.stdout, ran.stderr
        ));
    }
    for text in [&ran.stdout, &ran.stderr] {
        if text.contains("panicked") {
            faults.push(format!("it panics: {text}"));
        }
        if text.chars().any(|letter| letter.is_control() && letter != '\n') {
            faults.push(format!("it sends control characters to the terminal: {text:?}"));
        }
    }
    faults
}

impl Held {
    fn differs(&self, file: &Node, path: &[u8], tree: &Tree, target: &Path) -> Option<String> {
        let kind = match (self.kind.as_ref()?, &file.kind) {
            (HeldKind::File(size), Kind::File { size_bytes, .. }) => size == size_bytes,
            (HeldKind::Directory, Kind::Directory) => true,
            (HeldKind::Symlink(expected), Kind::Symlink(found)) => expected == found,
            (HeldKind::HardLink(other), Kind::File { .. }) => {
                tree.get(other).is_some_and(|other| other.place.inode == file.place.inode)
            }
            _ => false,
        };
        let same = kind
            && self.mode.is_none_or(|mode| mode == file.mode)
            && self.owner.is_none_or(|owner| owner == file.owner)
            && self.modified.is_none_or(|modified| modified == file.modified)
            && self.sha256.as_ref().is_none_or(|expected| {
                *expected == tree::hexadecimal(&Sha256::digest(tree::content_of(target, path)))
            });
        (!same).then(|| format!("is {file:?} and not {self:?}"))
    }
}

fn row(line: &str) -> Row {
    let columns: Vec<&str> = line.split('\t').collect();
    let [archive, outcome, load, list, word, holds, _comment] = columns[..] else {
        panic!("{} columns: {line}", columns.len())
    };
    let outcome = match outcome {
        "refused" => Outcome::Refused,
        "skipped" => Outcome::Skipped,
        "loads" => Outcome::Loads,
        _ => panic!("{line}"),
    };
    Row {
        archive: archive.to_owned(),
        outcome,
        load: codes(load),
        list: codes(list),
        word: (word != "-").then(|| word.to_owned()),
        holds: all_held(holds),
    }
}

fn codes(column: &str) -> Vec<i32> {
    column.split(',').map(|code| code.parse().unwrap()).collect()
}

fn all_held(column: &str) -> BTreeMap<Vec<u8>, Held> {
    if column == "-" { BTreeMap::new() } else { column.split(' ').map(held).collect() }
}

fn held(word: &str) -> (Vec<u8>, Held) {
    let word = repeated(word);
    if let Some((path, target)) = word.split_once("->") {
        return (bytes(path), Held { kind: Some(HeldKind::Symlink(bytes(target))), ..Held::default() });
    }
    if let Some((path, other)) = word.split_once("==") {
        return (bytes(path), Held { kind: Some(HeldKind::HardLink(bytes(other))), ..Held::default() });
    }
    let mut held = Held::default();
    let begin = word.find([':', '@', '+', '~']).unwrap_or(word.len());
    let (what, mut rest) = word.split_at(begin);
    while let Some(sign) = rest.chars().next() {
        let end = rest[1..].find([':', '@', '+', '~']).map_or(rest.len(), |end| end + 1);
        let value = &rest[1..end];
        match sign {
            ':' => held.mode = Some(u32::from_str_radix(value, 8).unwrap()),
            '@' => {
                held.modified = value.split_once('.').map(|(s, n)| (s.parse().unwrap(), n.parse().unwrap()));
            }
            '+' => held.owner = value.split_once(',').map(|(u, g)| (u.parse().unwrap(), g.parse().unwrap())),
            _ => held.sha256 = Some(value.to_owned()),
        }
        rest = &rest[end..];
    }
    let (path, kind) = match what.strip_suffix('/') {
        Some(path) => (path, HeldKind::Directory),
        None => {
            what.rsplit_once('=').map(|(path, size)| (path, HeldKind::File(size.parse().unwrap()))).unwrap()
        }
    };
    held.kind = Some(kind);
    (bytes(path), held)
}

/// `<3*ab>` is `ababab`.
fn repeated(word: &str) -> String {
    let Some((before, rest)) = word.split_once('<') else { return word.to_owned() };
    let (inner, after) = rest.split_once('>').unwrap();
    let (count, text) = inner.split_once('*').unwrap();
    format!("{before}{}{}", text.repeat(count.parse().unwrap()), repeated(after))
}

/// `\x0a` is a newline.
fn bytes(text: &str) -> Vec<u8> {
    let mut pieces = text.split("\\x");
    let mut bytes = pieces.next().unwrap().as_bytes().to_vec();
    for piece in pieces {
        bytes.push(u8::from_str_radix(&piece[..2], 16).unwrap());
        bytes.extend_from_slice(&piece.as_bytes()[2..]);
    }
    bytes
}
