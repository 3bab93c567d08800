//! Random lives of a store whose writes are kept, against a simple map.

use std::collections::BTreeMap;

use super::*;

/// A random life of a store against a simple map, with an end at any time.
#[tokio::test]
async fn random_lives_are_as_the_model_says() {
    for seed in 1..=6 {
        life(seed).await;
    }
}

async fn life(seed: u64) {
    let place = Place::new();
    let mut random = fastrand::Rng::with_seed(seed);
    let mut harness = place.start().await;
    let mut model = objects(&harness).await;
    for step in 0..90 {
        let bucket = random.choice(["registry", "db_wal", "third"]).unwrap();
        let key = random.choice(["a", "a/b", "d/", "k", "x+y%", "/registry/one"]).unwrap();
        let target = format!("/{bucket}/{}", key.replace('%', "%25"));
        let length = random.usize(0..2000);
        let bytes: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        let is_there = model.contains_key(bucket);
        match random.u8(0..20) {
            0..8 => {
                let headers = [("content-type", *random.choice(&["t/one", "t/two"]).unwrap())];
                let got = harness.ask(Method::PUT, &target, &headers, bytes.clone()).await;
                assert_eq!(got.status() == 200, is_there, "{}", got.body);
                if let Some(inside) = model.get_mut(bucket) {
                    let etag = crate::hash::lower_hex(&md5(&bytes));
                    inside.insert(key.to_owned(), (bytes, etag, headers[0].1.to_owned()));
                }
            }
            8..11 => {
                harness.ask(Method::DELETE, &target, &[], "").await;
                model.get_mut(bucket).map(|inside| inside.remove(key));
            }
            11..13 => {
                let from = random.choice(["a", "k", "copy"]).unwrap();
                let source = format!("/{bucket}/{from}");
                harness
                    .ask(Method::PUT, &format!("/{bucket}/copy"), &[("x-amz-copy-source", &source)], "")
                    .await;
                if let Some(inside) = model.get_mut(bucket)
                    && from != "copy"
                    && let Some(object) = inside.get(from).cloned()
                {
                    inside.insert("copy".to_owned(), object);
                }
            }
            13 => {
                let body = "<Delete><Object><Key>k</Key></Object><Object><Key>d/</Key></Object></Delete>";
                harness.ask(Method::POST, &format!("/{bucket}?delete"), &[], body).await;
                if let Some(inside) = model.get_mut(bucket) {
                    inside.retain(|key, _| !["k", "d/"].contains(&&**key));
                }
            }
            14 => {
                harness.ask(Method::PUT, &format!("/{bucket}"), &[], "").await;
                model.entry((*bucket).to_owned()).or_default();
            }
            15 => {
                harness.ask(Method::DELETE, &format!("/{bucket}"), &[], "").await;
                if model.get(bucket).is_some_and(BTreeMap::is_empty) {
                    model.remove(bucket);
                }
            }
            16..18 if is_there => {
                let parts = [&bytes[..bytes.len() / 2], &b"abc"[..], &bytes[bytes.len() / 2..]];
                let id = harness.ask(Method::POST, &format!("{target}?uploads"), &[], "").await;
                let id = id.element("UploadId").to_owned();
                let (mut named, mut md5s) = (String::new(), Vec::new());
                for (number, part) in (1..).zip(parts) {
                    if number == 2 && random.bool() {
                        drop(harness);
                        harness = place.start().await;
                    }
                    let target = format!("{target}?partNumber={number}&uploadId={id}");
                    let got = harness.ask(Method::PUT, &target, &[], part.to_vec()).await;
                    let etag = got.head.text("etag");
                    named.push_str(&format!(
                        "<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag></Part>"
                    ));
                    md5s.extend_from_slice(&md5(part));
                }
                let body = format!("<CompleteMultipartUpload>{named}</CompleteMultipartUpload>");
                let got = harness.ask(Method::POST, &format!("{target}?uploadId={id}"), &[], body).await;
                let is_made = parts[0].len() >= 3;
                assert_eq!(got.status() == 200, is_made, "{}", got.body);
                if is_made {
                    let etag = format!("{}-3", crate::hash::lower_hex(&md5(&md5s)));
                    let object = (parts.concat(), etag, "binary/octet-stream".to_owned());
                    model.get_mut(bucket).unwrap().insert(key.to_owned(), object);
                }
            }
            _ => {
                drop(harness);
                harness = place.start().await;
                assert_eq!(objects(&harness).await, model, "seed {seed}, step {step}");
            }
        }
    }
    assert_eq!(objects(&harness).await, model, "seed {seed}, alive");
    drop(harness);
    assert_eq!(objects(&place.start().await).await, model, "seed {seed}, at the end");
}
