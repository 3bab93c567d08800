//! The `Content-Type` of a file, from its name alone, with s3cmd's meaning. Pure.

/// Which `Content-Type` files get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentTypes {
    /// Whether the suffix of a file's name says its type.
    pub by_name: bool,
    /// The type where that says nothing; without one, the gateway's own, `binary/octet-stream`.
    pub otherwise: Option<String>,
}

impl Default for ContentTypes {
    fn default() -> Self {
        Self { by_name: true, otherwise: None }
    }
}

impl ContentTypes {
    /// The type of a file of this name, or path.
    #[must_use]
    pub(crate) fn of(&self, name: &str) -> Option<&str> {
        let guessed = if self.by_name { guess(name) } else { None };
        guessed.or(self.otherwise.as_deref())
    }
}

/// Suffixes that say only how a file is packed: the suffix before them says its type.
const PACKED: [&str; 5] = [".gz", ".Z", ".bz2", ".xz", ".br"];

/// Suffixes that stand for two.
const PACKED_TAR: [&str; 5] = ["tgz", "taz", "tz", "tbz2", "txz"];

/// As Python's `mimetypes` guesses, and so s3cmd: a packed file has the type of what is in it, and one that is only known
/// to be packed has none.
fn guess(name: &str) -> Option<&'static str> {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = PACKED.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    let (before, suffix) = name.rsplit_once('.')?;
    if before.trim_start_matches('.').is_empty() {
        return None;
    }
    let suffix = suffix.to_ascii_lowercase();
    let suffix = if PACKED_TAR.contains(&&*suffix) { "tar" } else { &suffix };
    mime_guess::from_ext(suffix).first_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_says_the_type_and_a_packed_file_has_that_of_what_is_in_it() {
        for (name, expected) in [
            ("a/b.json", Some("application/json")),
            ("b.TXT", Some("text/plain")),
            ("b.txt.gz", Some("text/plain")),
            ("b.tar.gz", Some("application/x-tar")),
            ("b.tgz", Some("application/x-tar")),
            ("b.gz", None),
            ("part_00000000.tar.lzo", None),
            ("none", None),
            ("a.txt/none", None),
            (".json", None),
            ("b.", None),
            ("", None),
        ] {
            assert_eq!(ContentTypes::default().of(name), expected, "{name}");
        }
    }

    #[test]
    fn what_is_said_counts_where_the_name_says_nothing_or_is_not_asked() {
        let otherwise = Some("text/x".to_owned());
        let by_name = ContentTypes { by_name: true, otherwise: otherwise.clone() };
        assert_eq!((by_name.of("a.json"), by_name.of("a")), (Some("application/json"), Some("text/x")));
        let said = ContentTypes { by_name: false, otherwise };
        assert_eq!(said.of("a.json"), Some("text/x"));
    }
}
