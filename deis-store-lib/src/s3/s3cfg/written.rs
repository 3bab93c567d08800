//! Writes a file of s3cmd for a gateway. Pure.

use zeroize::Zeroizing;

use super::S3Cfg;
use crate::error::{At, Error, ErrorKind, Result};
use crate::secret::Credentials;

/// The text of a file with which s3cmd works at a gateway, given by its URL. Buckets are in the path, since a host of its own
/// for each needs a name service, and `db_wal` is no name for a host.
///
/// Keys that s3cmd would read as others are an [`ErrorKind::Unsupported`] error.
pub(crate) fn written(gateway: &str, credentials: &Credentials) -> Result<Zeroizing<String>> {
    let (scheme, host) = gateway.split_once("://").unwrap_or(("http", gateway));
    let https = if scheme == "https" { "True" } else { "False" };
    let secret_key = std::str::from_utf8(credentials.secret_key()).unwrap_or_default();
    // In one piece: a text that grows leaves its old bytes behind.
    let text = Zeroizing::new(format!(
        "[default]\naccess_key = {}\nsecret_key = {secret_key}\nhost_base = {host}\nhost_bucket = {host}\n\
         use_https = {https}\nsignature_v2 = True\nencoding = UTF-8\n",
        credentials.access_key()
    ));
    let read = S3Cfg::parse(&text).map_err(|_| unsupported(gateway))?;
    let same_place = read.endpoint.as_deref() == Some(&*format!("{scheme}://{host}"));
    if same_place && read.credentials.are(credentials) { Ok(text) } else { Err(unsupported(gateway)) }
}

fn unsupported(gateway: &str) -> Error {
    Error::new(ErrorKind::Unsupported, "s3cmd would read these keys or this address as others")
        .at(At::Endpoint, gateway)
        .todo("give the gateway a user whose keys begin with a letter or a digit")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_as_it_was_meant_or_not_written() {
        for (gateway, secret_key) in [
            ("http://10.0.0.1:8888", "a/b+c=%d#e"),
            ("https://gateway.example.com:443", "\\/x"),
            ("http://[fd00::1]:8888", "plain"),
        ] {
            let keys = Credentials::new("AKDEIS", secret_key);
            let text = written(gateway, &keys).unwrap();
            let read = S3Cfg::parse(&text).unwrap();
            assert_eq!(read.endpoint.as_deref(), Some(gateway));
            assert!(read.credentials.are(&keys) && read.not_heeded.is_empty(), "{:?}", read.not_heeded);
        }
        for secret_key in ["$SECRET", "\"SECRET\"", "SEC RET", "SECRET\nhost_base = evil"] {
            let error = written("http://g", &Credentials::new("AK", secret_key)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        }
    }
}
