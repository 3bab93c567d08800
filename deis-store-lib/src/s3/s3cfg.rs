//! Reads the part of a `~/.s3cfg` that says where the gateway is, how it is reached and who we are.
//!
//! s3cmd reads lines of `key = value` with values verbatim and quotes around them stripped; so is it here. Pure: the
//! caller reads the file and checks its mode.

use std::num::NonZeroU64;

use crate::error::{Error, ErrorKind, Result};
use crate::secret::Credentials;

/// The settings of a `.s3cfg`.
#[derive(Clone, Debug)]
pub struct S3Cfg {
    /// The keys.
    pub credentials: Credentials,
    /// The gateway's URL, from `host_base` and `use_https`; path style whatever `host_bucket` says.
    pub endpoint: Option<String>,
    /// Where the PEM file with the authorities to trust is: `ca_certs_file`.
    pub ca_certs_file: Option<String>,
    /// Whether to check the gateway's certificate: `check_ssl_certificate`.
    pub check_certificate: bool,
    /// The proxy's URL, from `proxy_host` and `proxy_port`.
    pub proxy: Option<String>,
    /// Bytes of bodies a second at most: `limitrate`.
    pub bytes_per_second: Option<NonZeroU64>,
    /// Whether the suffix of a file's name says its type: `guess_mime_type`.
    pub guess_mime_type: bool,
    /// The type where it says nothing: `default_mime_type`.
    pub default_mime_type: Option<String>,
}

/// The port that s3cmd takes for a proxy.
const PROXY_PORT: u16 = 3128;

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
        let says = |name: &str, words: [&str; 4]| {
            value(name).is_some_and(|text| words.contains(&&*text.to_lowercase()))
        };
        let scheme = if says("use_https", YES) { "https" } else { "http" };
        let proxy_port = || {
            value("proxy_port").map_or(Ok(PROXY_PORT), |port| {
                port.parse()
                    .map_err(|_| Error::new(ErrorKind::Usage, "proxy_port is not the number of a port"))
            })
        };
        let proxy = value("proxy_host")
            .map(|host| proxy_port().map(|port: u16| format!("http://{host}:{port}")))
            .transpose()?;
        Ok(Self {
            credentials: Credentials::new(access_key, secret_key),
            endpoint: value("host_base").map(|host| format!("{scheme}://{host}")),
            ca_certs_file: value("ca_certs_file").map(str::to_owned),
            // A value that is neither yes nor no must not switch it off.
            check_certificate: !says("check_ssl_certificate", NO),
            proxy,
            bytes_per_second: value("limitrate").map_or(Ok(None), bytes_per_second)?,
            guess_mime_type: !says("guess_mime_type", NO),
            default_mime_type: value("default_mime_type").map(str::to_owned),
        })
    }
}

/// A rate: a whole number of bytes, with `k` of KiB, with `m` of MiB; 0 is no limit.
fn bytes_per_second(text: &str) -> Result<Option<NonZeroU64>> {
    let (number, shift) = match text.char_indices().next_back() {
        Some((at, 'k' | 'K')) => (&text[..at], 10),
        Some((at, 'm' | 'M')) => (&text[..at], 20),
        _ => (text, 0),
    };
    let rate = number.parse::<u64>().ok().and_then(|number| number.checked_mul(1 << shift));
    rate.map(NonZeroU64::new).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "limitrate is not a number of bytes a second, perhaps with k or m")
    })
}

/// s3cmd's words for yes and no, in any case.
const YES: [&str; 4] = ["true", "yes", "on", "1"];
const NO: [&str; 4] = ["false", "no", "off", "0"];

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
    fn whatever_host_bucket_says_the_style_is_by_path() {
        for host_bucket in
            ["%(bucket)s.store.example.com", "%(bucket).store.example.com", "store.example.com/%(bucket)", ""]
        {
            // As the page of Deis' manual had it, with the line that its own s3cmd needed.
            let lines = format!(
                "bucket_location = US\nhost_base = store.example.com\nhost_bucket = {host_bucket}\n\
                 use_https = False\nsignature_v2 = True\nuse_path_mode = True\n"
            );
            let cfg = with(&lines).unwrap();
            assert_eq!(cfg.endpoint.as_deref(), Some("http://store.example.com"), "{host_bucket}");
        }
    }

    const KEYS: &str = "[default]\naccess_key = AK\nsecret_key = SK\n";

    fn with(lines: &str) -> Result<S3Cfg> {
        S3Cfg::parse(&format!("{KEYS}{lines}"))
    }

    #[test]
    fn https_is_as_the_file_says() {
        let lines =
            "host_base = gateway.example.com:443\nuse_https = True\n  ca_certs_file=/etc/our own/ca.pem\n";
        let cfg = with(lines).unwrap();
        assert_eq!(cfg.endpoint.as_deref(), Some("https://gateway.example.com:443"));
        assert_eq!(cfg.ca_certs_file.as_deref(), Some("/etc/our own/ca.pem"));
        assert!(cfg.check_certificate);
        let cfg = with("ca_certs_file = \nuse_https = on").unwrap();
        assert_eq!((cfg.endpoint, cfg.ca_certs_file, cfg.proxy), (None, None, None));
    }

    #[test]
    fn a_certificate_is_checked_unless_the_file_says_no() {
        for no in ["False", "no", "OFF", "0", "\"No\""] {
            assert!(!with(&format!("check_ssl_certificate = {no}")).unwrap().check_certificate, "{no}");
        }
        for yes in ["True", "1", "", "none", "nope"] {
            assert!(with(&format!("check_ssl_certificate = {yes}")).unwrap().check_certificate, "{yes}");
        }
        assert!(
            with("# check_ssl_certificate = False\ncheck_ssl_hostname = False").unwrap().check_certificate
        );
    }

    #[test]
    fn a_proxy_has_s3cmds_port_unless_the_file_says_another() {
        let proxy = |lines| with(lines).unwrap().proxy;
        assert_eq!(proxy("proxy_host = proxy\nproxy_port = 8080"), Some("http://proxy:8080".to_owned()));
        assert_eq!(proxy("proxy_host = proxy"), Some("http://proxy:3128".to_owned()));
        assert_eq!(proxy("proxy_host = \nproxy_port = none"), None);
        assert_eq!(with("proxy_host = proxy\nproxy_port = http").unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn types_are_guessed_unless_the_file_says_no() {
        let types = |lines| with(lines).map(|cfg| (cfg.guess_mime_type, cfg.default_mime_type)).unwrap();
        assert_eq!(types(""), (true, None));
        let said = "guess_mime_type = False\ndefault_mime_type = text/x-own\n";
        assert_eq!(types(said), (false, Some("text/x-own".to_owned())));
    }

    #[test]
    fn a_rate_has_s3cmds_units_and_zero_is_no_limit() {
        let rate = |text| with(&format!("limitrate = {text}")).map(|cfg| cfg.bytes_per_second.map(u64::from));
        for (text, expected) in
            [("", None), ("0", None), ("500", Some(500)), ("50k", Some(51_200)), ("2M", Some(2 << 20))]
        {
            assert_eq!(rate(text).unwrap(), expected, "{text}");
        }
        for wrong in ["fast", "-1", "1g", "1.5m", "k", "99999999999999m"] {
            assert_eq!(rate(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
    }

    #[test]
    fn a_file_without_keys_is_refused_by_name() {
        assert_eq!(S3Cfg::parse("access_key = x").unwrap_err().to_string(), "the file has no secret_key");
    }
}
