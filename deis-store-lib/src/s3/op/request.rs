//! A request, and the only way for an operation to make one.
//!
//! radosgw ignores a sub-resource that it does not know, and does what is left: `DELETE /b/k?foo` deletes the object,
//! `PUT /b/k?restore` overwrites it. An empty value counts as none: `DELETE /b/k?uploadId=` deletes the object too.
//! So the sub-resources that go with a method stand in the tables here, and an operation cannot send any other.

use std::fmt::Write as _;
use std::time::SystemTime;

use bytes::Bytes;
use http::{HeaderMap, Method, Uri, header};

use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::sign::{Dialect, RequestLine};
use crate::s3::types::{bucket_path, percent_encode};
use crate::s3::{BucketName, ObjectKey};
use crate::secret::Credentials;

/// Stands for an empty id, which radosgw would take for none: no upload and no version has this one.
const NO_ID: &str = "-";

/// A request before it is signed and sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, percent-encoded: sent and signed as it stands here.
    pub path: String,
    /// The headers, without `Host` and `Content-Length`.
    pub headers: HeaderMap,
    /// The body, where it is small; the body of an object is given beside the request.
    pub body: Bytes,
    query: String,
}

impl Request {
    /// A request as it is given, such as no operation makes. `path` and `query` are percent-encoded.
    #[must_use]
    pub fn bare(method: Method, path: String, query: String) -> Self {
        Self { method, path, query, headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// The query, percent-encoded, without `?`; flags stand without `=`.
    #[must_use]
    pub fn query(&self) -> &str {
        &self.query
    }

    /// Path and query as they stand in the request line.
    #[must_use]
    pub fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Signs it for its header: sets `Date` and `Authorization`. An [`ErrorKind::Usage`](crate::ErrorKind::Usage) error if
    /// the access key has control characters.
    pub fn sign(&mut self, credentials: &Credentials, now: SystemTime) -> Result<()> {
        let line = RequestLine { method: self.method.as_str(), path: &self.path, query: &self.query };
        Dialect::Radosgw.sign(line, &mut self.headers, credentials, now)
    }

    /// Its path and query with a signature that holds until `expires`.
    ///
    /// Every `x-amz-` header, `Content-Type` and `Content-MD5` of the request is signed, so its user must send them too.
    #[must_use]
    pub fn presigned(&self, credentials: &Credentials, expires: SystemTime) -> String {
        let line = RequestLine { method: self.method.as_str(), path: &self.path, query: &self.query };
        Dialect::Radosgw.presign(line, &self.headers, credentials, expires)
    }

    /// Whether it is carried out only if nothing has its key yet.
    pub(crate) fn creates_only(&self) -> bool {
        self.headers.get(header::IF_NONE_MATCH).is_some_and(|value| value == "*")
    }

    /// As the ecosystem's type, for any HTTP client: sent to the scheme and authority of `base`, whose path must be
    /// empty. Sign it before. A client that parses the URL anew must leave the path as it is.
    pub fn into_http(self, base: &Uri) -> Result<http::Request<Bytes>> {
        if base.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(Error::new(ErrorKind::Usage, "a URL must not hold a user or password"));
        }
        let usage = |what: &str| Error::new(ErrorKind::Usage, what).at(At::Endpoint, base);
        if base.path() != "/" && !base.path().is_empty() || base.query().is_some() {
            return Err(usage("an endpoint has no path").todo("give it as http://HOST:PORT"));
        }
        let (Some(scheme), Some(authority)) = (base.scheme(), base.authority()) else {
            return Err(usage("a URL without scheme or host").todo("give it as http://HOST:PORT"));
        };
        if authority.as_str().rsplit(']').next().is_some_and(|rest| rest.contains(':'))
            && authority.port_u16().unwrap_or_default() == 0
        {
            return Err(usage("the port is no number from 1 to 65535").todo("give it as http://HOST:PORT"));
        }
        let uri = Uri::builder().scheme(scheme.clone()).authority(authority.clone());
        let uri = uri.path_and_query(self.target()).build();
        let uri = uri.map_err(|error| usage("the request makes no URL").because(error))?;
        let mut request = http::Request::new(self.body);
        (*request.method_mut(), *request.uri_mut()) = (self.method, uri);
        *request.headers_mut() = self.headers;
        Ok(request)
    }

    /// `GET /`.
    pub(super) fn of_service() -> Self {
        Self::bare(Method::GET, "/".to_owned(), String::new())
    }

    /// Adds a parameter that is no sub-resource, unless it is empty.
    pub(super) fn with(mut self, Parameter(name): Parameter, value: &str) -> Self {
        if !value.is_empty() {
            let separator = if self.query.is_empty() { "" } else { "&" };
            let _ = write!(self.query, "{separator}{name}={}", percent_encode(value, false));
        }
        self
    }
}

/// A way to use a bucket: a method, and a flag in the query or none.
#[derive(Debug)]
pub(super) struct OfBucket(Method, &'static str);

impl OfBucket {
    pub(super) const CREATE: Self = Self(Method::PUT, "");
    pub(super) const DELETE: Self = Self(Method::DELETE, "");
    pub(super) const DELETE_OBJECTS: Self = Self(Method::POST, "delete");
    pub(super) const GET_ACL: Self = Self(Method::GET, "acl");
    pub(super) const HEAD: Self = Self(Method::HEAD, "");
    pub(super) const LIST: Self = Self(Method::GET, "");
    pub(super) const LIST_UPLOADS: Self = Self(Method::GET, "uploads");
    pub(super) const LIST_VERSIONS: Self = Self(Method::GET, "versions");
    pub(super) const LOCATION: Self = Self(Method::GET, "location");
    pub(super) const PUT_ACL: Self = Self(Method::PUT, "acl");
    pub(super) const VERSIONING: Self = Self(Method::GET, "versioning");

    /// The request.
    pub(super) fn request(self, bucket: &BucketName) -> Request {
        Request::bare(self.0, bucket_path(bucket), self.1.to_owned())
    }
}

/// A way to use an object: a method, a flag in the query or none, and sub-resources that have values.
#[derive(Debug)]
pub(super) struct OfObject<const N: usize>(Method, &'static str, [&'static str; N]);

impl OfObject<0> {
    pub(super) const GET_ACL: Self = Self(Method::GET, "acl", []);
    pub(super) const INITIATE_UPLOAD: Self = Self(Method::POST, "uploads", []);
    pub(super) const PUT: Self = Self(Method::PUT, "", []);
    pub(super) const PUT_ACL: Self = Self(Method::PUT, "acl", []);
    const DELETE: Self = Self(Method::DELETE, "", []);
    const GET: Self = Self(Method::GET, "", []);
    const HEAD: Self = Self(Method::HEAD, "", []);
}

impl OfObject<1> {
    pub(super) const ABORT_UPLOAD: Self = Self(Method::DELETE, "", ["uploadId"]);
    pub(super) const COMPLETE_UPLOAD: Self = Self(Method::POST, "", ["uploadId"]);
    pub(super) const LIST_PARTS: Self = Self(Method::GET, "", ["uploadId"]);
    const DELETE_VERSION: Self = Self(Method::DELETE, "", ["versionId"]);
    const GET_VERSION: Self = Self(Method::GET, "", ["versionId"]);
    const HEAD_VERSION: Self = Self(Method::HEAD, "", ["versionId"]);
}

impl OfObject<2> {
    pub(super) const UPLOAD_PART: Self = Self(Method::PUT, "", ["partNumber", "uploadId"]);
}

impl<const N: usize> OfObject<N> {
    /// The request, with a value for each sub-resource that has one.
    pub(super) fn request(self, bucket: &BucketName, key: &ObjectKey, values: [&str; N]) -> Request {
        let mut query = self.1.to_owned();
        for (name, value) in self.2.into_iter().zip(values) {
            let separator = if query.is_empty() { "" } else { "&" };
            let value = if value.is_empty() { NO_ID } else { value };
            let _ = write!(query, "{separator}{name}={}", percent_encode(value, false));
        }
        Request::bare(self.0, key.path_in(bucket), query)
    }
}

/// `GET` of an object or of a version of it.
pub(super) fn get(bucket: &BucketName, key: &ObjectKey, version_id: Option<&str>) -> Request {
    of_version(OfObject::GET, OfObject::GET_VERSION, bucket, key, version_id)
}

/// `HEAD` of an object or of a version of it.
pub(super) fn head(bucket: &BucketName, key: &ObjectKey, version_id: Option<&str>) -> Request {
    of_version(OfObject::HEAD, OfObject::HEAD_VERSION, bucket, key, version_id)
}

/// `DELETE` of an object or of a version of it.
pub(super) fn delete(bucket: &BucketName, key: &ObjectKey, version_id: Option<&str>) -> Request {
    of_version(OfObject::DELETE, OfObject::DELETE_VERSION, bucket, key, version_id)
}

fn of_version(
    newest: OfObject<0>,
    version: OfObject<1>,
    bucket: &BucketName,
    key: &ObjectKey,
    version_id: Option<&str>,
) -> Request {
    match version_id {
        Some(version_id) => version.request(bucket, key, [version_id]),
        None => newest.request(bucket, key, []),
    }
}

/// A parameter of a question, mostly of a listing: not signed, and of no effect where it is not known.
#[derive(Debug)]
pub(super) struct Parameter(&'static str);

impl Parameter {
    pub(super) const DELIMITER: Self = Self("delimiter");
    pub(super) const ENCODING_TYPE: Self = Self("encoding-type");
    pub(super) const KEY_MARKER: Self = Self("key-marker");
    pub(super) const MARKER: Self = Self("marker");
    pub(super) const MAX_KEYS: Self = Self("max-keys");
    pub(super) const MAX_PARTS: Self = Self("max-parts");
    pub(super) const MAX_UPLOADS: Self = Self("max-uploads");
    pub(super) const PART_NUMBER_MARKER: Self = Self("part-number-marker");
    pub(super) const PREFIX: Self = Self("prefix");
    pub(super) const READ_STATS: Self = Self("read-stats");
    pub(super) const UPLOAD_ID_MARKER: Self = Self("upload-id-marker");
    pub(super) const VERSION_ID_MARKER: Self = Self("version-id-marker");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_id_never_makes_another_operation_of_a_request() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let targets = [
            OfObject::ABORT_UPLOAD.request(&bucket, &key, [""]).target(),
            delete(&bucket, &key, Some("")).target(),
            OfObject::UPLOAD_PART.request(&bucket, &key, ["1", ""]).target(),
        ];
        assert_eq!(targets, ["/abc/k?uploadId=-", "/abc/k?versionId=-", "/abc/k?partNumber=1&uploadId=-"]);
    }

    #[test]
    fn a_request_becomes_one_of_the_ecosystems_with_its_path_as_it_was_signed() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("a/../b c").unwrap());
        let mut request = get(&bucket, &key, Some("v"));
        request.headers.insert(header::DATE, http::HeaderValue::from_static("d"));
        let base = Uri::from_static("https://gateway:8443");
        let sent = request.clone().into_http(&base).unwrap();
        assert_eq!(sent.uri(), "https://gateway:8443/abc/a/../b%20c?versionId=v");
        assert_eq!(
            (sent.method(), &sent.headers()["date"]),
            (&Method::GET, &http::HeaderValue::from_static("d"))
        );
        for base in ["/", "http://gateway/path", "http://gateway/?q", "http://user:hunter2@gateway"] {
            let error = request.clone().into_http(&base.parse().unwrap()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage, "{base}");
            assert!(!error.to_string().contains("hunter2"));
        }
    }

    #[test]
    fn values_are_encoded_and_empty_parameters_left_out() {
        let bucket = BucketName::new("abc").unwrap();
        let request = OfBucket::LIST_UPLOADS.request(&bucket);
        let request = request.with(Parameter::PREFIX, "").with(Parameter::KEY_MARKER, "a&acl=/+");
        assert_eq!(request.target(), "/abc?uploads&key-marker=a%26acl%3D%2F%2B");
    }
}
