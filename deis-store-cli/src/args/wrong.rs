//! What clap says of words that it does not understand: it repeats them, and they may hold secrets or paint a terminal.

use clap::error::{ContextKind, ContextValue, ErrorKind};
use deis_store::error::{printable, without_secrets};

/// The longest word that is repeated.
const MOST_CHARS: usize = 80;

/// The error without what may be a secret: `KEY=VALUE` is repeated up to its `=`.
pub(super) fn without_values(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidArg, ContextKind::InvalidSubcommand, ContextKind::InvalidValue] {
        let Some(ContextValue::String(word)) = error.get(kind) else { continue };
        let (word, shown) = (word.clone(), shown(word));
        if shown != word {
            error.insert(kind, ContextValue::String(shown.clone()));
            // These repeat the word, too.
            for hint in [ContextKind::Suggested, ContextKind::SuggestedCommand, ContextKind::TrailingArg] {
                error.remove(hint);
            }
            // What checks a value repeats it, too.
            if error.kind() == ErrorKind::ValueValidation || error.to_string().contains(word.trim()) {
                let what = format!(
                    "'{shown}' is not understood here; it is not repeated, since it may be a secret\n"
                );
                return clap::Error::raw(error.kind(), what);
            }
        }
    }
    error
}

fn shown(word: &str) -> String {
    let word = without_secrets(word);
    let word = match word.split_once('=') {
        Some((key, _)) => format!("{key}=…"),
        None => word,
    };
    let short: String = word.chars().take(MOST_CHARS).collect();
    let more = if short.len() < word.len() { "…" } else { "" };
    printable(&short) + more
}

#[cfg(test)]
mod tests {
    use super::super::Args;

    #[test]
    fn a_word_that_may_be_a_secret_is_not_repeated() {
        let pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIhush";
        let long = format!("{}hush", "x".repeat(100));
        for words in [
            &["config", "router", "sslKey=hush"][..],
            &["config", "router", pem],
            &["config", "router", "set", "--sslKey=hush"],
            &["config", "router", "set", "-sslKey=hush"],
            &["backup", "/r", "secret=hush"],
            &["backup", "/r", "--only", pem],
            &["backup", "/r", "--bucket", "k=hush"],
            &["verify", "/r", "--sample", "k=hush"],
            &["restore", "/r", "--key", "sslKey=hush"],
            &["doctor", "/r", "secret=hush"],
            &["rehearse", "--seed", "http://me:hush@host"],
            &["verify", "/r", &long],
            &["http://me:hush@host"],
            &["--progress", "x=hush", "rehearse"],
            &["s3", "sync", "a", "b", "--max-delete", "k=hush"],
            &["s3", "put", "a", "s3://b", "--limit-rate", "k=hush"],
        ] {
            let words = ["deis-store"].iter().chain(words).map(std::ffi::OsString::from);
            let Err(error) = Args::read(words.clone()) else { panic!("{words:?}") };
            assert!(!error.to_string().contains("hush"), "{error}");
        }
        let painted = ["deis-store", "verify", "/r", "\u{1b}]0;x\u{7}"].map(std::ffi::OsString::from);
        assert!(!Args::read(painted).unwrap_err().to_string().contains('\u{7}'));
    }

    #[test]
    fn a_mistyped_word_is_still_repeated() {
        let words = ["deis-store", "bakcup"].map(std::ffi::OsString::from);
        assert!(Args::read(words).unwrap_err().to_string().contains("bakcup"));
    }
}
