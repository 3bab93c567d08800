//! What proxies, other servers and other clients make of answers and objects: the right data, or a named error.

use std::collections::BTreeMap;
use std::future::IntoFuture as _;
use std::path::Path;

use deis_store::gateway::Fault as GatewayFault;
use deis_store::s3::client::{Client, UploadOptions, cut_into_parts};
use deis_store::s3::op::InitiateUpload;
use deis_store_tests::faulty::{Answer, Edit, Fault, FaultyGateway, Operation, edited, instead};
use http::HeaderValue;
use md5::Digest as _;

use super::{ALWAYS, ONCE, bucket, bytes, client, key, runtime};
use crate::program::{Ran, command, ran};

const MIB: usize = 1 << 20;

/// The program at this gateway.
fn at(gateway: &FaultyGateway, arguments: &[&str]) -> Ran {
    let mut command = command();
    command.env("AWS_ACCESS_KEY_ID", "AK").env("AWS_SECRET_ACCESS_KEY", "SK");
    ran(command.args(["--gateway", &gateway.url()]).args(arguments))
}

/// A gateway whose bucket has an object `parts` of parts of this size, and with this metadata.
fn with_parts(size_bytes: usize, part_size_bytes: usize, meta: &[(&str, &str)]) -> (FaultyGateway, Vec<u8>) {
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "plain", b"plain");
    let body = letters(size_bytes);
    let meta = meta.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let (client, bucket, key) = (client(&gateway), bucket(), key("parts"));
    let begin = InitiateUpload::new(&bucket, &key, None, &[].into(), &meta).unwrap();
    let options = UploadOptions::default();
    let uploaded = client.upload(&begin, cut_into_parts(&body[..], part_size_bytes), &options);
    runtime().block_on(uploaded).unwrap();
    (gateway, body)
}

/// Text, since a program's output is read as such, that is not the same everywhere.
fn letters(count: usize) -> Vec<u8> {
    (0..count).map(|index| b'b' + u8::try_from(index % 23).unwrap()).collect()
}

/// Each word that reads objects, and its exit code and report.
fn words(gateway: &FaultyGateway, scratch: &Path) -> BTreeMap<&'static str, Ran> {
    let path = |name: &str| scratch.join(name).to_str().unwrap().to_owned();
    let place = "s3://registry/parts";
    let backup = at(
        gateway,
        &["backup", &path("repository"), "--bucket", "registry:plain", "--only", "bucket.registry"],
    );
    BTreeMap::from([
        ("get", at(gateway, &["s3", "get", place, &path("one")])),
        ("get -", at(gateway, &["s3", "get", place, "-", "--quiet"])),
        ("get -r", at(gateway, &["s3", "get", "-r", "s3://registry/p", &path("tree")])),
        ("sync", at(gateway, &["s3", "sync", "s3://registry/", &path("synced")])),
        ("sync again", at(gateway, &["s3", "sync", "s3://registry/", &path("synced")])),
        ("backup", backup),
    ])
}

#[test]
fn other_bytes_of_an_upload_of_one_part_are_damage_for_every_word() {
    let (gateway, _) = with_parts(1000, 5 << 20, &[]);
    gateway.on(Operation::GetObject, "/parts", ALWAYS, Fault::Flipped(500));
    let scratch = tempfile::tempdir().unwrap();
    let runs = words(&gateway, scratch.path());
    for (word, expected) in
        [("get", 4), ("get -", 4), ("get -r", 3), ("sync", 3), ("sync again", 3), ("backup", 4)]
    {
        assert_eq!(runs[word].code, Some(expected), "{word}: {:#?}", runs[word]);
    }
    assert!(!scratch.path().join("one").exists() && !scratch.path().join("synced/parts").exists());
}

