//! Files that are as the manifest says, and are not what they must be.

use std::collections::BTreeMap;

use super::*;
use crate::hash::Sha256;
use crate::report::FindingKind;
use crate::snapshot::{PartEntry, SnapshotWriter, sample};

/// The findings of kind `broken` of a snapshot with this part alone.
async fn broken(part: Part, entry: impl FnOnce(&SnapshotWriter) -> PartEntry) -> Vec<(String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let unfinished = sample::begin(directory.path());
    let parts = BTreeMap::from([(part, entry(&unfinished))]);
    let manifest = sample::manifest(&unfinished, parts);
    let snapshot = unfinished.commit(manifest).unwrap();
    let report = verify(&snapshot, &VerifyOptions::default(), &Run::silent()).await.unwrap();
    let broken = report.findings.list().iter().filter(|finding| finding.kind == FindingKind::Broken);
    let broken: Vec<_> = broken.map(|finding| (finding.name.clone(), finding.what.clone())).collect();
    assert_eq!(report.verdict == Verdict::Good, broken.is_empty(), "{:?}", report.findings);
    broken
}

#[tokio::test]
async fn a_file_that_is_not_what_its_part_is_is_broken_though_its_digest_is_right() {
    const DUMP: &str =
        "--\n-- PostgreSQL database cluster dump\n--\n\n-- PostgreSQL database cluster dump complete\n--\n";
    let packed = |text: &str| sample::gzip(text.as_bytes());
    let archive = sample::content(&Part::Volume);
    // Larger than what is read without a word to the verification.
    let (first, last) = DUMP.split_once("\n\n").unwrap();
    let mut noise = vec![0; 9 << 20];
    fastrand::Rng::with_seed(1).fill(&mut noise);
    let large = [first.as_bytes(), b"\n\n", &noise, b"\n\n", last.as_bytes()].concat();
    for (part, bytes, is_whole) in [
        (Part::Volume, archive.clone(), true),
        (Part::Volume, [archive.clone(), archive.clone()].concat(), true),
        (Part::Volume, archive[..archive.len() - 1].to_vec(), false),
        (Part::Volume, [&archive[..], b"x"].concat(), false),
        (Part::Volume, packed("this is no archive"), false),
        (Part::Volume, sample::gzip(&[7; 1024]), false),
        (Part::Volume, Vec::new(), false),
        (Part::Sql, packed(DUMP), true),
        (Part::Sql, sample::gzip(&large), true),
        (Part::Sql, packed(&DUMP[..DUMP.len() - 20]), false),
        (Part::Sql, packed("SELECT 1;\n"), false),
        (Part::Sql, DUMP.as_bytes().to_vec(), false),
        (Part::Config, sample::content(&Part::Config), true),
        (Part::Config, b"{".to_vec(), false),
        (Part::Config, br#"{"format": 1, "keys": {"/deis/store/gateway/secretKey": "x"}}"#.to_vec(), false),
    ] {
        let found = broken(part.clone(), |unfinished| sample::file(unfinished, &part, &bytes)).await;
        let named: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = if is_whole { &[] } else { &[part.file_name().unwrap()] };
        assert_eq!(named, expected, "{part}, {} bytes: {found:?}", bytes.len());
    }
}

#[tokio::test]
async fn a_layer_that_is_not_the_one_of_its_checksum_is_broken() {
    let sum = |layer: &str| format!("sha256:{}", Sha256::of(format!("{{}}\n{layer}").as_bytes()));
    for (checksum, is_whole) in [
        (format!("[\"{}\"]", sum("layer")), true),
        (format!("[\"tarsum+sha256:0\", \"{}\"]", sum("layer")), true),
        ("[\"tarsum+sha256:0\"]".to_owned(), true),
        (format!("[\"{}\"]", sum("another")), false),
    ] {
        let objects: [(&str, &[u8]); 4] = [
            ("registry/images/0a/_checksum", checksum.as_bytes()),
            ("registry/images/0a/ancestry", b"[\"0a\"]"),
            ("registry/images/0a/json", b"{}"),
            ("registry/images/0a/layer", b"layer"),
        ];
        let part = Part::registry();
        let found = broken(part.clone(), |unfinished| sample::objects(unfinished, &part, &objects)).await;
        let named: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        let expected: &[&str] = if is_whole { &[] } else { &["registry/images/0a/layer"] };
        assert_eq!(named, expected, "{checksum}: {found:?}");
    }
}
