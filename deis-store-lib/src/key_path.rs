//! Which key is which path (`docs/format.md`, "Key ⇄ path"): pure, reversible, injective.
//!
//! A path is a list of components, since no path is ever given to the kernel whole. Every `%x` made here that is not
//! two hex digits is ours: `%-` an empty component, `%~` more of it follows, `%+` its name was taken; and `%part.`, which
//! no key makes, is a file that is being written.

use crate::hash::lower_hex;

/// Longer components (escaped, in bytes) are cut: file systems allow 255, and a suffix must fit.
const LONGEST_BYTES: usize = 240;
const PIECE_BYTES: usize = 200;

/// The components of the path of a key.
#[must_use]
pub fn encode(key: &str) -> Vec<String> {
    let mut path = Vec::new();
    for component in key.split('/') {
        encode_component(component, &mut path);
    }
    path
}

/// The key of a path; `None` if the path is not one that [`encode`] makes, apart from each component's `%+`.
#[must_use]
pub fn decode<S: AsRef<str>>(path: &[S]) -> Option<String> {
    match path {
        [only] if is_plain(only.as_ref()) => return Some(only.as_ref().to_owned()),
        [_, ..] if path.iter().all(|component| is_plain(component.as_ref())) => {
            return Some(path.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("/"));
        }
        _ => {}
    }
    let mut key = String::new();
    let mut joined = true;
    let plain = || path.iter().map(|component| without_suffix(component.as_ref()));
    for component in plain() {
        if !joined {
            key.push('/');
        }
        let piece = component.strip_suffix("%~");
        joined = piece.is_some();
        unescape(piece.unwrap_or(component), &mut key)?;
    }
    // The canonical form is whatever encode makes: this one comparison refuses every other spelling.
    (!path.is_empty() && !joined && plain().eq(encode(&key).iter().map(String::as_str))).then_some(key)
}

/// The suffix that a name takes when a file stands where a directory should, or a directory where a file should.
pub(crate) const TAKEN: &str = "%+";

fn without_suffix(component: &str) -> &str {
    component.strip_suffix(TAKEN).unwrap_or(component)
}

/// Whether a component is its own name, as nearly all are.
fn is_plain(component: &str) -> bool {
    !matches!(component, "" | "." | "..")
        && component.len() <= LONGEST_BYTES
        && component.bytes().all(|byte| !matches!(byte, b'%' | b'/' | 0..=0x1f | 0x7f))
}

fn encode_component(component: &str, path: &mut Vec<String>) {
    if is_plain(component) {
        path.push(component.to_owned());
        return;
    }
    let mut whole = String::with_capacity(component.len());
    let mut cuts = vec![0];
    for character in component.chars() {
        let start = whole.len();
        match character {
            '%' | '\0'..='\x1f' | '\x7f' => escape(character, &mut whole),
            _ => whole.push(character),
        }
        // Pieces are cut greedily, before the character or escape that no longer fits.
        if whole.len() - cuts[cuts.len() - 1] > PIECE_BYTES {
            cuts.push(start);
        }
    }
    if whole.len() <= LONGEST_BYTES {
        path.push(named(&whole));
        return;
    }
    cuts.push(whole.len());
    let last = cuts.len() - 2;
    for (index, cut) in cuts.windows(2).enumerate() {
        let piece = &whole[cut[0]..cut[1]];
        path.push(if index == last { named(piece) } else { format!("{piece}%~") });
    }
}

/// A name that a file system takes: never empty, never one that means this or the parent directory.
fn named(escaped: &str) -> String {
    match escaped {
        "" => "%-".to_owned(),
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        name => name.to_owned(),
    }
}

fn escape(character: char, text: &mut String) {
    text.push('%');
    text.push_str(&lower_hex(&[character as u8]).to_uppercase());
}

