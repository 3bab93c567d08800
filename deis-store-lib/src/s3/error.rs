//! Errors of an S3 answer: their shapes, and whether to try again.

use std::fmt;

use http::{Method, StatusCode};

use super::error_words::words;
use crate::error::{At, Error, printable};
use crate::s3::op::{Head, Request};
#[cfg(feature = "client")]
use crate::secret::Credentials;

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// The HTTP status; the only thing that is always there.
    pub status: StatusCode,
    /// The S3 error code, such as `NoSuchKey`; empty if the answer had none (HEAD, a router's HTML, an empty body).
    pub code: String,
    /// The server's own words, in one line and not longer than a line; of a redirect its target, without what may be secret of
    /// it. Empty if it had none.
    pub message: String,
    /// radosgw's id of the request, for its log.
    pub request_id: String,
    /// The finding of our own check of the answer, when the server itself did not complain.
    pub finding: Option<String>,
}

/// The way to go on after an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Advice {
    /// It will not get better.
    Fail,
    /// Set the clock by the server's `Date` and sign again.
    LearnClock,
    /// Try again after a while.
    Again,
}

/// Whether a text has the form of an S3 error code.
fn is_word(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
}

/// A text that has the form of a request's id.
fn as_id(text: String) -> String {
    let id = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if text.len() <= 128 && text.bytes().all(id) { text } else { String::new() }
}

impl S3Error {
    /// Reads an answer whose status is not a success.
    #[must_use]
    pub fn read(head: &Head, body: &[u8]) -> Self {
        let [code, message, request_id] = texts(body);
        let request_id =
            request_id.filter(|id| !id.is_empty()).unwrap_or_else(|| head.text("x-amz-request-id"));
        let location = head.text("location");
        let message = if head.status.is_redirection() && !location.is_empty() {
            place_of(&location)
        } else {
            in_one_line(&message.unwrap_or_default())
        };
        // An answer could repeat what was sent, the signature too.
        let code = code.filter(|code| is_word(code)).unwrap_or_default();
        Self { status: head.status, code, message, request_id: as_id(request_id), finding: None }
    }

    /// The same without our keys and signatures, which a server may have repeated.
    #[cfg(feature = "client")]
    pub(crate) fn without(mut self, credentials: &Credentials) -> Self {
        self.message = crate::error::without_signatures(&self.message);
        let secret = std::str::from_utf8(credentials.secret_key()).unwrap_or_default();
        for key in [credentials.access_key(), secret].into_iter().filter(|key| !key.is_empty()) {
            for text in [&mut self.message, &mut self.request_id] {
                if text.contains(key) {
                    *text = text.replace(key, "***");
                }
            }
            // The short keys of tests are in many words.
            if key.len() >= 8 && self.code.contains(key) {
                self.code = String::from("***");
            }
        }
        self
    }

    /// An answer of success that is not what it should be.
    pub(crate) fn unexpected(head: &Head, finding: impl Into<String>) -> Self {
        let request_id = as_id(head.text("x-amz-request-id"));
        let finding = Some(finding.into());
        let (code, message) = (String::new(), String::new());
        Self { status: head.status, code, message, request_id, finding }
    }

    /// Whether the gateway, or a router before it, has too much to do.
    #[cfg(feature = "client")]
    pub(crate) fn is_overload(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 503 | 504) || self.code == "SlowDown"
    }

    /// Whether to try again. `method` matters: a 404 `NoSuchKey` to a PUT says that the body came cut off.
    #[must_use]
    pub(crate) fn advice(&self, method: &Method) -> Advice {
        match (self.status.as_u16(), self.code.as_str()) {
            (403, "RequestTimeTooSkewed") => Advice::LearnClock,
            (404, "NoSuchKey") if method == Method::PUT => Advice::Again,
            // A success whose body is not what it should be came from something in between, or was cut off.
            (400, "BadDigest") | (200..=299 | 408 | 429 | 500 | 502..=504, _) => Advice::Again,
            _ => Advice::Fail,
        }
    }

    /// As the library's error: kind, words and what to do. It is the source of that error, so that
    /// [`Error::status`] and [`Error::code`] find it.
    #[must_use]
    pub fn into_error(self, request: &Request) -> Error {
        let (kind, what, todo) = words(self.status, &self.code, request);
        let mut what = format!("{what} ({})", StatusAndCode(&self));
        if !self.message.is_empty() {
            what.push_str(if self.status.is_redirection() { " to " } else { ", which says: " });
            what.push_str(&self.message);
        }
        let mut error = Error::new(kind, what);
        if !self.request_id.is_empty() {
            error = error.at(At::Request, &self.request_id);
        }
        let error = error.because(self);
        if todo.is_empty() { error } else { error.todo(todo) }
    }
}

