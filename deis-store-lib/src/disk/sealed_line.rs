//! A line of a file that only grows, with a digest of its own: one that was torn by a crash is told by it. Pure.

use crate::hash::Sha256;

const DIGEST: &str = "{\"digest\":\"";
const LINE: &str = "\",\"line\":";
/// So many hexadecimal digits of its SHA-256 tell a line from a torn one.
const DIGITS: usize = 16;
/// So many bytes a sealed line has more than what is sealed.
pub(crate) const SEAL_BYTES: u64 = 100;

/// A line of JSON with its digest and a line feed.
pub(crate) fn sealed(json: &str) -> Vec<u8> {
    let digest = Sha256::of(json.as_bytes()).to_string();
    format!("{DIGEST}{}{LINE}{json}}}\n", &digest[..DIGITS]).into_bytes()
}

/// The JSON of a line, if it is whole.
pub(crate) fn unsealed(line: &[u8]) -> Option<&[u8]> {
    let rest = line.strip_prefix(DIGEST.as_bytes())?.strip_suffix(b"}\n")?;
    let (digest, rest) = rest.split_at_checked(DIGITS)?;
    let json = rest.strip_prefix(LINE.as_bytes())?;
    (Sha256::of(json).to_string().as_bytes().get(..DIGITS) == Some(digest)).then_some(json)
}
