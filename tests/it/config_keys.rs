//! Keys of the operator's that no release of Deis reads: kept by a backup, named by a restore, and set only if they are named.

use deis_store_tests::environment::Environment;
use deis_store_tests::etcd::Etcd;

use crate::clusters::a;
use crate::program::on;

const OURS: &str = "/deis/router/notYetInvented";
const MORE: &str = "/deis/monitoring/interval";

#[test]
fn a_key_of_the_config_that_no_release_reads_is_kept_named_and_set_only_if_it_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let [old, new] = ["old", "new"].map(|name| {
        std::fs::create_dir(directory.path().join(name)).unwrap();
        Etcd::start(&directory.path().join(name)).unwrap()
    });
    for (key, value) in [("/deis/router/bodySize", "100m"), (OURS, "HUSH-1"), (MORE, "HUSH-2")] {
        old.client().set(key, value).unwrap();
    }
    let cluster = |etcd: &Etcd| Environment { etcd: etcd.client().url(), ..a() };
    let repository = directory.path().join("repository");
    let words = ["backup", repository.to_str().unwrap(), "--only", "config", "--json"];
    let report = on(&cluster(&old), &words).code(0).json();
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    let file = std::fs::read_to_string(std::path::Path::new(snapshot).join("config.json")).unwrap();
    assert!(file.contains(OURS) && file.contains(MORE) && file.contains("\"format\": 1"), "{file}");

    let restore = |options: &[&str]| {
        let words = [&["restore", snapshot, "--only", "config"], options].concat();
        on(&cluster(&new), &words)
    };
    let named = |report: &serde_json::Value| -> Vec<String> {
        let findings = report["report"]["findings"].as_array().unwrap().iter();
        findings
            .filter(|finding| finding["kind"] == "unknown_key")
            .map(|finding| finding["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let shown = restore(&["--dry-run"]).code(0).stdout;
    assert!(shown.contains(OURS) && shown.contains(MORE) && shown.contains("--key"), "{shown}");
    let plan = restore(&["--dry-run", "--json"]).code(0).json();
    assert_eq!(named(&plan), [MORE, OURS]);
    assert_eq!(plan["report"]["parts"]["config"]["unknown"], serde_json::json!([MORE, OURS]));
    assert_eq!(plan["report"]["parts"]["config"]["set"], serde_json::json!(["/deis/router/bodySize"]));
    let done = restore(&["--yes", "--json"]).code(0);
    assert_eq!(named(&done.json()), [MORE, OURS]);
    assert!(!format!("{shown}{plan}{done:?}").contains("HUSH"));
    let value = |key: &str| new.client().value(key).unwrap();
    assert_eq!((value("/deis/router/bodySize").as_deref(), value(OURS)), (Some("100m"), None));

    let report = restore(&["--yes", "--json", "--key", OURS]).code(0).json();
    assert_eq!((named(&report), value(OURS).as_deref()), (vec![MORE.to_owned()], Some("HUSH-1")));
    // What is there already is nobody's question.
    let report = restore(&["--yes", "--json", "--key", MORE]).code(0).json();
    assert_eq!((named(&report), value(MORE).as_deref()), (Vec::new(), Some("HUSH-2")));

    restore(&["--yes", "--key", "/deis/router/notThere"]).code(2).says(&["/deis/router/notThere", "to do:"]);
    let others = ["restore", snapshot, "--only", "volume", "--yes", "--key", OURS];
    on(&cluster(&new), &others).code(2).says(&["the configuration is not restored", "add config to --only"]);
    let no_key = restore(&["--yes", "--key", "notYetInvented=HUSH-3"]).code(2);
    assert!(!no_key.stderr.contains("HUSH"), "{no_key:?}");
}