/// The finding of our own check; else status and code, as the message of the library's error has them already.
impl fmt::Display for S3Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.finding {
            Some(finding) => f.write_str(finding),
            None => StatusAndCode(self).fmt(f),
        }
    }
}

impl std::error::Error for S3Error {}

/// The texts of an error's body that are read. radosgw says some twice, and then the first one is as good.
fn texts(body: &[u8]) -> [Option<String>; 3] {
    let names = ["Code", "Message", "RequestId"];
    let mut texts = [const { None }; 3];
    let read = super::xml::each_element(body, "Error", |path, text| {
        if let Some(index) = names.iter().position(|name| *name == path) {
            texts[index].get_or_insert_with(|| text.to_owned());
        }
        Ok(())
    });
    if read.is_ok() { texts } else { [const { None }; 3] }
}

/// The most of a server's words that goes into a message.
const MOST_CHARACTERS: usize = 200;

/// A server's words: no control characters, no line ends, and not too many.
fn in_one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = words.chars().take(MOST_CHARACTERS).collect();
    if line.len() < words.len() {
        line.push('…');
    }
    printable(&line)
}

/// A URL without user and query, which may hold keys and signatures.
fn place_of(location: &str) -> String {
    let bare = location.split(['?', '#']).next().unwrap_or_default();
    let bare = match bare.split_once("://") {
        Some((scheme, rest)) => {
            let (host, path) = rest.split_once('/').map_or((rest, ""), |(host, path)| (host, path));
            let host = host.rsplit('@').next().unwrap_or_default();
            format!("{scheme}://{host}/{path}")
        }
        None => bare.to_owned(),
    };
    in_one_line(&bare)
}

struct StatusAndCode<'a>(&'a S3Error);

impl fmt::Display for StatusAndCode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let S3Error { status, code, .. } = self.0;
        write!(f, "{}", status.as_u16())?;
        if code.is_empty() { Ok(()) } else { write!(f, " {code}") }
    }
}

