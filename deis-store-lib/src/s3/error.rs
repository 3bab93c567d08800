//! Errors of an S3 answer: their shapes, what they mean to a person, and whether to try again.

use std::fmt;

use http::{Method, StatusCode};

use crate::error::{At, Error, ErrorKind};
use crate::s3::op::{Head, Request};

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// The HTTP status; the only thing that is always there.
    pub status: StatusCode,
    /// The S3 error code, such as `NoSuchKey`; empty if the answer had none (HEAD, a router's HTML, an empty body).
    pub code: String,
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
        let [code, request_id] = super::xml::texts(body, "Error", ["Code", "RequestId"]).unwrap_or_default();
        let request_id =
            request_id.filter(|id| !id.is_empty()).unwrap_or_else(|| head.text("x-amz-request-id"));
        // An answer could repeat what was sent, the signature too.
        let code = code.filter(|code| is_word(code)).unwrap_or_default();
        Self { status: head.status, code, request_id: as_id(request_id), finding: None }
    }

    /// An answer of success that is not what it should be.
    pub(crate) fn unexpected(head: &Head, finding: impl Into<String>) -> Self {
        let request_id = as_id(head.text("x-amz-request-id"));
        Self { status: head.status, code: String::new(), request_id, finding: Some(finding.into()) }
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
        let (kind, what, todo) = self.words(&request.method, request.creates_only());
        let mut error = Error::new(kind, format!("{what} ({})", StatusAndCode(&self)));
        if !self.request_id.is_empty() {
            error = error.at(At::Request, &self.request_id);
        }
        let error = error.because(self);
        if todo.is_empty() { error } else { error.todo(todo) }
    }

    fn words(&self, method: &Method, creates_only: bool) -> (ErrorKind, &'static str, &'static str) {
        use ErrorKind as Kind;
        match (self.status.as_u16(), self.code.as_str()) {
            (403, "SignatureDoesNotMatch") => (
                Kind::Denied,
                "the gateway does not accept the signature",
                "check the secret key; if it is right, look for a proxy that rewrites paths",
            ),
            (403, "InvalidAccessKeyId") => (
                Kind::Denied,
                "the gateway does not know the access key",
                "check the keys: `deisctl config store get gateway/accessKey` shows the current one",
            ),
            (403, "RequestTimeTooSkewed") => (
                Kind::Denied,
                "the clocks differ by more than 15 minutes",
                "set this machine's or the gateway's clock",
            ),
            (403, "QuotaExceeded") => {
                (Kind::Denied, "the user's quota is used up", "raise it with radosgw-admin")
            }
            (403, "UserSuspended") => (Kind::Denied, "the user is suspended", "enable it with radosgw-admin"),
            (401 | 403, _) => {
                (Kind::Denied, "the gateway denies access", "check keys, clock and the owner of the bucket")
            }
            (400, "BadDigest") => (
                Kind::Protocol,
                "what has come is not what was to be sent",
                "look for what changes bytes on the way",
            ),
            (400, "InvalidBucketName") => (
                Kind::Usage,
                "the gateway does not allow this bucket name",
                "a name with an underscore, such as db_wal, needs `rgw relaxed s3 bucket names = true` in the gateway's \
                 ceph.conf",
            ),
            (400, "InvalidRequest") => (
                Kind::Usage,
                "the gateway refuses this combination",
                "an object is copied onto itself only with other metadata",
            ),
            (400, "EntityTooLarge") => {
                (Kind::Unsupported, "the object is too large for one request", "it needs a multipart upload")
            }
            (404, "NoSuchBucket") => (Kind::NotFound, "no such bucket", "check its name, or create it"),
            (404, "NoSuchKey") => (Kind::NotFound, "no such object", ""),
            (404, "NoSuchUpload") => (Kind::NotFound, "no such multipart upload", "begin it anew"),
            // An answer to HEAD has no body and so no code.
            (404, "") if method == Method::HEAD => {
                (Kind::NotFound, "no such object", "check the bucket and the key")
            }
            (404, _) => {
                (Kind::Protocol, "the answer is not a gateway's", "check that the address is the gateway's")
            }
            (409, "BucketAlreadyExists") => {
                (Kind::Denied, "the bucket belongs to somebody else", "choose another name")
            }
            (409, "BucketNotEmpty") => {
                (Kind::Occupied, "the bucket is not empty", "delete its objects first")
            }
            (304, _) => (Kind::NotModified, "the object is as it was", ""),
            (416, _) => (
                Kind::Changed,
                "the object has no such bytes",
                "it was changed meanwhile, or ends before them; an empty object has none",
            ),
            (412, _) if creates_only => (
                Kind::Occupied,
                "the key is taken: an object is there already",
                "choose another key, or let the object be replaced",
            ),
            (412, _) => (
                Kind::Changed,
                "the object is not what it was",
                "somebody changed it meanwhile: run it again",
            ),
            (413, _) => (
                Kind::Denied,
                "a router refuses a body of this size",
                "go to the gateway directly, or set `client_max_body_size 0` on the router",
            ),
            (503, _) | (_, "SlowDown") => {
                (Kind::Busy, "the gateway is overloaded or down", "wait, or start more gateways")
            }
            (502 | 504, _) => {
                (Kind::Unreachable, "a router cannot reach the gateway", "check that store-gateway runs")
            }
            (405 | 501, _) => (Kind::Unsupported, "the gateway does not know this operation", ""),
            (500..=599, _) => {
                (Kind::NotReady, "the gateway failed", "look at its log, with the request's id")
            }
            (200..=299, _) => (
                Kind::Protocol,
                "the answer is not S3's",
                "check that the address is the gateway's and what stands between",
            ),
            (301 | 302 | 307 | 308, _) => {
                (Kind::Protocol, "the gateway redirects elsewhere", "use its own address")
            }
            _ => (Kind::Protocol, "the gateway refuses the request", ""),
        }
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
    fn no_such_key_is_final_for_get_and_a_cut_off_body_for_put() {
        let error = error(404, "<Error><Code>NoSuchKey</Code></Error>");
        assert_eq!(error.advice(&Method::GET), Advice::Fail);
        assert_eq!(error.advice(&Method::PUT), Advice::Again);
    }
}