#[test]
fn bytes_that_no_usual_part_size_confirms_are_named_by_every_word_and_no_success() {
    let (gateway, _) = with_parts(6 * MIB, 5 << 20, &[]);
    // Two readings with the same wrong byte: what the gateway stores is wrong, or its parts have an odd size.
    gateway.on(Operation::GetObject, "/parts", ALWAYS, Fault::Flipped(5_500_000));
    let scratch = tempfile::tempdir().unwrap();
    for (word, run) in words(&gateway, scratch.path()) {
        assert_eq!(run.code, Some(3), "{word}: {run:#?}");
        let said = format!("{}{}", run.stdout, run.stderr);
        assert!(
            word == "get -" || (said.contains("parts") && said.contains("no usual part size")),
            "{word}: {run:#?}"
        );
    }
    let snapshot = std::fs::read_dir(scratch.path().join("repository")).unwrap();
    let snapshot =
        snapshot.map(|entry| entry.unwrap().path()).find(|path| path.join("manifest.json").exists());
    let verified = ran(command().args(["verify", snapshot.unwrap().to_str().unwrap()])).code(3);
    assert!(verified.stdout.contains("no usual part size"), "{verified:#?}");
}

#[test]
fn two_readings_with_different_bytes_are_damage() {
    let (gateway, body) = with_parts(6 * MIB, 5 << 20, &[]);
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("one");
    let get = || at(&gateway, &["s3", "get", "s3://registry/parts", path.to_str().unwrap()]);
    gateway.on(Operation::GetObject, "/parts", ONCE, Fault::Flipped(5_500_000));
    get().code(4).says(&["two readings"]);
    assert!(!path.exists());
    get().code(0);
    assert!(std::fs::read(&path).unwrap() == body);
}

#[test]
fn the_md5_that_rclone_stored_confirms_parts_of_an_odd_size() {
    let body = letters(12 * MIB);
    let md5 = base64(&md5::Md5::digest(&body));
    let (gateway, _) = with_parts(12 * MIB, (5 << 20) + 12_345, &[("md5chksum", &md5)]);
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("one");
    let arguments = ["s3", "get", "s3://registry/parts", path.to_str().unwrap(), "--json"];
    let report = at(&gateway, &arguments).code(0).json();
    assert_eq!(report["report"]["checked"], "rclone-md5");
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: Vec<u8> = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1)).collect();
    let digit =
        |bits: &[u8]| bits.iter().fold(0, |value, bit| value << 1 | usize::from(*bit)) << (6 - bits.len());
    let text: String = bits.chunks(6).map(|bits| char::from(DIGITS[digit(bits)])).collect();
    let padding = "=".repeat((4 - text.len() % 4) % 4);
    text + &padding
}

#[test]
fn a_listing_that_writes_a_space_as_a_plus_names_the_same_keys() {
    let gateway = FaultyGateway::start().unwrap();
    for name in ["a b", "a+b", "c d e", "plain"] {
        gateway.store("registry", name, name.as_bytes());
    }
    let plus: Edit = |page| page.replace("%20", "+");
    gateway.on(Operation::ListObjects, "", ALWAYS, edited(plus));
    let scratch = tempfile::tempdir().unwrap();
    let directory = scratch.path().join("tree");
    at(&gateway, &["s3", "get", "-r", "s3://registry", directory.to_str().unwrap()]).code(0);
    for name in ["a b", "a+b", "c d e"] {
        let file = std::fs::read_to_string(directory.join(deis_store::key_path::encode(name).remove(0)));
        assert_eq!(file.unwrap(), name);
    }
    at(&gateway, &["s3", "del", "-r", "s3://registry/a "]).code(0);
    assert!(gateway.stored("registry", "a b").is_none() && gateway.stored("registry", "a+b").is_some());
}

/// Adds keys to a page that the gateway does not have.
fn with_ghosts(page: &mut Answer) {
    let ghost = |number: usize| {
        format!(
            "<Contents><Key>!{number:03}</Key><LastModified>2026-11-22T08:00:00.000Z</LastModified>\
             <ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag><Size>0</Size></Contents>"
        )
    };
    let ghosts: String = (0..7).map(ghost).collect();
    let text = String::from_utf8(page.body.clone()).unwrap();
    let place = if text.contains("<Contents>") { "<Contents>" } else { "</ListBucketResult>" };
    page.body = text.replacen(place, &(ghosts + place), 1).into();
}

