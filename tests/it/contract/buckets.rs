//! Buckets.

use deis_store::ErrorKind;
use deis_store::s3::op::{BucketTotals, CreateBucket, ListVersions};

use super::{Site, key, refused, rules};
use crate::main_job::bucket;

rules! {
    ones_own_bucket_can_be_created_again_and_keeps_its_objects,
    a_bucket_is_listed_once_with_the_time_of_its_making,
    in_a_bucket_that_is_not_there_nothing_is_found,
    a_name_like_an_address_is_refused,
    the_totals_of_a_bucket_are_of_its_objects,
    a_bucket_has_a_location,
    of_a_bucket_that_is_not_there_nothing_is_said,
}

async fn ones_own_bucket_can_be_created_again_and_keeps_its_objects(site: &Site) {
    site.put("k", b"x").await.unwrap();
    site.client.create_bucket(&site.bucket).await.unwrap();
    assert_eq!(site.get("k").await.unwrap().1, b"x");
}

async fn a_bucket_is_listed_once_with_the_time_of_its_making(site: &Site) {
    site.client.create_bucket(&site.bucket).await.unwrap();
    let buckets = site.client.buckets().await.unwrap();
    let ours: Vec<_> = buckets.iter().filter(|bucket| bucket.name == site.bucket.as_str()).collect();
    assert_eq!(ours.len(), 1, "{buckets:?}");
    // 2026-11-22T06:38:30.123Z
    let created = ours[0].created.as_str();
    assert!(created.len() == 24 && created.ends_with('Z') && created.starts_with("20"), "{created}");
}

async fn in_a_bucket_that_is_not_there_nothing_is_found(site: &Site) {
    let nowhere = Site { bucket: bucket("no-such-bucket"), client: site.client.clone(), ..copy(site) };
    let absent = "404 NoSuchBucket";
    refused(site.client.is_empty(&nowhere.bucket).await, ErrorKind::NotFound, absent);
    refused(nowhere.get("k").await, ErrorKind::NotFound, absent);
    refused(nowhere.put("k", b"x").await, ErrorKind::NotFound, absent);
    refused(nowhere.put("k", b"").await, ErrorKind::NotFound, absent);
    refused(site.client.delete(&nowhere.bucket, &key("k")).await, ErrorKind::NotFound, absent);
    // An answer to HEAD has no body, and so no code.
    refused(nowhere.head("k").await, ErrorKind::NotFound, "404");
}

fn copy(site: &Site) -> Site {
    Site {
        which: site.which,
        url: site.url.clone(),
        access_key: site.access_key.clone(),
        secret_key: site.secret_key.clone(),
        bucket: site.bucket.clone(),
        client: site.client.clone(),
    }
}

async fn a_name_like_an_address_is_refused(site: &Site) {
    let address = bucket("127.0.0.1");
    let result = site.client.execute(&CreateBucket { bucket: &address }).await;
    refused(result, ErrorKind::Usage, "400 InvalidBucketName");
}

async fn the_totals_of_a_bucket_are_of_its_objects(site: &Site) {
    let empty = site.client.bucket_totals(&site.bucket).await.unwrap();
    if site.is_swift() {
        // It tells them in its own API alone.
        assert_eq!(empty, BucketTotals::default());
        return;
    }
    assert_eq!((empty.objects, empty.bytes), (Some(0), Some(0)));
    site.put("a", b"abc").await.unwrap();
    site.put("b", b"").await.unwrap();
    let totals = site.client.bucket_totals(&site.bucket).await.unwrap();
    assert_eq!((totals.objects, totals.bytes), (Some(2), Some(3)));
    // Nobody set a quota.
    assert_eq!((totals.most_objects, totals.most_bytes), (None, None));
    assert_eq!((totals.most_objects_of_user, totals.most_bytes_of_user), (None, None));
}

async fn a_bucket_has_a_location(site: &Site) {
    // `us-east-1` is the region that AWS leaves out.
    let expected = if site.is_swift() { "" } else { "default" };
    assert_eq!(site.client.location(&site.bucket).await.unwrap(), expected);
}

async fn of_a_bucket_that_is_not_there_nothing_is_said(site: &Site) {
    let (nowhere, absent) = (bucket("no-such-bucket"), "404 NoSuchBucket");
    refused(site.client.bucket_totals(&nowhere).await, ErrorKind::NotFound, "404");
    let location = site.client.location(&nowhere).await;
    if site.release() == Some(14) {
        // It does not look whether the bucket is there.
        assert_eq!(location.unwrap(), "");
    } else {
        refused(location, ErrorKind::NotFound, absent);
    }
    refused(site.client.versioning(&nowhere).await, ErrorKind::NotFound, absent);
    let page = ListVersions { bucket: &nowhere, prefix: "", after: None, max_keys: 1 };
    refused(site.client.versions_page(&page).await, ErrorKind::NotFound, absent);
}
