//! Big objects, which are uploaded and downloaded in other ways than small ones. They come back from a backup with the
//! `ETag` that they had, and a second restore finds them there.

use std::sync::Arc;

use bytes::Bytes;
use deis_store::gateway::{Gateway, GatewayOptions, Store};
use deis_store::http::{Body, Timeouts, connect};
use deis_store::run::{Run, SystemClock};
use deis_store::s3::client::{Client, ClientOptions, UploadOptions, cut_into_parts};
use deis_store::s3::op::{InitiateUpload, PutObject};
use deis_store::s3::{BucketName, ObjectKey};
use deis_store::secret::Credentials;
use futures_util::TryStreamExt as _;
use md5::Digest as _;

use crate::clusters::a;
use crate::main_job::block;
use crate::program::at_gateway;

const MIB: usize = 1 << 20;

#[test]
fn big_objects_come_back_with_their_etags_and_are_found_there_by_a_second_restore() {
    let a = a();
    let repository = tempfile::tempdir().unwrap();
    block(async {
        let credentials = || Credentials::new(&a.access_key, a.secret_key.as_str());
        let start = async || {
            let listen = ([127, 0, 0, 1], 0).into();
            Gateway::start(
                listen,
                Store::in_memory(),
                credentials(),
                GatewayOptions::new(Arc::new(SystemClock)),
            )
            .await
            .unwrap()
        };
        let client = |gateway: &Gateway| {
            let http = connect(&gateway.url(), Timeouts::default()).unwrap();
            Client::new(vec![http], credentials(), ClientOptions::default(), &Run::silent()).unwrap()
        };
        let (old, new) = (start().await, start().await);
        let bucket = BucketName::new("registry").unwrap();
        client(&old).create_bucket(&bucket).await.unwrap();
        let bytes: Vec<u8> = (0..20 * MIB / 4 * 4).map(|at| u8::try_from(at % 251).unwrap()).collect();
        let bytes = bytes.repeat(4);
        // As WAL-E stores a partition of a base backup: in one request, though larger than our own single requests.
        put(&client(&old), &bucket, "in-one", &bytes[..65 * MIB]).await;
        // As docker-registry stores a layer, as s3cmd stores a file, and as no known program does.
        for (name, part_bytes) in [("registry", 5 * MIB), ("s3cmd", 15 * MIB), ("odd", 7 * MIB + 3)] {
            upload(&client(&old), &bucket, name, &bytes[..70 * MIB], part_bytes).await;
        }

        let directory = repository.path().to_str().unwrap();
        let arguments = ["backup", directory, "--only", "registry", "--json"];
        let backup = at_gateway(&old.url(), &a, &a.secret_key, &arguments).code(3).json();
        // No usual part size gives the ETag of "odd": it is named, and comes back.
        let findings = backup["report"]["findings"].as_array().unwrap();
        assert!(findings.len() == 1 && findings[0]["name"] == "odd", "{backup:#}");
        assert_eq!(backup["report"]["parts"]["registry"]["outcome"], "stored", "{backup:#}");
        let snapshot = backup["report"]["snapshot"].as_str().unwrap().to_owned();
        let snapshot = if snapshot.starts_with('/') { snapshot } else { format!("{directory}/{snapshot}") };
        for already in [0, 4] {
            let arguments = ["restore", &snapshot, "--only", "registry", "--yes", "--json"];
            // It was in doubt before, and is in doubt now.
            let restore = at_gateway(&new.url(), &a, &a.secret_key, &arguments).code(3).json();
            let counts = &restore["report"]["parts"]["registry"];
            assert_eq!(counts["unchanged"], already, "{restore:#}");
        }
        let (was, is) = (etags(&client(&old), &bucket).await, etags(&client(&new), &bucket).await);
        let same =
            |name: &str| was.iter().find(|(key, _)| key == name) == is.iter().find(|(key, _)| key == name);
        assert!(same("in-one") && same("registry") && same("s3cmd"), "{was:?} {is:?}");
        // The part size of "odd" cannot be known, so it comes back in other parts. Only its bytes are compared.
        let mut came = Vec::new();
        client(&new).get_to(&bucket, &ObjectKey::new("odd").unwrap(), &mut came).await.unwrap();
        assert!(came == bytes[..70 * MIB]);
        old.stop().await;
        new.stop().await;
    });
}

async fn put(client: &Client, bucket: &BucketName, name: &str, bytes: &[u8]) {
    let key = ObjectKey::new(name).unwrap();
    let md5 = md5::Md5::digest(bytes).into();
    let operation = PutObject::new(bucket, &key, bytes.len() as u64, md5).unwrap();
    client.put(&operation, &Body::Bytes(Bytes::copy_from_slice(bytes))).await.unwrap();
}

async fn upload(client: &Client, bucket: &BucketName, name: &str, bytes: &[u8], part_bytes: usize) {
    let key = ObjectKey::new(name).unwrap();
    let begin = InitiateUpload::new(bucket, &key, None, &[].into(), &[].into()).unwrap();
    let parts = cut_into_parts(bytes, part_bytes);
    client.upload(&begin, parts, &UploadOptions::default()).await.unwrap();
}

async fn etags(client: &Client, bucket: &BucketName) -> Vec<(String, String)> {
    client.list(bucket, "").map_ok(|object| (object.key.into(), object.etag)).try_collect().await.unwrap()
}
