//! Reads the XML of answers: the right root element, whole, without a DTD, or an error. Never "empty" for "wrong".

use quick_xml::Reader;
use quick_xml::escape::resolve_xml_entity;
use quick_xml::events::Event;

/// The texts of the elements at these paths below the root, which must have this name; `None` for one that is not there.
pub(crate) fn texts<const N: usize>(
    body: &[u8],
    root: &str,
    paths: [&str; N],
) -> Result<[Option<String>; N], String> {
    let mut texts = [const { None }; N];
    each_element(body, root, |path, text| {
        if let Some(index) = paths.iter().position(|wanted| *wanted == path) {
            let before = texts[index].replace(text.to_owned());
            if before.is_some() {
                return Err(format!("the answer has two `{path}`"));
            }
        }
        Ok(())
    })?;
    Ok(texts)
}

/// A text, or its meaning, that must be there.
pub(crate) fn required<T>(value: Option<T>, name: &str) -> Result<T, String> {
    value.ok_or_else(|| format!("the answer has no `{name}`, or one that cannot be read"))
}

/// The text of the root element, which must have this name.
pub(crate) fn root_text(body: &[u8], root: &str) -> Result<String, String> {
    let mut of_root = String::new();
    walk(body, root, |path, text| {
        if path.is_empty() {
            text.clone_into(&mut of_root);
        }
        Ok(())
    })?;
    Ok(of_root)
}

/// Reads a document whose root element must have this name, and calls `each` at the end of every element below it with
/// its path (`Contents/Key`) and the text in it. No tree of elements is made: an answer may have a thousand entries.
pub(crate) fn each_element(
    body: &[u8],
    root: &str,
    mut each: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    walk(body, root, |path, text| if path.is_empty() { Ok(()) } else { each(path, text) })
}

/// As [`each_element`], and for the root at last, whose path is empty.
fn walk(
    body: &[u8],
    root: &str,
    mut each: impl FnMut(&str, &str) -> Result<(), String>,
) -> Result<(), String> {
    let broken = |error: &dyn std::fmt::Display| format!("the answer is broken XML: {error}");
    let input = std::str::from_utf8(body).map_err(|error| format!("the answer is not UTF-8: {error}"))?;
    let mut reader = Reader::from_str(input);
    let mut document = Document { root, ..Document::default() };
    loop {
        match reader.read_event().map_err(|error| broken(&error))? {
            Event::Start(element) => document.open(local(element.name().as_ref()))?,
            Event::End(_) => document.close(&mut each)?,
            Event::Empty(element) => {
                document.open(local(element.name().as_ref()))?;
                document.close(&mut each)?;
            }
            Event::Text(text) => document.text.push_str(&text.xml10_content()),
            Event::CData(text) => document.text.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => {
                match reference.resolve_char_ref().map_err(|error| broken(&error))? {
                    Some(character) => document.text.push(character),
                    None => document.text.push_str(
                        resolve_xml_entity(&reference.xml10_content())
                            .ok_or_else(|| broken(&"an entity that is not known"))?,
                    ),
                }
            }
            Event::DocType(_) => return Err("the answer has a DTD".to_owned()),
            Event::Eof if document.closed => return Ok(()),
            Event::Eof => return Err("the answer is cut off".to_owned()),
            Event::Decl(_) | Event::PI(_) | Event::Comment(_) => {}
        }
    }
}

/// A name without its prefix. Names are short: a search that takes byte after byte is the quickest one here.
fn local(name: &str) -> &str {
    let colon = name.bytes().position(|byte| byte == b':');
    colon.and_then(|colon| name.get(colon + 1..)).unwrap_or(name)
}

/// Whether XML 1.0 can hold this text: a reference to any other character is refused by parsers, radosgw's among them.
pub(crate) fn can_hold(text: &str) -> bool {
    text.chars().all(|character| match character {
        '\t' | '\n' | '\r' => true,
        '\0'..='\x1f' | '\u{fffe}' | '\u{ffff}' => false,
        _ => true,
    })
}

/// How far a document was read.
#[derive(Default)]
struct Document<'a> {
    root: &'a str,
    /// The names of the open elements, each with a slash before it.
    path: String,
    /// How long it was before each of them.
    parents: Vec<usize>,
    /// The text of the innermost one.
    text: String,
    closed: bool,
}

