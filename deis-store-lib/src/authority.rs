//! The authority of a URL: a host, perhaps with a port. Pure.

use http::uri::Authority;

/// Checks a port, if there is one: what is no port would be left away in silence.
pub(crate) fn check_port(authority: &Authority) -> Result<(), &'static str> {
    let rest = authority.as_str().rsplit('@').next().unwrap_or_default();
    let port = rest.strip_prefix(authority.host()).unwrap_or_default();
    let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    match digits.map(str::parse::<u16>) {
        None if port.is_empty() => Ok(()),
        Some(Ok(1..)) => Ok(()),
        _ => Err("the port is no number from 1 to 65535"),
    }
}
