//! An etcd key as a path of the v2 API. Pure.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use zeroize::Zeroizing;

use crate::error::{At, Error, ErrorKind, Result};

/// All bytes but letters, digits, `-`, `.`, `_` and `~`: each becomes `%XX`. (deisctl turns a space into `+`, which
/// etcd reads as a plus sign.)
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The path of a key, `/v2/keys/…`. Empty segments are dropped, as in etcd.
pub(super) fn path(key: &str) -> Result<String> {
    let mut path = String::from("/v2/keys");
    for segment in key.split('/').filter(|segment| !segment.is_empty()) {
        if matches!(segment, "." | "..") {
            let error = Error::new(ErrorKind::Usage, "a key cannot have a segment . or ..").at(At::Key, key);
            return Err(error.todo("correct the key"));
        }
        path.push('/');
        path.extend(percent_encode(segment.as_bytes(), &SEGMENT));
    }
    Ok(path)
}

/// The form `value=…` of a PUT, with a time to live in whole seconds, at least one.
pub(super) fn form(value: &str, ttl: Option<Duration>) -> Zeroizing<String> {
    // Of a length that it never outgrows: a text that grows leaves its old bytes behind.
    let mut form = Zeroizing::new(String::with_capacity(3 * value.len() + 40));
    form.push_str("value=");
    form.extend(percent_encode(value.as_bytes(), &SEGMENT));
    if let Some(ttl) = ttl {
        form.push_str(&format!("&ttl={}", ttl.as_secs().max(1)));
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_is_percent_encoded() {
        assert_eq!(path("/deis/router/key with space").unwrap(), "/v2/keys/deis/router/key%20with%20space");
        assert_eq!(path("/deis/router/p%2Fq?+ü").unwrap(), "/v2/keys/deis/router/p%252Fq%3F%2B%C3%BC");
        assert_eq!(path("/").unwrap(), "/v2/keys");
        assert_eq!(path("deis//x/").unwrap(), "/v2/keys/deis/x");
    }

    #[test]
    fn a_key_cannot_climb() {
        assert_eq!(path("/deis/../store").unwrap_err().kind(), ErrorKind::Usage);
    }

    #[test]
    fn a_form_hides_every_byte_that_has_a_meaning_in_one() {
        assert_eq!(form("a&b=c+d\n", None).as_str(), "value=a%26b%3Dc%2Bd%0A");
    }
}
