//! Errors of an S3 answer: their shapes, what they mean to a person, and whether to try again.

use http::StatusCode;

use crate::error::{At, Error, ErrorKind};
use crate::s3::op::Head;

/// An answer that is not a success.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Error {
    /// The HTTP status; the only thing that is always there.
    pub status: StatusCode,
    /// The S3 error code, such as `NoSuchKey`; empty if the answer had none (HEAD, a router's HTML, an empty body).
    pub code: String,
    /// radosgw's id of the request, for its log.
    pub request_id: String,
    /// What our own check of the answer found, when the server itself did not complain.
    pub finding: Option<String>,
}

/// What to do after an error.
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

impl S3Error {
    /// Reads an answer whose status is not a success.
    #[must_use]
    pub fn read(head: &Head, body: &[u8]) -> Self {
        let [code, request_id] = super::xml::texts(body, "Error", ["Code", "RequestId"]).unwrap_or_default();
        let request_id =
            request_id.filter(|id| !id.is_empty()).unwrap_or_else(|| head.text("x-amz-request-id"));
        Self { status: head.status, code: code.unwrap_or_default(), request_id, finding: None }
    }

    /// An answer of success that is not what it should be.
    pub(crate) fn unexpected(head: &Head, finding: impl Into<String>) -> Self {
        let request_id = head.text("x-amz-request-id");
        Self { status: head.status, code: String::new(), request_id, finding: Some(finding.into()) }
    }

    /// Whether the object, bucket or upload is not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.status == StatusCode::NOT_FOUND
    }

    /// Whether the gateway, or a router before it, has too much to do.
    #[must_use]
    pub fn is_overload(&self) -> bool {
        matches!(self.status.as_u16(), 429 | 503 | 504) || self.code == "SlowDown"
    }

    /// Whether to try again. `method` matters: a 404 `NoSuchKey` to a PUT says that the body came cut off.
    #[must_use]
    pub fn advice(&self, method: &http::Method) -> Advice {
        match (self.status.as_u16(), self.code.as_str()) {
            (403, "RequestTimeTooSkewed") => Advice::LearnClock,
            (404, "NoSuchKey") if method == http::Method::PUT => Advice::Again,
            // A success whose body is not what it should be came from something in between, or was cut off.
            (400, "BadDigest") | (200..=299 | 408 | 429 | 500 | 502..=504, _) => Advice::Again,
            _ => Advice::Fail,
        }
    }

    /// As the library's error: kind, words and what to do.
    #[must_use]
    pub fn into_error(self, method: &http::Method) -> Error {
        let (kind, what, todo) = self.words(method);
        let mut text = format!("{what} ({}", self.status.as_u16());
        if !self.code.is_empty() {
            text.push(' ');
            text.push_str(&self.code);
        }
        text.push(')');
        let mut error = Error::new(kind, text);
        if !self.request_id.is_empty() {
            error = error.at(At::Request, &self.request_id);
        }
        if let Some(finding) = self.finding {
            error = error.because(finding);
        }
        if todo.is_empty() { error } else { error.todo(todo) }
    }

    fn words(&self, method: &http::Method) -> (ErrorKind, &'static str, &'static str) {
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
            (404, "NoSuchBucket") => {
                (Kind::NotFound, "no such bucket", "list what is there: deis-store s3 ls")
            }
            (404, "NoSuchKey") => (Kind::NotFound, "no such object", ""),
            (404, "NoSuchUpload") => (Kind::NotFound, "no such multipart upload", "begin it anew"),
            // An answer to HEAD has no body and so no code.
            (404, "") if method == http::Method::HEAD => {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, body: &str) -> S3Error {
        let head = Head { status: StatusCode::from_u16(status).unwrap(), headers: http::HeaderMap::new() };
        S3Error::read(&head, body.as_bytes())
    }

    #[test]
    fn the_refusal_of_an_underscore_names_the_option_of_radosgw() {
        let error = error(400, "<Error><Code>InvalidBucketName</Code><RequestId>tx1</RequestId></Error>")
            .into_error(&http::Method::PUT);
        assert!(error.advice().unwrap().contains("rgw relaxed s3 bucket names = true"));
        assert_eq!(
            error.to_string(),
            "the gateway does not allow this bucket name (400 InvalidBucketName) (request tx1)"
        );
    }

    #[test]
    fn a_routers_html_page_does_not_hide_the_status() {
        let error = error(502, "<html><body>Bad Gateway</body></html>");
        assert_eq!(error.advice(&http::Method::GET), Advice::Again);
        assert_eq!(error.into_error(&http::Method::GET).kind(), ErrorKind::Unreachable);
    }

    #[test]
    fn a_404_without_a_code_of_s3_does_not_say_that_an_object_is_gone() {
        let kind = |method| error(404, "<html>Not Found</html>").into_error(&method).kind();
        assert_eq!(kind(http::Method::GET), ErrorKind::Protocol);
        assert_eq!(kind(http::Method::HEAD), ErrorKind::NotFound);
    }

    #[test]
    fn no_such_key_is_final_for_get_and_a_cut_off_body_for_put() {
        let error = error(404, "<Error><Code>NoSuchKey</Code></Error>");
        assert_eq!(error.advice(&http::Method::GET), Advice::Fail);
        assert_eq!(error.advice(&http::Method::PUT), Advice::Again);
    }
}
