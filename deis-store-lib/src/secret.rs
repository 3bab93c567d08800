//! Secrets that the program can use, and never prints, logs or serialises.

use zeroize::Zeroizing;

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

    /// The access key. It is only an identifier, but it is kept out of logs too.
    #[must_use]
    pub fn access_key(&self) -> &str {
        &self.access_key
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
    fn debug_shows_neither_key() {
        let shown = format!("{:?}", Credentials::new("AKIDEIS", "SECRETDEIS"));
        assert_eq!(shown, "Credentials(..)");
    }
}
