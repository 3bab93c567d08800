//! The operation that a request asks for. Pure.

use super::parsed_request::ParsedRequest;

/// Settings of a bucket that can be read, and sub-resources that are not built.
const SETTINGS: [&str; 13] = [
    "cors",
    "lifecycle",
    "location",
    "logging",
    "notification",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "requestPayment",
    "tagging",
    "torrent",
    "versioning",
    "website",
];

/// The operation that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// `GET /`.
    ListBuckets,
    /// `HEAD /BUCKET`.
    HeadBucket,
    /// `PUT /BUCKET`.
    CreateBucket,
    /// `DELETE /BUCKET`.
    DeleteBucket,
    /// `GET /BUCKET?SETTING`.
    BucketSetting,
    /// `GET /BUCKET`.
    ListObjects,
    /// `GET /BUCKET?versions`.
    ListVersions,
    /// `GET /BUCKET?uploads`.
    ListUploads,
    /// `POST /BUCKET?delete`.
    DeleteObjects,
    /// `GET …?acl`, of a bucket or an object.
    GetAcl,
    /// `PUT …?acl`, of a bucket or an object.
    PutAcl,
    /// `HEAD /BUCKET/KEY`.
    HeadObject,
    /// `GET /BUCKET/KEY`.
    GetObject,
    /// `PUT /BUCKET/KEY`.
    PutObject,
    /// `PUT /BUCKET/KEY` with `x-amz-copy-source`.
    CopyObject,
    /// `DELETE /BUCKET/KEY`.
    DeleteObject,
    /// `POST /BUCKET/KEY?uploads`.
    InitiateUpload,
    /// `PUT /BUCKET/KEY?partNumber=N&uploadId=U`.
    UploadPart,
    /// The same with `x-amz-copy-source`.
    CopyPart,
    /// `GET /BUCKET/KEY?uploadId=U`.
    ListParts,
    /// `POST /BUCKET/KEY?uploadId=U`.
    CompleteUpload,
    /// `DELETE /BUCKET/KEY?uploadId=U`.
    AbortUpload,
    /// Anything else.
    Other,
}

impl Operation {
    /// The operation that a request asks for.
    pub(super) fn of(request: &ParsedRequest) -> Self {
        match (request.method.as_str(), request.is_service(), request.key.is_empty()) {
            ("GET" | "HEAD", true, _) => Self::ListBuckets,
            (_, true, _) => Self::Other,
            (method, _, true) => of_bucket(method, request),
            (method, _, false) => of_object(method, request),
        }
    }
}

fn of_bucket(method: &str, request: &ParsedRequest) -> Operation {
    let has = |name| request.has(name);
    match method {
        "HEAD" => Operation::HeadBucket,
        "GET" if has("acl") => Operation::GetAcl,
        "GET" if has("uploads") => Operation::ListUploads,
        "GET" if has("versions") => Operation::ListVersions,
        "GET" if SETTINGS.into_iter().any(has) => Operation::BucketSetting,
        "GET" => Operation::ListObjects,
        "PUT" if has("acl") => Operation::PutAcl,
        "PUT" => Operation::CreateBucket,
        "DELETE" => Operation::DeleteBucket,
        "POST" if has("delete") => Operation::DeleteObjects,
        _ => Operation::Other,
    }
}

fn of_object(method: &str, request: &ParsedRequest) -> Operation {
    let has = |name| request.has(name);
    // An empty id is none: the object itself is meant then.
    let of_upload = !request.parameter("uploadId").is_empty();
    let copies = request.headers.contains_key("x-amz-copy-source");
    match method {
        "HEAD" => Operation::HeadObject,
        "GET" if of_upload => Operation::ListParts,
        "GET" if has("acl") => Operation::GetAcl,
        "GET" => Operation::GetObject,
        "PUT" if of_upload && copies => Operation::CopyPart,
        "PUT" if of_upload => Operation::UploadPart,
        "PUT" if has("acl") => Operation::PutAcl,
        "PUT" if copies => Operation::CopyObject,
        "PUT" => Operation::PutObject,
        "POST" if has("uploads") => Operation::InitiateUpload,
        "POST" if of_upload => Operation::CompleteUpload,
        "DELETE" if of_upload => Operation::AbortUpload,
        "DELETE" => Operation::DeleteObject,
        _ => Operation::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_what_it_asks_for() {
        for (method, target, operation) in [
            ("GET", "/", Operation::ListBuckets),
            ("PUT", "/", Operation::Other),
            ("GET", "/b?prefix=a%2Fb", Operation::ListObjects),
            ("GET", "/b?versioning", Operation::BucketSetting),
            ("GET", "/b/k", Operation::GetObject),
            ("HEAD", "/b/k", Operation::HeadObject),
            ("PUT", "/b/k?partNumber=1&uploadId=2~x", Operation::UploadPart),
            ("POST", "/b/k?uploads", Operation::InitiateUpload),
            ("POST", "/b/k?uploadId=2~x", Operation::CompleteUpload),
            ("DELETE", "/b/k?uploadId=2~x", Operation::AbortUpload),
            ("DELETE", "/b/k?uploadId=", Operation::DeleteObject),
            ("POST", "/b/k", Operation::Other),
        ] {
            let request = http::Request::builder().method(method).uri(target).body(()).unwrap();
            let parsed = ParsedRequest::read(&request.into_parts().0).unwrap();
            assert_eq!(Operation::of(&parsed), operation, "{method} {target}");
        }
    }
}