#[test]
fn many_listed_keys_that_are_all_gone_are_a_fault() {
    let filled = |nth| {
        let gateway = FaultyGateway::start().unwrap();
        for number in 0..20 {
            gateway.store("registry", &format!("{number:03}"), b"x");
        }
        gateway.on(Operation::ListObjects, "max-keys=1000", nth, edited(with_ghosts));
        gateway
    };
    let scratch = tempfile::tempdir().unwrap();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    let gone = "7 of 27 listed objects were gone";
    let got = at(&filled(ALWAYS), &["s3", "get", "-r", "s3://registry", &path("tree")]);
    assert!(got.code(3).stderr.contains(gone));
    let synced = at(&filled(ALWAYS), &["s3", "sync", "s3://registry/", &path("synced")]).code(3);
    assert!(synced.stdout.contains(gone), "{synced:#?}");
    let backup = ["backup", &path("repository"), "--bucket", "registry:plain", "--only", "bucket.registry"];
    let backup = at(&filled(ALWAYS), &backup).code(3);
    assert!(backup.stdout.contains(gone), "{backup:#?}");
    // What is listed as before was not deleted, though the gateway says so of each.
    let deleted = at(&filled(ALWAYS), &["s3", "del", "-r", "-f", "s3://registry"]).code(3);
    assert!(deleted.stderr.contains("!006") && deleted.stderr.contains("listed as before"), "{deleted:#?}");
}

#[test]
fn an_object_whose_answer_does_not_say_how_long_it_is_has_the_size_of_the_listing() {
    for (name, fault) in [("chunks", Fault::Chunked), ("to the end", Fault::Unmeasured)] {
        let (gateway, _) = with_parts(1000, 5 << 20, &[]);
        gateway.on(Operation::GetObject, "", ALWAYS, fault.clone());
        gateway.on(Operation::HeadObject, "", ALWAYS, fault);
        let scratch = tempfile::tempdir().unwrap();
        for (word, run) in words(&gateway, scratch.path()) {
            assert_eq!(run.code, Some(0), "{name} {word}: {run:#?}");
        }
        at(&gateway, &["s3", "info", "s3://registry/plain"]).code(0);
        at(&gateway, &["s3", "cp", "s3://registry/plain", "s3://registry/copy"]).code(0);
        assert_eq!(gateway.stored("registry", "copy").as_deref(), Some(&b"plain"[..]));
    }
}

#[test]
fn an_object_that_ends_early_without_a_length_is_not_taken_for_whole() {
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "key", &bytes(100_000));
    // Half of it, in an answer that ends with the connection.
    let half =
        Answer::new(200, bytes(50_000)).header("ETag", &deis_store_tests::faulty::etag(&bytes(100_000)));
    gateway.on(Operation::GetObject, "", ALWAYS, Fault::Garbage(to_the_end(&half).into()));
    let (scratch, client) = (tempfile::tempdir().unwrap(), client(&gateway));
    let path = scratch.path().join("file");
    let came = runtime().block_on(client.get_file(&bucket(), &key("key"), &path).into_future());
    assert!(came.is_err() && !path.exists());
}

fn to_the_end(answer: &Answer) -> Vec<u8> {
    let headers: String = answer.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("HTTP/1.1 {} OK\r\n{headers}Connection: close\r\n\r\n", answer.status);
    [head.into_bytes(), answer.body.clone()].concat()
}

/// A change of the headers of an answer.
type Change = fn(&mut http::HeaderMap);

