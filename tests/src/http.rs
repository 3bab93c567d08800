//! Just enough HTTP to ask our own servers on loopback: HTTP/1.0, one request a connection, no chunks.

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::error::{Context, Error, Result};

const PATIENCE: Duration = Duration::from_secs(10);

/// A server's answer.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, as text.
    pub body: String,
}

/// Sends one request. `address` is HOST:PORT, and the body is a form.
pub fn request(address: &str, method: &str, target: &str, form: &str) -> Result<Answer> {
    let context = || format!("{method} http://{address}{target}");
    let mut stream = TcpStream::connect(address).context(context())?;
    stream.set_read_timeout(Some(PATIENCE)).context(context())?;
    let head = format!(
        "{method} {target} HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n",
        form.len()
    );
    stream.write_all(format!("{head}{form}").as_bytes()).context(context())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).context(context())?;
    parse(&String::from_utf8_lossy(&answer)).context(context())
}

/// Whether the server answers `GET /` with 200, as a gateway does once it serves.
#[must_use]
pub fn serves(address: &str) -> bool {
    request(address, "GET", "/", "").is_ok_and(|answer| answer.status == 200)
}

/// Percent-encodes all but the letters without a special meaning, and `/` where it separates.
#[must_use]
pub fn encode(text: &str, keep_slash: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || (keep_slash && byte == b'/') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

fn parse(answer: &str) -> Result<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| Error::new("Cut off"))?;
    let status =
        head.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| Error::new("No status"))?;
    Ok(Answer { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let answer = parse("HTTP/1.0 404 Not Found\r\nA: b\r\n\r\nbody\r\n\r\nmore").unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (404, "body\r\n\r\nmore"));
    }

    #[test]
    fn a_form_value_keeps_nothing_special() {
        assert_eq!(encode("a/b+c=ä\n", false), "a%2Fb%2Bc%3D%C3%A4%0A");
        assert_eq!(encode("/deis/a b", true), "/deis/a%20b");
    }
}
