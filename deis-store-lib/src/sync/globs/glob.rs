//! One shell pattern, as Python's `fnmatch` reads it, matched with the end of a path. Pure.

/// A pattern as Python's `fnmatch` reads it.
#[derive(Clone, Debug)]
pub(super) struct Glob(Vec<Piece>);

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
    pub(super) fn parse(text: &str) -> Self {
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
    pub(super) fn matches_end(&self, path: &[char]) -> bool {
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
            ("[z-a]", "z", false),
            ("[!z-a]", "z", true),
            ("*a*a*a*b", &"a".repeat(2000), false),
            ("", "anything", true),
            ("é?", "éé", true),
        ] {
            let path: Vec<char> = path.chars().collect();
            assert_eq!(Glob::parse(glob).matches_end(&path), matches, "{glob} {path:?}");
        }
    }
}
