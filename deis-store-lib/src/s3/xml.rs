//! Reads the XML of answers: the right root element, whole, without a DTD, or an error. Never "empty" for "wrong".

use quick_xml::Reader;
use quick_xml::events::Event;
use serde::de::DeserializeOwned;

/// Parses a document whose root element must have this name.
pub(crate) fn parse<T: DeserializeOwned>(body: &[u8], root: &str) -> Result<T, String> {
    let text = std::str::from_utf8(body).map_err(|error| format!("the answer is not UTF-8: {error}"))?;
    check_structure(text, root)?;
    quick_xml::de::from_str(text).map_err(|error| format!("the answer is not what was expected: {error}"))
}

/// The serde reader neither looks at the name of the root nor minds what follows it.
fn check_structure(text: &str, root: &str) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut depth = 0_usize;
    let mut closed = false;
    loop {
        match reader.read_event().map_err(|error| format!("the answer is broken XML: {error}"))? {
            Event::Start(element) | Event::Empty(element)
                if depth == 0 && element.local_name().as_ref() != root =>
            {
                return Err(format!("the answer is a {}, not a {root}", element.local_name().as_ref()));
            }
            Event::Start(_) | Event::Empty(_) if closed => {
                return Err("the answer goes on after its end".to_owned());
            }
            Event::Start(_) => depth += 1,
            Event::Empty(_) => closed |= depth == 0,
            Event::End(_) => {
                depth = depth.saturating_sub(1);
                closed |= depth == 0;
            }
            Event::DocType(_) => return Err("the answer has a DTD".to_owned()),
            Event::Eof if closed => return Ok(()),
            Event::Eof => return Err("the answer is cut off".to_owned()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Page {
        #[serde(default)]
        key: Vec<String>,
    }

    #[test]
    fn a_truncated_answer_is_an_error_and_never_a_short_list() {
        assert!(parse::<Page>(b"<Page><Key>a</Key>", "Page").unwrap_err().contains("cut off"));
        assert!(parse::<Page>(b"", "Page").unwrap_err().contains("cut off"));
    }

    #[test]
    fn another_root_is_an_error_and_never_an_empty_list() {
        let error = parse::<Page>(b"<ListAllMyBucketsResult></ListAllMyBucketsResult>", "Page").unwrap_err();
        assert_eq!(error, "the answer is a ListAllMyBucketsResult, not a Page");
    }

    #[test]
    fn a_dtd_is_refused() {
        assert!(parse::<Page>(b"<!DOCTYPE a [<!ENTITY b \"c\">]><Page/>", "Page").is_err());
    }

    #[test]
    fn references_to_control_characters_are_read() {
        let page: Page = parse(b"<Page><Key>a&#x01;&#10;&lt;</Key></Page>", "Page").unwrap();
        assert_eq!(page.key, ["a\u{1}\n<"]);
    }
}
