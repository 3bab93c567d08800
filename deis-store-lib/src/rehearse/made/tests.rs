//! Tests of the made cluster as a whole.

use std::collections::BTreeSet;

use super::*;
use crate::s3::op::KEPT_HEADERS;
use crate::s3::{BucketName, ObjectKey};

/// The volume as a tar.
fn volume(sample: Sample) -> Vec<u8> {
    let mut archive = Vec::new();
    sample.volume(&mut archive).unwrap();
    archive
}

/// Whether an object is quick to make. Checksums of layers take long, and have a test of their own.
fn is_quick(object: &SampleObject) -> bool {
    !object.key.ends_with("/_checksum")
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let [one, other] = [Sample::new(7), Sample::new(7)];
    for (one, other) in one.buckets().into_iter().zip(other.buckets()) {
        assert_eq!(one.objects.len(), other.objects.len());
        for (one, other) in one.objects.iter().zip(&other.objects) {
            assert_eq!((&one.key, one.modified), (&other.key, other.modified));
            assert!(!is_quick(one) || one.bytes() == other.bytes(), "{}", one.key);
        }
    }
    assert!(volume(one) == volume(other));
    assert_eq!(one.dump(), other.dump());
    assert_eq!(one.configuration(), other.configuration());
}

#[test]
fn another_seed_makes_other_bytes() {
    let [one, other] = [Sample::new(7), Sample::new(8)];
    let noisy = |sample: Sample| -> Vec<SampleObject> {
        let objects = sample.buckets().into_iter().flat_map(|bucket| bucket.objects);
        objects.filter(|object| object.key.ends_with("FF.lzo") || object.key.ends_with(".tar.lzo")).collect()
    };
    for (one, other) in noisy(one).iter().zip(&noisy(other)) {
        assert!(one.bytes() != other.bytes(), "{}", one.key);
    }
    // Images have other names too.
    let images = |sample: Sample| -> Vec<String> {
        let objects = sample.buckets().into_iter().flat_map(|bucket| bucket.objects);
        objects.map(|object| object.key).filter(|key| key.contains("/images/")).collect()
    };
    assert!(images(one).iter().zip(&images(other)).all(|(one, other)| one != other));
    assert!(volume(one) != volume(other));
    assert_ne!(one.dump(), other.dump());
    assert_ne!(one.configuration(), other.configuration());
}

#[test]
fn every_object_is_one_that_a_gateway_can_store() {
    for bucket in Sample::new(1).buckets() {
        assert!(BucketName::new(bucket.name).is_ok());
        let keys: BTreeSet<_> = bucket.objects.iter().map(|object| &object.key).collect();
        assert_eq!(keys.len(), bucket.objects.len(), "a key stands twice");
        assert!(bucket.objects.windows(2).all(|pair| pair[0].modified < pair[1].modified));
        for object in &bucket.objects {
            assert!(ObjectKey::new(&object.key).is_ok(), "{}", object.key);
            assert!(object.headers.keys().all(|name| KEPT_HEADERS.contains(&name.as_str())));
            assert_eq!(object.modified.subsec_nanosecond(), 0);
        }
    }
}

#[test]
fn all_of_it_is_small_and_no_object_is_large() {
    let sample = Sample::new(1);
    let [db_wal, registry] = sample.buckets().map(|bucket| {
        let sizes =
            bucket.objects.iter().filter(|object| is_quick(object)).map(|object| object.bytes().len());
        sizes.inspect(|size| assert!(*size <= 12 << 20)).sum::<usize>()
    });
    assert!((4 << 20..10 << 20).contains(&db_wal), "{db_wal}");
    let all = db_wal + registry + volume(sample).len() + sample.dump().len();
    assert!((30 << 20..40 << 20).contains(&all), "{all}");
}

#[test]
fn buckets_have_the_names_that_the_configuration_has() {
    let sample = Sample::new(1);
    let tree = sample.configuration();
    let names = ["database", "registry"].map(|part| tree.text(&format!("/deis/{part}/bucketName")));
    assert_eq!(names, sample.buckets().each_ref().map(|bucket| Some(bucket.name.as_str())));
}