impl Document<'_> {
    fn open(&mut self, name: &str) -> Result<(), String> {
        if self.closed {
            return Err("the answer goes on after its end".to_owned());
        }
        if self.path.is_empty() && name != self.root {
            return Err(format!("the answer is a {name}, not a {}", self.root));
        }
        self.parents.push(self.path.len());
        self.path.push('/');
        self.path.push_str(name);
        self.text.clear();
        Ok(())
    }

    fn close(&mut self, each: &mut impl FnMut(&str, &str) -> Result<(), String>) -> Result<(), String> {
        // The reader has seen to it that each end has its beginning.
        let Some(parent) = self.parents.pop() else { return Err("the answer ends twice".to_owned()) };
        self.closed = parent == 0;
        each(self.path.get(self.root.len() + 2..).unwrap_or_default(), &self.text)?;
        self.path.truncate(parent);
        self.text.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(body: &[u8]) -> Result<Vec<String>, String> {
        let mut keys = Vec::new();
        each_element(body, "Page", |path, text| {
            if path == "Key" {
                keys.push(text.to_owned());
            }
            Ok(())
        })?;
        Ok(keys)
    }

    #[test]
    fn a_truncated_answer_is_an_error_and_never_a_short_list() {
        assert!(keys(b"<Page><Key>a</Key>").unwrap_err().contains("cut off"));
        assert!(keys(b"").unwrap_err().contains("cut off"));
    }

    #[test]
    fn another_root_is_an_error_and_never_an_empty_list() {
        let error = keys(b"<ListAllMyBucketsResult></ListAllMyBucketsResult>").unwrap_err();
        assert_eq!(error, "the answer is a ListAllMyBucketsResult, not a Page");
    }

    #[test]
    fn every_element_is_told_with_its_path_and_its_own_text() {
        let body = b"<?xml version=\"1.0\"?><R xmlns=\"x\">\n<A><K>a&amp;&#x1;&#10;b</K><E/></A><A><!-- no --><K> <![CDATA[<]]></K></A></R>";
        let mut told = Vec::new();
        each_element(body, "R", |path, text| {
            told.push((path.to_owned(), text.to_owned()));
            Ok(())
        })
        .unwrap();
        let expected = [("A/K", "a&\u{1}\nb"), ("A/E", ""), ("A", ""), ("A/K", " <"), ("A", "")];
        assert_eq!(told, expected.map(|(path, text)| (path.to_owned(), text.to_owned())));
        assert!(each_element(b"<R/>", "R", |_, _| Ok(())).is_ok());
    }

    #[test]
    fn what_is_no_document_is_an_error() {
        for body in ["<R></R><R/>", "<R><A></R>", "<R>&unknown;</R>", "<R><A></B></R>", "</R>", "text"] {
            assert!(each_element(body.as_bytes(), "R", |_, _| Ok(())).is_err(), "{body}");
        }
    }

    #[test]
    fn texts_are_found_by_their_paths_and_none_may_come_twice() {
        let found = texts(b"<R><A><K>1</K></A><K> 2 </K><E/></R>", "R", ["K", "E", "A/K", "B"]).unwrap();
        let expected = [Some(" 2 "), Some(""), Some("1"), None];
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)));
        assert!(texts(b"<R><K>1</K><K>1</K></R>", "R", ["K"]).unwrap_err().contains("two `K`"));
        assert_eq!(root_text(b"<R>a</R>", "R").unwrap(), "a");
        assert!(root_text(b"<R>a</R>", "S").is_err() && root_text(b"<R>a", "R").is_err());
    }

    #[test]
    fn the_prefix_of_a_name_counts_for_nothing() {
        assert_eq!(keys(b"<s3:Page xmlns:s3=\"x\"><s3:Key>a</s3:Key></s3:Page>").unwrap(), ["a"]);
        assert!(keys(b"<Page:><Key>a</Key></Page:>").is_err());
    }

    #[test]
    fn a_dtd_is_refused() {
        assert!(keys(b"<!DOCTYPE a [<!ENTITY b \"c\">]><Page/>").is_err());
    }

    #[test]
    fn references_to_control_characters_are_read() {
        assert_eq!(keys(b"<Page><Key>a&#x01;&#10;&lt;</Key></Page>").unwrap(), ["a\u{1}\n<"]);
    }
}
