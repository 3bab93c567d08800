//! Secrets that the program can use, and never prints, logs or serialises.

use zeroize::Zeroizing;

#[cfg(any(feature = "client", test))]
use crate::error::{Error, ErrorKind, Result};

/// The keys of an S3 user. It has no `Display` and no `Serialize`, and its `Debug` shows nothing.
#[derive(Clone)]
pub struct Credentials {
    access_key: Zeroizing<String>,
    secret_key: Zeroizing<String>,
}

impl Credentials {
    /// The access key and the secret key, as radosgw made them.
    #[must_use]
    pub fn new(access_key: impl Into<String>, secret_key: impl Into<String>) -> Self {
        Self { access_key: Zeroizing::new(access_key.into()), secret_key: Zeroizing::new(secret_key.into()) }
    }

    /// The same, without white space at their ends: a file or a command gives a line end along. `None` if one is empty then.
    #[must_use]
    pub fn trimmed(access_key: &str, secret_key: &str) -> Option<Self> {
        let (access_key, secret_key) = (access_key.trim(), secret_key.trim());
        (!access_key.is_empty() && !secret_key.is_empty()).then(|| Self::new(access_key, secret_key))
    }

    /// An error that names the key that no server can have made: one with white space or control characters.
    #[cfg(any(feature = "client", test))]
    pub(crate) fn check(&self) -> Result<()> {
        for (name, key) in [("access key", &self.access_key), ("secret key", &self.secret_key)] {
            let what = match key.chars().find(|character| character.is_control() || character.is_whitespace())
            {
                Some('\n' | '\r') => "has a line end in it",
                Some(character) if character.is_whitespace() => "has white space in it",
                Some(_) => "has a control character in it",
                None => continue,
            };
            let error = Error::new(ErrorKind::Usage, format!("the {name} {what}"));
            return Err(error.todo("give the keys as radosgw made them"));
        }
        Ok(())
    }

    /// Whether the secret key looks as it does in JSON.
    #[cfg(any(feature = "client", test))]
    pub(crate) fn is_escaped(&self) -> bool {
        self.secret_key.contains("\\/")
    }

    /// The access key. It is only an identifier, but it is kept out of logs too.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
    }

    /// Whether they are the same as others.
    #[cfg(feature = "backup")]
    pub(crate) fn are(&self, others: &Self) -> bool {
        self.access_key == others.access_key && self.secret_key == others.secret_key
    }

    /// The bytes of the secret key, which sign requests.
    pub(crate) fn secret_key(&self) -> &[u8] {
        self.secret_key.as_bytes()
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_end_behind_a_key_is_taken_away_and_one_within_is_named() {
        let keys = Credentials::trimmed(" AK\n", "SK \r\n").unwrap();
        assert_eq!((keys.access_key(), keys.secret_key()), ("AK", &b"SK"[..]));
        keys.check().unwrap();
        assert!(Credentials::trimmed("AK", "\n").is_none() && Credentials::trimmed(" ", "SK").is_none());
        for (access_key, secret_key, named) in [
            ("A\nK", "SK", "the access key has a line end"),
            ("AK", "S K", "the secret key has white space"),
            ("AK", "SK\n", "the secret key has a line end"),
            ("AK", "S\u{1}K", "the secret key has a control character"),
        ] {
            let error = Credentials::new(access_key, secret_key).check().unwrap_err();
            assert!(error.to_string().starts_with(named), "{error}");
        }
        assert!(Credentials::new("AK", "S\\/K").is_escaped() && !Credentials::new("AK", "S/K").is_escaped());
    }

    #[test]
    fn debug_shows_neither_key() {
        let shown = format!("{:?}", Credentials::new("AKIDEIS", "SECRETDEIS"));
        assert_eq!(shown, "Credentials(..)");
    }
}