#[test]
fn headers_that_are_not_what_they_should_be_hide_no_object() {
    let odd: [(&str, Change); 4] = [
        ("a weak ETag", |headers| {
            let etag = format!("W/{}", headers["etag"].to_str().unwrap());
            headers.insert("etag", HeaderValue::try_from(etag).unwrap());
        }),
        ("an ETag in upper case", |headers| {
            let etag = headers["etag"].to_str().unwrap().to_uppercase();
            headers.insert("etag", HeaderValue::try_from(etag).unwrap());
        }),
        ("no Last-Modified", |headers| drop(headers.remove("last-modified"))),
        ("Latin-1", |headers| {
            headers.insert("content-disposition", HeaderValue::from_bytes(b"caf\xe9").unwrap());
            headers.insert("x-amz-meta-note", HeaderValue::from_bytes(b"\xfc").unwrap());
        }),
    ];
    for (name, change) in odd {
        let (gateway, _) = with_parts(1000, 5 << 20, &[]);
        for operation in [Operation::GetObject, Operation::HeadObject] {
            let fault = GatewayFault::edited(move |response| change(response.headers_mut()));
            gateway.on(operation, "", ALWAYS, fault);
        }
        let scratch = tempfile::tempdir().unwrap();
        for (word, run) in words(&gateway, scratch.path()) {
            assert_eq!(run.code, Some(0), "{name} {word}: {run:#?}");
            if (name, word) == ("Latin-1", "backup") {
                assert!(run.stdout.contains("x-amz-meta-note is not UTF-8"), "{run:#?}");
            }
        }
        at(&gateway, &["s3", "info", "s3://registry/plain"]).code(0);
    }
}

#[test]
fn what_a_proxy_has_compressed_is_named() {
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "key", &bytes(1000));
    let compressed: Edit = |answer| {
        let etag =
            answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("etag")).unwrap().1.clone();
        let etag = format!("{}-gzip\"", etag.trim_end_matches('"'));
        *answer = answer.clone().header("ETag", &etag).header("Content-Encoding", "gzip");
        answer.body = vec![0x1f, 0x8b, 8, 0];
    };
    gateway.on(Operation::GetObject, "", ALWAYS, edited(compressed));
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("key");
    at(&gateway, &["s3", "get", "s3://registry/key", path.to_str().unwrap()])
        .code(1)
        .says(&["proxy has compressed"]);
    assert!(!path.exists());
}

/// Every word at a gateway whose answers to an operation are compressed, with an `ETag` that says so or not.
fn compressed(operation: Operation, is_weak: bool) {
    let (gateway, body) = with_parts(1000, 5 << 20, &[]);
    let compress = move |response: &mut http::Response<Vec<u8>>| {
        let headers = response.headers_mut();
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
        if let Some(given) = headers.get("etag").filter(|_| is_weak) {
            let weak = format!("W/{}", given.to_str().unwrap());
            headers.insert("etag", HeaderValue::try_from(weak).unwrap());
        }
        // As short as compressed text, and none of it as it was.
        response.body_mut().truncate(40);
        response.body_mut().iter_mut().for_each(|byte| *byte ^= 0x80);
    };
    gateway.on(operation, "", ALWAYS, GatewayFault::edited(compress));
    let scratch = tempfile::tempdir().unwrap();
    for (word, run) in words(&gateway, scratch.path()) {
        let said = format!("{}{}", run.stdout, run.stderr);
        let is_named = run.code != Some(0) && said.contains("compressed");
        // Not each word lists, or asks for the head of an object.
        let is_met = operation == Operation::GetObject || !matches!(word, "get" | "get -");
        assert!(is_named || !is_met, "{operation:?} {is_weak} {word}: {run:#?}");
    }
    for name in ["one", "tree/parts", "synced/parts"] {
        let file = std::fs::read(scratch.path().join(name)).ok();
        assert!(file.is_none_or(|file| file == body), "{operation:?} {is_weak} {name}");
    }
}

#[test]
fn every_word_names_what_was_compressed_and_keeps_none_of_it() {
    std::thread::scope(|threads| {
        for (operation, is_weak) in
            [(Operation::GetObject, true), (Operation::GetObject, false), (Operation::ListObjects, false)]
        {
            threads.spawn(move || compressed(operation, is_weak));
        }
    });
}

