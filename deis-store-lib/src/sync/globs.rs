//! Which keys are left out by shell patterns, with s3cmd's meaning. Pure.
//!
//! s3cmd matches a pattern with the *end* of the path below the place that was named: `*.log` and `app.log` match in
//! every directory, and `*` and `?` match slashes too.

use crate::s3::BucketName;
use crate::transfer::Selection;

/// Patterns that leave paths out, and patterns that take some of these in again.
#[derive(Clone, Debug, Default)]
pub struct Globs {
    exclude: Vec<Glob>,
    include: Vec<Glob>,
}

impl Globs {
    /// The patterns of `--exclude` and `--include`.
    pub fn new<S: AsRef<str>>(exclude: &[S], include: &[S]) -> Self {
        let parse = |globs: &[S]| globs.iter().map(|glob| Glob::parse(glob.as_ref())).collect();
        Self { exclude: parse(exclude), include: parse(include) }
    }

    /// Whether there are no patterns that leave out.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.exclude.is_empty()
    }

    /// The objects below a prefix whose paths are not left out. A path is the key without what the prefix has up to its
    /// last `/`.
    #[must_use]
    pub fn select(&self, bucket: &BucketName, prefix: &str) -> Selection {
        let all = Selection::new(bucket, prefix);
        if self.is_empty() {
            return all;
        }
        let (globs, below) = (self.clone(), all.clone());
        all.filter(move |key| !globs.leave_out(below.below(key)))
    }

    /// Whether this path is left out.
    #[must_use]
    pub(crate) fn leave_out(&self, path: &str) -> bool {
        if self.exclude.is_empty() {
            return false;
        }
        let path: Vec<char> = path.chars().collect();
        let any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches_end(&path));
        any(&self.exclude) && !any(&self.include)
    }
}

/// A pattern as Python's `fnmatch` reads it.
#[derive(Clone, Debug)]
struct Glob(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    /// `*`
    Anything,
    /// `?`
    One,
    /// `[a-z]`, or `[!a-z]` with `not`.
    OneOf {
        not: bool,
        ranges: Vec<(char, char)>,
    },
    Character(char),
}

impl Glob {
    fn parse(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        // It may begin anywhere.
        let (mut pieces, mut at) = (vec![Piece::Anything], 0);
        while let Some(character) = characters.get(at) {
            at += 1;
            pieces.push(match character {
                '*' => Piece::Anything,
                '?' => Piece::One,
                '[' => match one_of(&characters[at..]) {
                    Some((piece, length)) => {
                        at += length;
                        piece
                    }
                    // Never closed: it is itself.
                    None => Piece::Character('['),
                },
                character => Piece::Character(*character),
            });
        }
        pieces.dedup_by(|a, b| (&*a, &*b) == (&Piece::Anything, &Piece::Anything));
        Self(pieces)
    }

    /// Goes back to the last `*` alone, so that no pattern takes more than path times pattern.
    fn matches_end(&self, path: &[char]) -> bool {
        let (mut piece, mut at) = (0, 0);
        let mut back: Option<(usize, usize)> = None;
        loop {
            match (self.0.get(piece), path.get(at)) {
                (None, None) => return true,
                (Some(Piece::Anything), _) => {
                    piece += 1;
                    back = Some((piece, at));
                    continue;
                }
                (Some(wanted), Some(character)) if wanted.is(*character) => {
                    piece += 1;
                    at += 1;
                    continue;
                }
                _ => {}
            }
            match &mut back {
                Some((after, from)) if *from < path.len() => {
                    *from += 1;
                    (piece, at) = (*after, *from);
                }
                _ => return false,
            }
        }
    }
}

impl Piece {
    fn is(&self, character: char) -> bool {
        match self {
            Self::Anything | Self::One => true,
            Self::OneOf { not, ranges } => {
                *not != ranges.iter().any(|(first, last)| (*first..=*last).contains(&character))
            }
            Self::Character(own) => *own == character,
        }
    }
}

/// The piece that stands after a `[`, and its length with the `]`. A `]` that comes first is one of the characters.
fn one_of(rest: &[char]) -> Option<(Piece, usize)> {
    let not = rest.first() == Some(&'!');
    let begin = usize::from(not);
    let end = begin + 1 + rest.get(begin + 1..)?.iter().position(|character| *character == ']')?;
    let (inside, mut ranges, mut at) = (&rest[begin..end], Vec::new(), 0);
    while at < inside.len() {
        if at + 2 < inside.len() && inside[at + 1] == '-' {
            ranges.push((inside[at], inside[at + 2]));
            at += 3;
        } else {
            ranges.push((inside[at], inside[at]));
            at += 1;
        }
    }
    Some((Piece::OneOf { not, ranges }, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_end_of_a_path_as_pythons_fnmatch_does() {
        for (glob, path, matches) in [
            ("*.log", "a/b.log", true),
            ("b.log", "a/b.log", true),
            ("a/b.log", "x/a/b.log", true),
            ("*.log", "b.logs", false),
            ("a*", "x/a/b", true),
            ("a?c", "a/c", true),
            ("a?c", "abbc", false),
            ("[0-9][!a-c]", "7d", true),
            ("[0-9][!a-c]", "7b", false),
            ("[]x]", "]", true),
            ("[!]]", "]", false),
            ("[ab", "[ab", true),
            ("[a-]", "-", true),
            ("*a*a*a*b", &"a".repeat(2000), false),
            ("", "anything", true),
            ("é?", "éé", true),
        ] {
            let globs = Globs::new(&[glob], &[]);
            assert_eq!(globs.leave_out(path), matches, "{glob} {path}");
        }
    }

    #[test]
    fn patterns_are_matched_with_the_path_and_not_with_the_key() {
        let below_a = Globs::new(&["a/b"], &[]).select(&BucketName::new("abc").unwrap(), "a/");
        assert!(below_a.wants("a/b"));
        assert!(!below_a.wants("a/a/b"));
    }

    #[test]
    fn what_is_included_again_is_not_left_out() {
        let globs = Globs::new(&["*"], &["*.txt"]);
        assert!(globs.leave_out("a.log"));
        assert!(!globs.leave_out("a.txt"));
        assert!(!Globs::new(&[], &["*.txt"]).leave_out("a.log"), "nothing was left out to be taken in again");
    }
}
