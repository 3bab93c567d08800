//! The name of a file that is being written: it tells the object and its bytes from others. Pure.

use crate::hash::{Sha256, lower_hex};

/// How the name of every file begins that is being written.
pub(crate) const PARTIAL: &str = "%part.";

/// The name of the file, beside its target, that holds what has come of an object so far. Without an `ETag` that
/// identifies the bytes no run resumes it.
#[must_use]
pub(crate) fn partial_name(key: &str, etag: &str) -> String {
    let digest = lower_hex(&Sha256::of(key.as_bytes()).0[..16]);
    let etag = if is_resumable(etag) { etag } else { "-" };
    format!("{PARTIAL}{digest}.{etag}")
}

/// Whether a name is one that [`partial_name`] makes. Nothing else is ours, whatever it begins with.
pub(crate) fn is_partial_name(name: &str) -> bool {
    let parts = name.strip_prefix(PARTIAL).and_then(|rest| rest.split_once('.'));
    parts.is_some_and(|(digest, etag)| {
        digest.len() == 32
            && digest.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
            && (etag == "-" || is_resumable(etag))
    })
}

/// Whether an `ETag` (without quotes) tells the bytes of an object from other bytes.
#[must_use]
pub(crate) fn is_resumable(etag: &str) -> bool {
    let (md5, parts) = etag.split_once('-').unwrap_or((etag, "1"));
    md5.len() == 32
        && md5.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        && (1..=5).contains(&parts.len())
        && parts.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partial_file_is_named_by_key_and_etag() {
        let etag = "d41d8cd98f00b204e9800998ecf8427e-12";
        assert_eq!(partial_name("", etag), format!("%part.e3b0c44298fc1c149afbf4c8996fb924.{etag}"));
        for strange in ["", "abc", "../../x", "D41D8CD98F00B204E9800998ECF8427E", &etag[..33]] {
            assert!(partial_name("", strange).ends_with(".-"), "{strange}");
        }
    }
}
