//! The meaning of a gateway's errors for a person: kind, words and the next step. Pure.

use http::{Method, StatusCode};

use crate::error::ErrorKind;
use crate::s3::op::Request;

/// The kind of an answer that is not a success, the words for it, and what to do, if there is something to do.
pub(super) fn words(
    status: StatusCode,
    code: &str,
    request: &Request,
) -> (ErrorKind, &'static str, &'static str) {
    use ErrorKind as Kind;
    let (method, creates_only) = (&request.method, request.creates_only());
    match (status.as_u16(), code) {
        (401 | 403, code) => denied(code),
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
        (400, "InvalidRequest") if is_onto_itself(request) => (
            Kind::Usage,
            "the gateway refuses this combination",
            "an object is copied onto itself only with other metadata",
        ),
        (400, "InvalidRequest") => (
            Kind::Usage,
            "the gateway refuses this request",
            "its log says why, with the request's id: it may not do what was asked for, such as to encrypt",
        ),
        (400, "EntityTooLarge") => {
            (Kind::Unsupported, "the object is too large for one request", "it needs a multipart upload")
        }
        (404, "NoSuchBucket") => (Kind::NotFound, "no such bucket", "check its name, or create it"),
        (404, "NoSuchKey") => (Kind::NotFound, "no such object", ""),
        (404, "NoSuchUpload") => (Kind::NotFound, "no such multipart upload", "begin it anew"),
        // An answer to HEAD has no body and so no code.
        (404, "") if *method == Method::HEAD => {
            (Kind::NotFound, "no such object", "check the bucket and the key")
        }
        (404, _) => {
            (Kind::Protocol, "the answer is not a gateway's", "check that the address is the gateway's")
        }
        (409, "BucketAlreadyOwnedByYou") => {
            (Kind::Occupied, "the bucket is there already, and yours", "go on: nothing was changed")
        }
        (409, "BucketAlreadyExists") => {
            (Kind::Denied, "the bucket belongs to somebody else", "choose another name")
        }
        (409, "BucketNotEmpty") => (Kind::Occupied, "the bucket is not empty", "delete its objects first"),
        // A gateway says which error it is, but to HEAD, and takes any path.
        (400, "") if request.path.contains("/../") || request.path.ends_with("/..") => (
            Kind::Denied,
            "the request is refused before it comes to the gateway",
            "look for a proxy that does not pass such a path, as nginx does not pass `../../x`: go to the gateway \
             directly",
        ),
        (400, "") => (
            Kind::Protocol,
            "the gateway refuses the request",
            "if it is not the gateway that says so: check the address, and whether it wants https",
        ),
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
        (412, _) => {
            (Kind::Changed, "the object is not what it was", "somebody changed it meanwhile: run it again")
        }
        (413, _) => (
            Kind::Denied,
            "a router refuses a body of this size",
            "go to the gateway directly, or set `client_max_body_size 0` on the router",
        ),
        (429 | 503, _) | (_, "SlowDown") => {
            (Kind::Busy, "the gateway is overloaded or down", "wait, or start more gateways")
        }
        (502 | 504, _) => {
            (Kind::Unreachable, "a router cannot reach the gateway", "check that store-gateway runs")
        }
        (405 | 501, _) => (Kind::Unsupported, "the gateway does not know this operation", ""),
        (500..=599, _) => (Kind::NotReady, "the gateway failed", "look at its log, with the request's id"),
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

/// The words for a refusal.
fn denied(code: &str) -> (ErrorKind, &'static str, &'static str) {
    use ErrorKind as Kind;
    match code {
        "SignatureDoesNotMatch" => (
            Kind::Denied,
            "the gateway does not accept the signature",
            "check the secret key, and the access key, since some servers say this of an unknown one; if both are \
             right, look for a proxy that rewrites paths",
        ),
        "InvalidAccessKeyId" => (
            Kind::Denied,
            "the gateway does not know the access key",
            "check the keys: `deisctl config store get gateway/accessKey` shows the current one",
        ),
        "RequestTimeTooSkewed" => (
            Kind::Denied,
            "the clocks differ by more than 15 minutes",
            "set this machine's or the gateway's clock",
        ),
        "QuotaExceeded" => (Kind::Denied, "the user's quota is used up", "raise it with radosgw-admin"),
        "UserSuspended" => (Kind::Denied, "the user is suspended", "enable it with radosgw-admin"),
        // An answer to HEAD has no body and so no code: it may be any of the above.
        "" => (
            Kind::Denied,
            "the gateway denies access",
            "check keys, clock and the owner of the bucket; a wrong secret key and a proxy that rewrites paths look \
             like this too, since the signature then does not match",
        ),
        _ => (Kind::Denied, "the gateway denies access", "check keys, clock and the owner of the bucket"),
    }
}

/// Whether an object is copied onto itself.
fn is_onto_itself(request: &Request) -> bool {
    request.headers.get("x-amz-copy-source").is_some_and(|source| source == request.path.as_str())
}
