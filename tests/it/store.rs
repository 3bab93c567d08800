//! Behaviour of a real gateway on which the client depends.

use deis_store::ErrorKind;
use deis_store::s3::{BucketName, ObjectKey};

use crate::clusters::{a, client, client_with};
use crate::main_job::{block, bucket, put};

#[test]
fn the_bucket_of_the_write_ahead_log_can_be_created_twice() {
    let client = client(&a());
    for _ in 0..2 {
        block(client.create_bucket(&bucket("with_underscore"))).unwrap();
    }
    assert!(block(client.is_empty(&bucket("with_underscore"))).unwrap());
}

#[test]
fn a_wrong_secret_is_denied_and_an_absent_object_not_found() {
    let a = a();
    let error = block(client_with(&a, "x").buckets()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    let client = client(&a);
    let missing = ObjectKey::new("not/there").unwrap();
    let error = block(client.head(&bucket("registry"), &missing)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = block(client.get(&bucket("registry"), &missing)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = block(client.is_empty(&BucketName::new("no_such_bucket").unwrap())).unwrap_err();
    assert_eq!((error.kind(), error.advice().is_some()), (ErrorKind::NotFound, true));
}

#[test]
fn a_listing_of_many_pages_has_every_key_once() {
    use futures_util::TryStreamExt as _;
    let client = client(&a());
    let many = bucket("many_keys");
    block(client.create_bucket(&many)).unwrap();
    let mut keys: Vec<String> = (0..1203).map(|index| format!("{}/0{index:04}%20", index % 7)).collect();
    for key in &keys {
        put(&client, &many, &ObjectKey::new(key).unwrap(), b"");
    }
    keys.sort();
    let listed: Vec<String> =
        block(client.list(&many, "").map_ok(|object| object.key.into()).try_collect::<Vec<_>>()).unwrap();
    assert_eq!(listed, keys);
}
