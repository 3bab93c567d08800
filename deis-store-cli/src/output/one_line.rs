//! JSON on one line, in which no character paints a terminal.

use std::fmt;

use deis_store::error::printable;
use serde_json::Value;

/// A value as JSON in which control characters that JSON allows are escaped too: DEL and those of C1, which some terminals
/// obey, and those that turn the direction of text.
pub(super) struct OneLine<'a>(pub(super) &'a Value);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = self.0.to_string();
        // Such characters are in strings alone.
        if printable(&json) == json {
            return f.write_str(&json);
        }
        json.chars().try_for_each(|char| {
            let mut units = [0; 2];
            if printable(char.encode_utf8(&mut [0; 4])).chars().eq([char]) {
                return write!(f, "{char}");
            }
            char.encode_utf16(&mut units).iter().try_for_each(|unit| write!(f, "\\u{unit:04x}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_is_the_same_value_and_paints_nothing() {
        let value = json!({ "name\u{9b}": "a\u{1b}[31m\u{9b}31m\u{7f}\u{202e}\n\u{feff}ü👩" });
        let text = OneLine(&value).to_string();
        assert_eq!(printable(&text), text);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(text.contains("ü👩"));
    }
}
