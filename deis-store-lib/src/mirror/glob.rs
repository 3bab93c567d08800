//! Patterns of names, as s3cmd's `--exclude` and `--include` take them. Pure.

/// Whether a name matches a pattern: `*` is any text (also with `/`), `?` any character, `[a-z]` and `[!a-z]` one of
/// some. As with s3cmd the pattern must match to the end of the name, and may begin anywhere in it.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    (0..=name.len()).any(|begin| whole(&pattern, &name[begin..]))
}

/// Whether all of a name matches: at a mismatch the last `*` takes one character more.
fn whole(pattern: &[char], name: &[char]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        let next = match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
                continue;
            }
            Some(_) => one(&pattern[p..], name[n]),
            None => None,
        };
        if let Some(used) = next {
            p += used;
            n += 1;
        } else if let Some((at, taken)) = star {
            star = Some((at, taken + 1));
            (p, n) = (at + 1, taken + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

/// How much of a pattern one character uses up, if it matches.
fn one(pattern: &[char], character: char) -> Option<usize> {
    match pattern {
        ['?', ..] => Some(1),
        ['[', rest @ ..] => {
            let negated = rest.first() == Some(&'!');
            let set = if negated { &rest[1..] } else { rest };
            // A `]` that comes first is one of the set; a `[` without `]` is itself.
            let Some(end) = set.iter().skip(1).position(|c| *c == ']').map(|end| end + 1) else {
                return (character == '[').then_some(1);
            };
            let used = 2 + usize::from(negated) + end;
            (holds(&set[..end], character) != negated).then_some(used)
        }
        [literal, ..] => (*literal == character).then_some(1),
        [] => None,
    }
}

fn holds(set: &[char], character: char) -> bool {
    match set {
        [from, '-', to, rest @ ..] => (*from..=*to).contains(&character) || holds(rest, character),
        [one, rest @ ..] => *one == character || holds(rest, character),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_pythons_fnmatch_does_to_the_end_of_a_name() {
        let yes = [
            ("*.log", "a/b.log"),
            ("b.log", "a/b.log"),
            ("a/*", "a/b/c"),
            ("?", "é"),
            ("x[0-9]", "x7"),
            ("x[!0-9]", "xa"),
            ("[]]", "]"),
            ("[", "["),
            ("*", ""),
            ("a*b*c", "aXbXbYc"),
            ("tmp/*", "z/tmp/x"),
        ];
        for (pattern, name) in yes {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        let no = [
            ("*.log", "a.log.gz"),
            ("x[0-9]", "xa"),
            ("x[!0-9]", "x7"),
            ("?", ""),
            ("a*b", "a"),
            ("b", "bc"),
        ];
        for (pattern, name) in no {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }
}
