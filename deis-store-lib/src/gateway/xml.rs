//! Writes XML as radosgw does. Pure. It must not read any.

use std::fmt::{Display, Write as _};

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// A document that is being written.
#[derive(Debug)]
pub(super) struct Xml(String);

impl Xml {
    /// A document without a namespace, as errors are.
    pub(super) fn new() -> Self {
        Self("<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned())
    }

    /// A document whose root is in S3's namespace, and stays open.
    pub(super) fn of(root: &str) -> Self {
        let mut xml = Self::new();
        let _ = write!(xml.0, "<{root} xmlns=\"{NAMESPACE}\">");
        xml
    }

    /// Opens an element; `tag` may hold attributes.
    pub(super) fn open(&mut self, tag: &str) -> &mut Self {
        let _ = write!(self.0, "<{tag}>");
        self
    }

    /// Closes an element.
    pub(super) fn close(&mut self, name: &str) -> &mut Self {
        let _ = write!(self.0, "</{name}>");
        self
    }

    /// An element with text in it.
    pub(super) fn text(&mut self, name: &str, value: impl Display) -> &mut Self {
        let _ = write!(self.0, "<{name}>");
        escape(&value.to_string(), &mut self.0);
        self.close(name)
    }

    /// An element with text in it, if there is some.
    pub(super) fn text_if(&mut self, name: &str, value: &str) -> &mut Self {
        if !value.is_empty() {
            self.text(name, value);
        }
        self
    }

    /// The document, after its root was closed.
    pub(super) fn finish(mut self, root: &str) -> String {
        self.close(root);
        self.0
    }
}

/// radosgw writes control characters as references, though XML 1.0 has no way to write them; tab and newline stay.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\t' | '\n' => out.push(character),
            '\0'..='\x1f' | '\x7f' => {
                let _ = write!(out, "&#x{:02x};", u32::from(character));
            }
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_as_references_but_for_tab_and_newline() {
        let mut xml = Xml::of("A");
        xml.text("Key", "a\u{1}\r\n\t&<>\"'é");
        assert_eq!(
            xml.finish("A"),
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Key>a&#x01;&#x0d;\n\t&amp;&lt;&gt;&quot;&apos;é</Key></A>"
        );
    }
}
