//! A request as it came, and what it asks for.

use std::io::{self, BufRead};

/// What a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `GET /`.
    ListBuckets,
    /// `PUT /BUCKET`.
    CreateBucket,
    /// `GET /BUCKET`.
    List,
    /// `HEAD /BUCKET/KEY`.
    Head,
    /// `GET /BUCKET/KEY`.
    Get,
    /// `PUT /BUCKET/KEY`.
    Put,
    /// `DELETE /BUCKET/KEY`.
    Delete,
    /// `POST /BUCKET/KEY?uploads`.
    Initiate,
    /// `PUT /BUCKET/KEY?partNumber=N&uploadId=U`.
    Part,
    /// `POST /BUCKET/KEY?uploadId=U`.
    Complete,
    /// `DELETE /BUCKET/KEY?uploadId=U`.
    Abort,
    /// The parts of an upload.
    ListParts,
    /// The uploads under way in a bucket.
    ListUploads,
    /// Anything else.
    Other,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// Path and query, as they came.
    pub target: String,
    /// The headers, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// How many bytes of a body were sent in answer.
    pub answered_bytes: usize,
}

impl Asked {
    /// Reads the head of a request; `None` when the connection ends before one.
    pub(super) fn read(reader: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Ok(Some(Self { method, target, headers, answered_bytes: 0 }))
    }

    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The first byte that is asked for: 0 without `Range`.
    #[must_use]
    pub fn from_byte(&self) -> usize {
        let range = self.header("range").and_then(|range| range.strip_prefix("bytes="));
        range.and_then(|range| range.split('-').next()?.parse().ok()).unwrap_or(0)
    }

    /// What it asks for.
    #[must_use]
    pub fn operation(&self) -> Operation {
        let (bucket, key) = (self.bucket().is_some(), self.key().is_some());
        let (upload, part) = (self.query("uploadId").is_some(), self.query("partNumber").is_some());
        match (self.method.as_str(), bucket, key) {
            ("GET", false, false) => Operation::ListBuckets,
            ("GET", true, false) if self.query("uploads").is_some() => Operation::ListUploads,
            ("GET", true, false) => Operation::List,
            ("PUT", true, false) => Operation::CreateBucket,
            ("HEAD", _, true) => Operation::Head,
            ("GET", _, true) if upload => Operation::ListParts,
            ("GET", _, true) => Operation::Get,
            ("PUT", _, true) if upload && part => Operation::Part,
            ("PUT", _, true) => Operation::Put,
            ("POST", _, true) if upload => Operation::Complete,
            ("POST", _, true) if self.query("uploads").is_some() => Operation::Initiate,
            ("DELETE", _, true) if upload => Operation::Abort,
            ("DELETE", _, true) => Operation::Delete,
            _ => Operation::Other,
        }
    }

    /// The bucket, decoded.
    pub(super) fn bucket(&self) -> Option<String> {
        let bucket = self.path().split('/').next().unwrap_or_default();
        (!bucket.is_empty()).then(|| decode(bucket))
    }

    /// The key, decoded.
    #[must_use]
    pub fn key(&self) -> Option<String> {
        self.path().split_once('/').filter(|(_, key)| !key.is_empty()).map(|(_, key)| decode(key))
    }

    /// A parameter of the query, decoded; empty if it stands without a value.
    pub(super) fn query(&self, name: &str) -> Option<String> {
        let query = self.target.split_once('?')?.1;
        let mut pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
        pairs.find(|(known, _)| *known == name).map(|(_, value)| decode(value))
    }

    pub(super) fn length_bytes(&self) -> usize {
        self.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0)
    }

    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default().trim_start_matches('/')
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        if let (b'%', Some(byte)) = (first, hex) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(line: &str) -> Asked {
        let head = format!("{line} HTTP/1.1\r\nRange: bytes=7-\r\n\r\n");
        Asked::read(&mut head.as_bytes()).unwrap().unwrap()
    }

    #[test]
    fn a_request_says_what_it_asks_for() {
        let cases = [
            ("GET /", Operation::ListBuckets),
            ("GET /b?prefix=a%2Fb", Operation::List),
            ("GET /b/k", Operation::Get),
            ("PUT /b/k?partNumber=1&uploadId=2~x", Operation::Part),
            ("POST /b/k?uploads", Operation::Initiate),
            ("POST /b/k?uploadId=2~x", Operation::Complete),
            ("DELETE /b/k", Operation::Delete),
        ];
        for (line, operation) in cases {
            assert_eq!(asked(line).operation(), operation, "{line}");
        }
    }

    #[test]
    fn names_are_decoded() {
        let asked = asked("GET /b/a%20b/%25?prefix=a%2Fb");
        assert_eq!((asked.bucket().as_deref(), asked.key().as_deref()), (Some("b"), Some("a b/%")));
        assert_eq!((asked.query("prefix").as_deref(), asked.from_byte()), (Some("a/b"), 7));
    }
}