/// The gateway's answer, where an error comes from one.
impl Error {
    /// The HTTP status of the answer.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.answer().map(|answer| answer.status)
    }

    /// The S3 error code of the answer, such as `NoSuchKey`, if it had one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.answer().map(|answer| answer.code.as_str()).filter(|code| !code.is_empty())
    }

    fn answer(&self) -> Option<&S3Error> {
        let mut causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
        causes.find_map(|cause| cause.downcast_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn error(status: u16, body: &str) -> S3Error {
        let head = Head { status: StatusCode::from_u16(status).unwrap(), headers: http::HeaderMap::new() };
        S3Error::read(&head, body.as_bytes())
    }

    fn asked(method: Method) -> Request {
        Request::bare(method, "/b/k".to_owned(), String::new())
    }

    #[test]
    fn the_refusal_of_an_underscore_names_the_option_of_radosgw() {
        let error = error(400, "<Error><Code>InvalidBucketName</Code><RequestId>tx1</RequestId></Error>")
            .into_error(&asked(Method::PUT));
        assert!(error.advice().unwrap().contains("rgw relaxed s3 bucket names = true"));
        assert_eq!(
            error.to_string(),
            "the gateway does not allow this bucket name (400 InvalidBucketName) (request tx1)"
        );
    }

    #[test]
    fn a_routers_html_page_does_not_hide_the_status() {
        let error = error(502, "<html><body>Bad Gateway</body></html>");
        assert_eq!(error.advice(&Method::GET), Advice::Again);
        assert_eq!(error.into_error(&asked(Method::GET)).kind(), ErrorKind::Unreachable);
    }

    #[test]
    fn a_404_without_a_code_of_s3_does_not_say_that_an_object_is_gone() {
        let kind = |method| error(404, "<html>Not Found</html>").into_error(&asked(method)).kind();
        assert_eq!(kind(Method::GET), ErrorKind::Protocol);
        assert_eq!(kind(Method::HEAD), ErrorKind::NotFound);
    }

    #[test]
    fn an_error_tells_the_status_and_the_code_of_the_answer_also_below_another_one() {
        let gone = error(404, "<Error><Code>NoSuchKey</Code></Error>").into_error(&asked(Method::GET));
        let what = gone.what();
        assert_eq!(what, "no such object (404 NoSuchKey)", "the source does not say it twice");
        let wrapped = Error::new(ErrorKind::NotFound, "it is listed").because(gone);
        assert_eq!((wrapped.status(), wrapped.code()), (Some(StatusCode::NOT_FOUND), Some("NoSuchKey")));
        assert_eq!(wrapped.what(), format!("it is listed: {what}"));
        let page = error(502, "<html>").into_error(&asked(Method::GET));
        assert_eq!((page.status(), page.code()), (Some(StatusCode::BAD_GATEWAY), None));
        assert_eq!(Error::new(ErrorKind::Usage, "no").status(), None);
    }

    #[test]
    fn a_key_that_is_taken_is_said_to_be_and_no_change() {
        let refused = || error(412, "<Error><Code>PreconditionFailed</Code></Error>");
        let mut put = asked(Method::PUT);
        assert_eq!(refused().into_error(&put).kind(), ErrorKind::Changed);
        put.headers.insert("if-none-match", http::HeaderValue::from_static("*"));
        let error = refused().into_error(&put);
        assert_eq!(error.kind(), ErrorKind::Occupied);
        assert!(error.to_string().starts_with("the key is taken: "), "{error}");
    }

    #[test]
    fn the_servers_own_words_are_told_in_one_line_and_not_all_of_them() {
        let body = format!(
            "<Error><Code>InvalidArgument</Code><Message>no\u{1b}[31m\n such {}</Message></Error>",
            "x".repeat(5000)
        );
        let text = error(400, &body).into_error(&asked(Method::GET)).what();
        assert!(text.contains("which says: no\\u{1b}[31m such xxx") && text.len() < 400, "{text}");
        assert!(text.ends_with('…'), "{text}");
    }

    #[test]
    fn only_a_copy_onto_itself_is_called_one() {
        let refused = || error(400, "<Error><Code>InvalidRequest</Code></Error>");
        let mut put = asked(Method::PUT);
        assert!(!refused().into_error(&put).advice().unwrap().contains("onto itself"));
        put.headers.insert("x-amz-copy-source", http::HeaderValue::from_static("/b/other"));
        assert!(!refused().into_error(&put).advice().unwrap().contains("onto itself"));
        put.headers.insert("x-amz-copy-source", http::HeaderValue::from_static("/b/k"));
        assert!(refused().into_error(&put).advice().unwrap().contains("onto itself"));
    }

    #[test]
    fn a_redirect_is_named_with_its_place_and_without_its_secrets() {
        let mut headers = http::HeaderMap::new();
        let to = "https://user:hunter2@other:8443/b/k\u{9b}?Signature=abc";
        headers.insert("location", http::HeaderValue::from_bytes(to.as_bytes()).unwrap());
        let head = Head { status: StatusCode::TEMPORARY_REDIRECT, headers };
        let text = S3Error::read(&head, b"").into_error(&asked(Method::GET)).what();
        assert!(text.contains("redirects elsewhere (307) to https://other:8443/b/k"), "{text}");
        assert!(!text.contains("hunter2") && !text.contains("abc") && !text.contains('\u{9b}'), "{text}");
    }

    #[test]
    fn a_head_that_is_denied_says_what_it_may_mean() {
        let error = error(403, "").into_error(&asked(Method::HEAD));
        assert!(error.advice().unwrap().contains("signature"), "{error:?}");
    }

    #[test]
    fn no_such_key_is_final_for_get_and_a_cut_off_body_for_put() {
        let error = error(404, "<Error><Code>NoSuchKey</Code></Error>");
        assert_eq!(error.advice(&Method::GET), Advice::Fail);
        assert_eq!(error.advice(&Method::PUT), Advice::Again);
    }
}