#[test]
fn no_request_lets_a_proxy_choose_an_encoding() {
    let (gateway, _) = with_parts(1000, 5 << 20, &[]);
    let scratch = tempfile::tempdir().unwrap();
    words(&gateway, scratch.path());
    for asked in gateway.asked() {
        assert_eq!(asked.header("accept-encoding"), Some("identity"), "{asked:?}");
    }
}

#[test]
fn an_answer_that_ends_as_if_it_were_whole_is_not_continued() {
    let gateway = FaultyGateway::start().unwrap();
    let body = letters(1000);
    gateway.store("registry", "key", &body);
    // As a proxy that unpacks gives it: other bytes, and another number of them.
    let unpacked = Answer::new(200, vec![b'x'; 600])
        .header("ETag", &format!("W/\"{}\"", deis_store_tests::faulty::etag(&body)));
    gateway.on(Operation::GetObject, "", 0..1, Fault::Garbage(to_the_end(&unpacked).into()));
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("key");
    at(&gateway, &["s3", "get", "s3://registry/key", path.to_str().unwrap()])
        .code(4)
        .says(&["600 of the object's 1000 bytes", "proxy that changes"]);
    assert_eq!((gateway.asked_for(Operation::GetObject).len(), path.exists()), (1, false));
    // Where there are many, it is asked for again from its beginning.
    gateway.on(Operation::GetObject, "", 1..2, Fault::Garbage(to_the_end(&unpacked).into()));
    at(&gateway, &["s3", "get", "-r", "s3://registry", scratch.path().join("tree").to_str().unwrap()])
        .code(0);
    assert!(std::fs::read(scratch.path().join("tree/key")).unwrap() == body);
    assert!(gateway.asked_for(Operation::GetObject).iter().all(|asked| asked.header("range").is_none()));
}

#[test]
fn an_empty_page_that_goes_on_is_no_end_and_one_that_leaves_an_object_out_is_an_error() {
    let filled = || {
        let gateway = FaultyGateway::start().unwrap();
        for name in ["b", "c", "d"] {
            gateway.store("registry", name, b"x");
        }
        gateway
    };
    let empty = |next: &str| {
        Answer::xml(
            200,
            format!(
                "<ListBucketResult><Name>registry</Name><Prefix></Prefix><Marker></Marker><MaxKeys>1000</MaxKeys>\
                 <IsTruncated>true</IsTruncated><NextMarker>{next}</NextMarker></ListBucketResult>"
            ),
        )
    };
    let list = |client: &Client| {
        use futures_util::TryStreamExt as _;
        runtime().block_on(client.list(&bucket(), "").try_collect::<Vec<_>>())
    };
    let gateway = filled();
    gateway.on(
        Operation::ListObjects,
        "?encoding-type=url&max-keys=1000",
        0..super::ATTEMPTS,
        instead(empty("a")),
    );
    assert_eq!(list(&client(&gateway)).unwrap().len(), 3);
    let gateway = filled();
    gateway.on(Operation::ListObjects, "", 0..super::ATTEMPTS, instead(empty("c")));
    assert!(list(&client(&gateway)).is_err(), "`c` is an object, and was left out");
}

#[test]
fn a_redirect_and_a_refusal_are_told_in_the_servers_own_words() {
    let gateway = FaultyGateway::start().unwrap();
    gateway.store("registry", "key", b"x");
    let elsewhere = Answer::html(301).header("Location", "http://elsewhere:80/registry?Signature=abc");
    gateway.on(Operation::ListObjects, "", ONCE, instead(elsewhere));
    let run = at(&gateway, &["s3", "ls", "s3://registry"]).code(1).says(&["http://elsewhere:80/registry"]);
    assert!(!run.stderr.contains("abc"), "{run:#?}");
    let said = "<Error><Code>InvalidRequest</Code><Message>no\u{9b} way, AK</Message></Error>";
    gateway.on(Operation::ListObjects, "", ONCE, instead(Answer::xml(400, said)));
    let run = at(&gateway, &["s3", "ls", "s3://registry"]).code(2).says(&["which says: no\\u{9b} way, ***"]);
    assert!(!run.stderr.contains("onto itself"), "{run:#?}");
}
