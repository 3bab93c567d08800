//! An nginx that decodes, merges or cleans the path of a request. The path is signed, so that no request is taken for
//! another one's; keys with such paths are named.

use deis_store::key_path;
use deis_store_tests::nginx::Passing;

use super::{ANY_SIZE, Site};
use crate::clusters::a;

/// Keys whose paths nginx changes, each beside the key that its path would become.
const CHANGED: [(&str, &str); 5] =
    [("a//b", "a/b"), ("e/../k", "k"), ("e/./f", "e/f"), ("/lead", "lead"), ("p+q", "p q")];

/// Keys whose paths it leaves as they are.
const KEPT: [&str; 3] = ["plain", "x%2Fy", "é"];

fn normalizing() -> Site {
    let to = format!("{}/", a().gateway_address().unwrap());
    let site = Site::behind_each("paths", &[Passing { to: &to, settings: ANY_SIZE }]);
    for key in CHANGED.iter().flat_map(|(one, other)| [*one, *other]).chain(KEPT) {
        site.store(key, key.as_bytes());
    }
    site
}

#[test]
fn a_proxy_that_normalizes_paths_gives_no_other_objects_bytes_and_deletes_no_other_object() {
    let site = normalizing();
    let all = site.keys();
    let synced = site.through(&["--json", "s3", "sync", &site.place(""), &site.path("down")]).code(3).json();
    let (backup, snapshot) = site.backup();
    let (backup, snapshot) = (backup.code(3).json(), snapshot.unwrap());
    site.directly(&["verify", snapshot.to_str().unwrap()]).code(3);
    let mut refused = 0;
    for key in synced["report"]["keys"].as_array().unwrap() {
        let name = key["key"].as_str().unwrap();
        let path =
            key_path::encode(name).iter().fold(site.path("down"), |path, part| format!("{path}/{part}"));
        let files = [std::fs::read(path).ok(), std::fs::read(site.in_snapshot(&snapshot, name)).ok()];
        let is_stored = key["outcome"] == "stored";
        assert_eq!(files, [(); 2].map(|()| is_stored.then(|| name.as_bytes().to_vec())), "{key}");
        refused += u64::from(!is_stored);
        if !is_stored {
            assert_eq!(key["outcome"], "refused", "{key}");
            assert!(key["why"].as_str().unwrap().contains("signature"), "{key}");
        }
    }
    let part = format!("bucket.{}", site.bucket);
    assert_eq!(backup["report"]["parts"][&part]["counts"]["refused"], refused, "{backup:#}");
    assert!(refused >= CHANGED.len() as u64);

    std::fs::write(site.path("new"), b"new").unwrap();
    for (key, _) in CHANGED {
        let place = site.place(key);
        let words: [&[&str]; 5] = [
            &["s3", "get", &place, &site.path("got")],
            &["s3", "get", &place, "-"],
            &["s3", "put", &site.path("new"), &place],
            &["s3", "del", &place],
            &["s3", "info", &place],
        ];
        for words in words {
            let ran = site.through(words).code(1).says(&["proxy that rewrites paths", key]);
            assert_eq!(ran.stdout, "", "{words:?}");
        }
    }
    assert!(!std::path::Path::new(&site.path("got")).exists());
    assert_eq!(site.keys(), all);
    for key in &all {
        assert_eq!(site.stored(key).as_deref(), Some(key.as_bytes()), "{key}");
    }
    // Deletions of many have the keys in their body.
    site.through(&["s3", "del", "-r", "-f", &site.place("a//")]).code(0);
    let left: Vec<String> = all.into_iter().filter(|key| key != "a//b").collect();
    assert_eq!(site.keys(), left);
}

#[test]
fn a_key_that_leads_above_the_root_passes_no_nginx_and_is_named() {
    let site = Site::behind("root", ANY_SIZE);
    site.store("../../x", b"x");
    site.store("plain", b"plain");
    let synced = site.through(&["--json", "s3", "sync", &site.place(""), &site.path("down")]).code(3).json();
    assert_eq!(synced["report"]["counts"]["refused"], 1, "{synced:#}");
    site.through(&["s3", "get", &site.place("../../x"), "-"]).code(1).says(&[
        "before it comes to the gateway",
        "400",
        "../../x",
        "directly",
    ]);
    site.backup().0.code(3);
    site.directly(&["s3", "get", &site.place("../../x"), "-"]).code(0);
}
