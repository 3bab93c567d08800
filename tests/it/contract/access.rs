//! Access control lists.

use deis_store::ErrorKind;
use deis_store::http::Body;
use deis_store::s3::op::{Acl, CannedAcl, Grantee, InitiateUpload, NewAcl, PutObject};

use super::{Site, key, md5, pairs, refused, rules};
use crate::main_job::bucket;

rules! {
    a_list_that_was_kept_can_be_put_back,
    canned_lists_say_who_may_read,
    an_object_is_private_unless_something_else_is_said,
    a_list_of_another_owner_is_refused,
    what_is_not_there_has_no_list,
}

/// The groups with a permission, as `GROUP PERMISSION`. A group's name is the last word of its URI.
fn groups(acl: &Acl) -> Vec<String> {
    let group = |grantee: &Grantee| match grantee {
        Grantee::Group(uri) => Some(uri.rsplit('/').next().unwrap().to_owned()),
        _ => None,
    };
    let grants = acl.grants().iter();
    grants.filter_map(|grant| Some(format!("{} {}", group(&grant.grantee)?, grant.permission))).collect()
}

async fn a_list_that_was_kept_can_be_put_back(site: &Site) {
    let (bucket, key) = (&site.bucket, &key("a b+%é\n"));
    site.put(key.as_str(), b"x").await.unwrap();
    let canned = |acl| NewAcl::Canned(acl);
    site.client.put_object_acl(bucket, key, canned(CannedAcl::PublicRead)).await.unwrap();
    let kept = Acl::parse(site.client.object_acl(bucket, key).await.unwrap().xml()).unwrap();
    site.client.put_object_acl(bucket, key, canned(CannedAcl::Private)).await.unwrap();
    assert_eq!(groups(&site.client.object_acl(bucket, key).await.unwrap()), [""; 0]);
    site.client.put_object_acl(bucket, key, NewAcl::Kept(&kept)).await.unwrap();
    let back = site.client.object_acl(bucket, key).await.unwrap();
    assert_eq!((groups(&back), back.owner_id()), (vec!["AllUsers READ".to_owned()], kept.owner_id()));
    assert_eq!(site.get(key.as_str()).await.unwrap().1, b"x");

    site.client.put_bucket_acl(bucket, canned(CannedAcl::PublicReadWrite)).await.unwrap();
    let kept = site.client.bucket_acl(bucket).await.unwrap();
    assert_eq!(groups(&kept), ["AllUsers READ", "AllUsers WRITE"]);
    site.client.put_bucket_acl(bucket, canned(CannedAcl::Private)).await.unwrap();
    site.client.put_bucket_acl(bucket, NewAcl::Kept(&kept)).await.unwrap();
    assert_eq!(groups(&site.client.bucket_acl(bucket).await.unwrap()), ["AllUsers READ", "AllUsers WRITE"]);
}

async fn canned_lists_say_who_may_read(site: &Site) {
    site.put("k", b"x").await.unwrap();
    for (acl, said) in [
        (CannedAcl::PublicRead, &["AllUsers READ"][..]),
        (CannedAcl::PublicReadWrite, &["AllUsers READ", "AllUsers WRITE"]),
        (CannedAcl::AuthenticatedRead, &["AuthenticatedUsers READ"]),
        (CannedAcl::BucketOwnerRead, &[]),
        (CannedAcl::BucketOwnerFullControl, &[]),
        (CannedAcl::Private, &[]),
    ] {
        site.client.put_object_acl(&site.bucket, &key("k"), NewAcl::Canned(acl)).await.unwrap();
        let got = site.client.object_acl(&site.bucket, &key("k")).await.unwrap();
        assert_eq!(groups(&got), said, "{acl:?}");
        let owner = Grantee::User(got.owner_id().to_owned());
        assert!(
            got.grants().iter().any(|grant| grant.grantee == owner && grant.permission == "FULL_CONTROL")
        );
    }
}

async fn an_object_is_private_unless_something_else_is_said(site: &Site) {
    let (bucket, name) = (&site.bucket, key("k"));
    let body = Body::Bytes("x".into());
    let put = PutObject::new(bucket, &name, 1, md5(b"x")).unwrap();
    site.client.put(&put.clone().acl(CannedAcl::PublicRead), &body).await.unwrap();
    assert_eq!(groups(&site.client.object_acl(bucket, &name).await.unwrap()), ["AllUsers READ"]);
    site.client.put(&put, &body).await.unwrap();
    assert_eq!(groups(&site.client.object_acl(bucket, &name).await.unwrap()), [""; 0]);

    let name = key("parts");
    let initiate = InitiateUpload::new(bucket, &name, None, &pairs(&[]), &pairs(&[])).unwrap();
    let upload_id = site.client.execute(&initiate.acl(CannedAcl::PublicRead)).await.unwrap();
    let part = deis_store::s3::op::UploadPart::new(bucket, &name, &upload_id, 1, md5(b"x")).unwrap();
    site.client.upload_part(&part, &body).await.unwrap();
    let (upload_id, parts) = (upload_id.as_str(), &[md5(b"x")][..]);
    let complete = deis_store::s3::op::CompleteUpload { bucket, key: &name, upload_id, parts };
    site.client.execute(&complete).await.unwrap();
    assert_eq!(groups(&site.client.object_acl(bucket, &name).await.unwrap()), ["AllUsers READ"]);
}

async fn a_list_of_another_owner_is_refused(site: &Site) {
    site.put("k", b"x").await.unwrap();
    let ours = site.client.object_acl(&site.bucket, &key("k")).await.unwrap();
    let id = |id: &str| format!("<ID>{id}</ID>");
    let other = Acl::parse(ours.xml().replace(&id(ours.owner_id()), &id("somebody"))).unwrap();
    let result = site.client.put_object_acl(&site.bucket, &key("k"), NewAcl::Kept(&other)).await;
    match site.release() {
        // It looks for the owner of the list before it asks who may set one.
        Some(20) => refused(result, ErrorKind::Protocol, "400 InvalidArgument"),
        _ => refused(result, ErrorKind::Denied, "403 AccessDenied"),
    };
    assert_eq!(site.client.object_acl(&site.bucket, &key("k")).await.unwrap(), ours);
}

async fn what_is_not_there_has_no_list(site: &Site) {
    let (absent, private) = (key("absent"), NewAcl::Canned(CannedAcl::Private));
    let (no_key, no_bucket) = ("404 NoSuchKey", "404 NoSuchBucket");
    refused(site.client.object_acl(&site.bucket, &absent).await, ErrorKind::NotFound, no_key);
    let result = site.client.put_object_acl(&site.bucket, &absent, private).await;
    if site.is_swift() {
        // It says so of each object.
        refused(result, ErrorKind::Unsupported, "501 NotImplemented");
    } else {
        refused(result, ErrorKind::NotFound, no_key);
    }
    let nowhere = bucket("no-such-bucket");
    refused(site.client.bucket_acl(&nowhere).await, ErrorKind::NotFound, no_bucket);
    // Ceph 14 has another code for it.
    let said = if site.release() == Some(14) { no_key } else { no_bucket };
    refused(site.client.put_bucket_acl(&nowhere, private).await, ErrorKind::NotFound, said);
}
