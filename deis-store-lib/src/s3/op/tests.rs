//! Rules that hold for all operations.

use std::collections::BTreeMap;

use http::{HeaderMap, Method, StatusCode};

use super::*;
use crate::s3::sign::SIGNED_SUBRESOURCES;
use crate::s3::{Advice, S3Error};
use crate::s3::{BucketName, ObjectKey};

/// The sub-resources that a radosgw of any age knows for a method: of a bucket, and of an object.
const KNOWN: [(&str, &[&str], &[&str]); 5] = [
    ("GET", &["acl", "location", "uploads", "versioning", "versions"], &["acl", "uploadId", "versionId"]),
    ("HEAD", &[], &["versionId"]),
    ("PUT", &["acl"], &["acl", "partNumber", "uploadId"]),
    ("POST", &["delete"], &["uploadId", "uploads"]),
    ("DELETE", &[], &["uploadId", "versionId"]),
];

/// Parameters of listings: on an old server, they at worst do nothing.
const HARMLESS: [&str; 12] = [
    "delimiter",
    "encoding-type",
    "key-marker",
    "marker",
    "max-keys",
    "max-parts",
    "max-uploads",
    "part-number-marker",
    "prefix",
    "read-stats",
    "upload-id-marker",
    "version-id-marker",
];

/// Every operation, with every part of a query that it can have.
fn requests() -> Vec<Request> {
    let (bucket, key) = (&BucketName::new("abc").unwrap(), &ObjectKey::new("k?acl&x=").unwrap());
    let nothing = BTreeMap::new();
    let (upload_id, version_id) = ("2~a&acl", Some("v&acl"));
    let source = CopySource { bucket, key, version_id };
    let keys = [key.clone()];
    let acl = NewAcl::Canned(CannedAcl::Private);
    let mut get = GetObject::new(bucket, key);
    let mut head = HeadObject::new(bucket, key);
    let mut delete = DeleteObject::new(bucket, key);
    let mut requests = vec![get.request(), head.request(), delete.request()];
    get.version_id = version_id;
    head.version_id = version_id;
    delete.version_id = version_id;
    let (marker_key, id) = (ObjectKey::new("k&acl").unwrap(), "i&acl".to_owned());
    let version = VersionMarker { key: marker_key.clone(), version_id: id.clone() };
    let upload = UploadMarker { key: marker_key, upload_id: id };
    requests.extend([
        get.request(),
        head.request(),
        delete.request(),
        ListBuckets.request(),
        CreateBucket { bucket }.request(),
        DeleteBucket { bucket }.request(),
        HeadBucket { bucket }.request(),
        BucketLocation { bucket }.request(),
        BucketVersioning { bucket }.request(),
        BucketAcl { bucket }.request(),
        PutBucketAcl { bucket, acl }.request(),
        ObjectAcl { bucket, key }.request(),
        PutObjectAcl { bucket, key, acl }.request(),
        ListObjects { bucket, prefix: "p&acl", marker: "m", delimiter: Some("/"), max_keys: 1 }.request(),
        ListVersions { bucket, prefix: "p&acl", after: Some(&version), max_keys: 1 }.request(),
        ListUploads { bucket, prefix: "p&acl", after: Some(&upload), max_uploads: 1 }.request(),
        ListParts { bucket, key, upload_id, after: 1, max_parts: 1 }.request(),
        PutObject::new(bucket, key, 0, [0; 16]).unwrap().create_only().request(),
        CopyObject::new(source, bucket, key).request(),
        InitiateUpload::new(bucket, key, None, &nothing, &nothing).unwrap().request(),
        UploadPart::new(bucket, key, upload_id, 1, [0; 16]).unwrap().request(),
        CopyPart::new(source, bucket, key, upload_id, 1).unwrap().request(),
        CompleteUpload { bucket, key, upload_id, parts: &[] }.request(),
        AbortUpload { bucket, key, upload_id }.request(),
        DeleteObjects::first(bucket, &keys).unwrap().0.request(),
    ]);
    requests
}

#[test]
fn no_operation_has_a_sub_resource_that_a_radosgw_might_ignore() {
    for request in requests() {
        let known = KNOWN.iter().find(|(method, ..)| *method == request.method.as_str()).unwrap();
        let known = if request.path.matches('/').count() == 1 { known.1 } else { known.2 };
        for token in request.query().split('&').filter(|token| !token.is_empty()) {
            let (name, value) =
                token.split_once('=').map_or((token, None), |(name, value)| (name, Some(value)));
            assert!(
                known.contains(&name) || HARMLESS.contains(&name),
                "{} {}",
                request.method,
                request.target()
            );
            assert_eq!(known.contains(&name), SIGNED_SUBRESOURCES.contains(&name), "{}", request.target());
            assert_ne!(value, Some(""), "a flag has no `=`: {}", request.target());
        }
    }
}

#[test]
fn what_might_fail_when_it_is_repeated_says_so() {
    let (bucket, key) = (&BucketName::new("abc").unwrap(), &ObjectKey::new("k").unwrap());
    let nothing = BTreeMap::new();
    let put = PutObject::new(bucket, key, 0, [0; 16]).unwrap();
    assert_eq!(put.repeat(), Repeat::Yes);
    assert_eq!(put.create_only().repeat(), Repeat::ProbeFirst);
    assert_eq!(CompleteUpload { bucket, key, upload_id: "u", parts: &[] }.repeat(), Repeat::ProbeFirst);
    assert_eq!(InitiateUpload::new(bucket, key, None, &nothing, &nothing).unwrap().repeat(), Repeat::No);
}

#[test]
fn no_such_key_is_final_for_what_sends_no_bytes_of_an_object() {
    let (bucket, key) = (&BucketName::new("abc").unwrap(), &ObjectKey::new("k").unwrap());
    let head = Head { status: StatusCode::NOT_FOUND, headers: HeaderMap::new() };
    let error = S3Error::read(&head, b"<Error><Code>NoSuchKey</Code></Error>");
    let source = CopySource { bucket, key, version_id: None };
    let acl = NewAcl::Canned(CannedAcl::Private);
    assert_eq!(CopyObject::new(source, bucket, key).advice(&error, &Method::PUT), Advice::Fail);
    assert_eq!(
        CopyPart::new(source, bucket, key, "u", 1).unwrap().advice(&error, &Method::PUT),
        Advice::Fail
    );
    assert_eq!(PutObjectAcl { bucket, key, acl }.advice(&error, &Method::PUT), Advice::Fail);
    assert_eq!(PutObject::new(bucket, key, 0, [0; 16]).unwrap().advice(&error, &Method::PUT), Advice::Again);
}

#[test]
fn a_page_of_a_captive_portal_is_not_the_success_of_a_deletion() {
    let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
    assert!(nothing(&head, b"").is_ok() && nothing(&head, b"<html>Welcome</html>").is_err());
}
