//! One regular expression of Python's, as far as it means the same to the crate `regex`. Pure.
//!
//! One that could mean something else is refused: it might exclude too little from a deletion.

use regex::Regex;

use crate::error::{At, Error, ErrorKind, Result};

#[derive(Clone, Debug)]
pub(super) struct PythonRegex(Regex);

impl PythonRegex {
    pub(super) fn new(text: &str) -> Result<Self> {
        let refused = |why: &str| {
            Error::new(ErrorKind::Usage, format!("this regular expression {why}"))
                .at(At::Argument, text)
                .todo("say it in another way, or with a shell pattern")
        };
        let translated = translated(text).map_err(&refused)?;
        Regex::new(&translated).map(Self).map_err(|error| refused("cannot be used here").because(error))
    }

    /// Whether it matches anywhere in a path.
    pub(super) fn is_in(&self, path: &str) -> bool {
        self.0.is_match(path)
    }
}

/// What is a part of a word.
const WORD: &str = "\\p{L}\\p{N}_";

/// The same expression in the syntax of the crate; or why it cannot be said in it.
fn translated(text: &str) -> Result<String, &'static str> {
    let (mut out, mut in_class) = (String::with_capacity(text.len() + 2), None);
    let mut rest = text.char_indices().peekable();
    while let Some((at, character)) = rest.next() {
        let next = rest.peek().map(|(_, next)| *next);
        match (character, in_class) {
            ('\\', _) => {
                let Some((_, escaped)) = rest.next() else { return Err("ends in a backslash") };
                match escaped {
                    'Z' if in_class.is_none() => out.push_str("\\z"),
                    // Words' ends and more are other things in Python; numbers are references and octal digits.
                    '<' | '>' if in_class.is_none() => out.push(escaped),
                    'z' | 'B' if in_class.is_some() => return Err("has an escape that Python does not know"),
                    'b' if in_class.is_some() => out.push_str("\\x08"),
                    // To Python an accent that stands alone is no part of a word.
                    'w' if in_class.is_some() => out.push_str(WORD),
                    'w' => out.extend(["[", WORD, "]"]),
                    'W' if in_class.is_none() => out.extend(["[^", WORD, "]"]),
                    'A' | 'B' | 'b' | 'D' | 'd' | 'S' | 's' | 'a' | 'f' | 'n' | 'r' | 't' | 'v' | 'x'
                    | 'u' | 'U' => {
                        out.push('\\');
                        out.push(escaped);
                    }
                    _ if escaped.is_ascii_alphanumeric() => {
                        return Err("has a reference or an escape that is not known here");
                    }
                    _ => out.push_str(&regex::escape(&escaped.to_string())),
                }
            }
            // A `]` that comes first is one of the characters.
            (']', Some(begin)) if at == begin => out.push_str("\\]"),
            (']', Some(_)) => {
                in_class = None;
                out.push(']');
            }
            ('[', Some(_)) => out.push_str("\\["),
            ('&' | '~' | '|', Some(_)) => {
                out.push('\\');
                out.push(character);
            }
            ('-', Some(_)) if next == Some('-') => return Err("has `--` among characters"),
            ('[', None) => {
                out.push('[');
                let mut begin = at + 1;
                if next == Some('^') {
                    rest.next();
                    out.push('^');
                    begin += 1;
                }
                in_class = Some(begin);
            }
            ('*' | '+' | '?' | '}', None) if matches!(next, Some('+' | '*')) => {
                return Err("repeats a repetition");
            }
            ('{', None) if next == Some(',') => {
                return Err("has a repetition without its least number: say {0,n}");
            }
            ('$', None) => out.push_str("(?:$|\\n?\\z)"),
            ('(', None) if text[at..].starts_with("(?") => {
                let group = &text[at + 2..];
                // Lookarounds, conditions, comments and named references; flags in the middle are Python's error.
                let known = [":", "P<", "s:", "i:", "m:"].iter().any(|known| group.starts_with(known))
                    || at == 0 && ["i)", "s)", "m)"].iter().any(|known| group.starts_with(known));
                if !known {
                    return Err("has a group of a kind that is not known here");
                }
                out.push('(');
            }
            _ => out.push(character),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_python_and_we_understand_alike_is_matched_anywhere_in_a_path() {
        for (text, path, matches) in [
            ("b", "a/b/c", true),
            ("^b", "a/b/c", false),
            ("(a|x)/.*\\.log$", "a/b/c.log", true),
            ("\\.log\\Z", "c.log.gz", false),
            ("[]x]", "]", true),
            ("[^]x]", "]", false),
            ("[[a]", "[", true),
            ("[a&&b]", "&", true),
            ("\\d{2,3}", "a12", true),
            ("log$", "log\n", true),
            ("log\\Z", "log\n", false),
            ("a\\-b\\/c", "a-b/c", true),
            ("(?i)LOG", "log", true),
            ("é.", "éé", true),
            ("\\<a", "<a", true),
            ("^\\w+$", "é_1", true),
            ("^\\w+$", "e\u{301}", false),
            ("a+?b{2,3}?", "aabb", true),
        ] {
            assert_eq!(PythonRegex::new(text).unwrap().is_in(path), matches, "{text} {path:?}");
        }
    }

    #[test]
    fn what_might_mean_something_else_is_refused_by_name() {
        for text in [
            "(?!a)", "(?<=a)b", "(a)\\1", "a{,3}", "(?#x)", "[a--b]", "(", "a\\", "(?P=n)", "\\p{L}", "*a",
            "a++", "[\\W]",
        ] {
            let error = PythonRegex::new(text).unwrap_err();
            assert_eq!((error.kind(), error.place().get(At::Argument)), (ErrorKind::Usage, Some(text)));
        }
    }
}
