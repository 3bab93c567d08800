//! Reads the part of a `~/.s3cfg` that says where the gateway is and who we are.
//!
//! s3cmd reads lines of `key = value` with values verbatim and quotes around them stripped; so is it here. Pure: the
//! caller reads the file and checks its mode.

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Credentials;

/// What a `.s3cfg` says.
#[derive(Clone, Debug)]
pub struct S3Cfg {
    /// The keys.
    pub credentials: Credentials,
    /// The gateway's URL, from `host_base` and `use_https`; path style whatever `host_bucket` says.
    pub endpoint: Option<String>,
}

impl S3Cfg {
    /// Reads the text of the file.
    pub fn parse(text: &str) -> Result<Self> {
        let value = |name: &str| {
            text.lines()
                .filter_map(|line| line.split_once('='))
                .filter(|(key, _)| key.trim() == name)
                .map(|(_, value)| unquote(value.trim()))
                .next_back()
                .filter(|value| !value.is_empty())
        };
        let missing = |name: &str| {
            Error::new(ErrorKind::Usage, format!("the file has no {name}"))
                .todo("make one with `s3cmd --configure`")
        };
        let access_key = value("access_key").ok_or_else(|| missing("access_key"))?;
        let secret_key = value("secret_key").ok_or_else(|| missing("secret_key"))?;
        let https = value("use_https")
            .is_some_and(|text| ["true", "yes", "on", "1"].contains(&&*text.to_lowercase()));
        let scheme = if https { "https" } else { "http" };
        Ok(Self {
            credentials: Credentials::new(access_key, secret_key),
            endpoint: value("host_base").map(|host| format!("{scheme}://{host}")),
        })
    }
}

fn unquote(value: &str) -> &str {
    let quoted = value.len() >= 2
        && ['"', '\''].iter().any(|quote| value.starts_with(*quote) && value.ends_with(*quote));
    if quoted { &value[1..value.len() - 1] } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_verbatim_and_quotes_are_stripped() {
        let text = "[default]\naccess_key = AK\nsecret_key = \"a%b=/+c\"\nhost_base = deis-store.example.com\n\
                    host_bucket = deis-store.example.com\nuse_https = No\n# secret_key = no\n";
        let cfg = S3Cfg::parse(text).unwrap();
        assert_eq!(cfg.credentials.access_key(), "AK");
        assert_eq!(cfg.credentials.secret_key(), b"a%b=/+c");
        assert_eq!(cfg.endpoint.as_deref(), Some("http://deis-store.example.com"));
    }

    #[test]
    fn a_file_without_keys_is_refused_by_name() {
        assert_eq!(S3Cfg::parse("access_key = x").unwrap_err().to_string(), "the file has no secret_key");
    }
}