fn unescape(component: &str, key: &mut String) -> Option<()> {
    if component == "%-" {
        return Some(());
    }
    let mut rest = component;
    while let Some((before, after)) = rest.split_once('%') {
        key.push_str(before);
        let byte = u8::from_str_radix(after.get(..2)?, 16).ok()?;
        key.push(char::from(byte));
        rest = &after[2..];
    }
    key.push_str(rest);
    Some(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn path(key: &str) -> String {
        encode(key).join("/")
    }

    #[test]
    fn ordinary_keys_are_their_own_path() {
        for key in
            ["basebackups_005/base_0001/tar_partitions/part_00000000.tar.lzo", "a b+c~d&é/€.x", "-", "~"]
        {
            assert_eq!(path(key), key);
        }
    }

    #[test]
    fn percent_and_control_characters_are_escaped_in_upper_hex() {
        assert_eq!(path("50%/\0\x1f\x7f\n"), "50%25/%00%1F%7F%0A");
        assert_eq!(path("%part.x"), "%25part.x");
    }

    #[test]
    fn empty_components_and_dots_get_a_name() {
        let examples = [
            ("/a", "%-/a"),
            ("d/", "d/%-"),
            ("a//b", "a/%-/b"),
            (".", "%2E"),
            ("a/../b", "a/%2E%2E/b"),
            ("...", "..."),
        ];
        for (key, expected) in examples {
            assert_eq!(path(key), expected);
        }
    }

    #[test]
    fn long_components_are_cut_at_200_bytes_but_not_up_to_240() {
        assert_eq!(encode(&"x".repeat(240)), ["x".repeat(240)]);
        assert_eq!(encode(&"x".repeat(241)), [format!("{}%~", "x".repeat(200)), "x".repeat(41)]);
        let cut_before_character = encode(&format!("{}€{}", "x".repeat(198), "y".repeat(60)));
        assert_eq!(cut_before_character[0], format!("{}%~", "x".repeat(198)));
        let cut_before_escape = encode(&format!("{}%{}", "x".repeat(199), "y".repeat(60)));
        assert_eq!(cut_before_escape[1], format!("%25{}", "y".repeat(60)));
    }

    #[test]
    fn a_last_piece_of_dots_is_escaped_like_a_component_of_dots() {
        assert_eq!(encode(&format!("{}.", "x".repeat(400)))[2], "%2E");
        assert_eq!(encode(&format!("{}..", "x".repeat(400)))[2], "%2E%2E");
    }

    #[test]
    fn a_taken_name_decodes_to_its_key() {
        assert_eq!(decode(&["a%+", "b"]).as_deref(), Some("a/b"));
        assert_eq!(decode(&["%-%+"]).as_deref(), Some(""));
        let [long, rest] = &encode(&"x".repeat(300))[..] else { panic!("two pieces") };
        assert_eq!(decode(&[&format!("{long}%+"), rest]), Some("x".repeat(300)));
    }

    #[test]
    fn other_spellings_are_no_path_of_ours() {
        let long = "x".repeat(241);
        let wrong: [&[&str]; 16] = [
            &[],
            &[""],
            &["."],
            &["a", ".."],
            &["a/b"],
            &["a%2f"],
            &["%7f"],
            &["%41"],
            &["%"],
            &["%2"],
            &["%€"],
            &["a%+%+"],
            &["a%~"],
            &["a%~", "b"],
            &[&long],
            &["%part.00000000000000000000000000000000.-"],
        ];
        for path in wrong {
            assert_eq!(decode(path), None, "{path:?}");
        }
    }

    fn hostile() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            4 => prop::sample::select(vec!["/", ".", "..", "%", "%+", "%~", "%-", "%2E", "%part.", "a", "A", "\0", "é", "€"])
                .prop_map(str::to_owned),
            1 => (prop::sample::select(vec!["x", "%", "€", ".", "\n"]), 30..260_usize).prop_map(|(c, n)| c.repeat(n)),
            1 => any::<char>().prop_map(String::from),
        ];
        prop::collection::vec(token, 0..12).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn every_key_comes_back(key in hostile()) {
            prop_assert_eq!(decode(&encode(&key)), Some(key));
        }

        #[test]
        fn every_component_is_a_name_that_a_file_system_takes(key in hostile()) {
            for component in encode(&key) {
                prop_assert!(component.len() + TAKEN.len() <= 250);
                prop_assert!(!["", ".", ".."].contains(&component.as_str()));
                prop_assert!(!component.contains(['/', '\0']));
                prop_assert!(!component.starts_with("%part.") && !component.ends_with(TAKEN));
            }
        }

        #[test]
        fn no_two_keys_have_one_path(keys in prop::collection::vec(hostile(), 2..40)) {
            let mut seen: HashMap<_, String> = HashMap::new();
            for key in keys {
                if let Some(other) = seen.insert(encode(&key), key.clone()) {
                    prop_assert_eq!(other, key);
                }
            }
        }

        #[test]
        fn what_decodes_is_spelled_as_encode_spells_it(path in prop::collection::vec("[ab.%+~2E-]{0,6}", 1..4)) {
            if let Some(key) = decode(&path) {
                let plain: Vec<_> = path.iter().map(|component| without_suffix(component)).collect();
                prop_assert_eq!(encode(&key), plain);
            }
        }
    }
}
