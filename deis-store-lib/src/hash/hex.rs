//! Bytes as lower-case hex. Pure.

use std::fmt::Write as _;

/// Bytes as lower-case hex.
pub(crate) fn lower_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_keeps_leading_zeros() {
        assert_eq!(lower_hex(&[0, 0x0a, 0xff]), "000aff");
    }
}
