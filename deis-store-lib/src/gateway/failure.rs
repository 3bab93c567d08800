//! The errors that radosgw answers with: status, code and an empty message. Pure.

use http::StatusCode;

/// Why a request is refused. The names are S3's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    AccessDenied,
    BadDigest,
    BucketNotEmpty,
    EntityTooLarge,
    EntityTooSmall,
    /// The store itself failed: a disk, or damage in a snapshot.
    InternalError,
    InvalidAccessKeyId,
    InvalidArgument,
    InvalidBucketName,
    InvalidDigest,
    InvalidLocationConstraint,
    InvalidObjectName,
    InvalidPart,
    InvalidRange,
    InvalidRequest,
    /// Bad input that radosgw answers without a body.
    Malformed,
    MalformedXml,
    MethodNotAllowed,
    MissingContentLength,
    NoSuchBucket,
    /// A setting of a bucket that nobody has set, by its own code.
    NotSet(&'static str),
    NoSuchKey,
    NoSuchUpload,
    NotImplemented,
    NotModified,
    PreconditionFailed,
    RequestTimeTooSkewed,
    SignatureDoesNotMatch,
}

impl Failure {
    /// The HTTP status.
    pub(super) fn status(self) -> StatusCode {
        self.status_and_code().0
    }

    /// The code in the body; empty where there is no body.
    pub(super) fn code(self) -> &'static str {
        self.status_and_code().1
    }

    fn status_and_code(self) -> (StatusCode, &'static str) {
        match self {
            Self::AccessDenied => (StatusCode::FORBIDDEN, "AccessDenied"),
            Self::BadDigest => (StatusCode::BAD_REQUEST, "BadDigest"),
            Self::BucketNotEmpty => (StatusCode::CONFLICT, "BucketNotEmpty"),
            Self::EntityTooLarge => (StatusCode::BAD_REQUEST, "EntityTooLarge"),
            Self::EntityTooSmall => (StatusCode::BAD_REQUEST, "EntityTooSmall"),
            Self::InternalError => (StatusCode::INTERNAL_SERVER_ERROR, "InternalError"),
            Self::InvalidAccessKeyId => (StatusCode::FORBIDDEN, "InvalidAccessKeyId"),
            Self::InvalidArgument => (StatusCode::BAD_REQUEST, "InvalidArgument"),
            Self::InvalidBucketName => (StatusCode::BAD_REQUEST, "InvalidBucketName"),
            Self::InvalidDigest => (StatusCode::BAD_REQUEST, "InvalidDigest"),
            Self::InvalidLocationConstraint => (StatusCode::BAD_REQUEST, "InvalidLocationConstraint"),
            Self::InvalidObjectName => (StatusCode::BAD_REQUEST, "InvalidObjectName"),
            Self::InvalidPart => (StatusCode::BAD_REQUEST, "InvalidPart"),
            Self::InvalidRange => (StatusCode::RANGE_NOT_SATISFIABLE, "InvalidRange"),
            Self::InvalidRequest => (StatusCode::BAD_REQUEST, "InvalidRequest"),
            Self::Malformed => (StatusCode::BAD_REQUEST, ""),
            Self::MalformedXml => (StatusCode::BAD_REQUEST, "MalformedXML"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            Self::MissingContentLength => (StatusCode::LENGTH_REQUIRED, "MissingContentLength"),
            Self::NoSuchBucket => (StatusCode::NOT_FOUND, "NoSuchBucket"),
            Self::NotSet(code) => (StatusCode::NOT_FOUND, code),
            Self::NoSuchKey => (StatusCode::NOT_FOUND, "NoSuchKey"),
            Self::NoSuchUpload => (StatusCode::NOT_FOUND, "NoSuchUpload"),
            Self::NotImplemented => (StatusCode::NOT_IMPLEMENTED, "NotImplemented"),
            Self::NotModified => (StatusCode::NOT_MODIFIED, ""),
            Self::PreconditionFailed => (StatusCode::PRECONDITION_FAILED, "PreconditionFailed"),
            Self::RequestTimeTooSkewed => (StatusCode::FORBIDDEN, "RequestTimeTooSkewed"),
            Self::SignatureDoesNotMatch => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
        }
    }
}
