//! A volume that has lost all the bytes of its files is no quiet good backup; one whose files had none has lost nothing.

use std::fs;

use deis_store_tests::random::Sequence;

use crate::reaching::site::{STORE, Site};

#[test]
fn an_emptied_volume_is_an_alarm_and_its_snapshot_is_no_reason_to_remove_others() {
    let site = Site::start(STORE);
    let repository = site.scratch.path().join("repository");
    let repository = repository.to_str().unwrap();
    let logs = site.volume().join("logs");
    fs::create_dir_all(&logs).unwrap();
    let mut numbers = Sequence::new(1);
    for number in 0..20 {
        let bytes: Vec<u8> = (0..12_800).flat_map(|_| numbers.next_number().to_le_bytes()).collect();
        fs::write(logs.join(format!("app-{number}.log")), bytes).unwrap();
    }
    let backup = |words: &[&str]| site.on(&[&["backup", repository, "--only", "volume"], words].concat());
    backup(&[]).code(0);
    for number in 0..19 {
        fs::remove_file(logs.join(format!("app-{number}.log"))).unwrap();
    }
    backup(&[]).code(0);
    fs::remove_file(logs.join("app-19.log")).unwrap();
    let report = backup(&["--json"]).code(4).json()["report"].clone();
    let snapshot = report["snapshot"].as_str().unwrap();
    assert!(report["parts"]["volume"]["shrunk"]["bytes"].is_number(), "{report:#}");
    let pruned =
        site.on(&["prune", repository, "--keep-last", "1", "--json"]).code(0).json()["report"].clone();
    let fates: Vec<_> = pruned["snapshots"].as_array().unwrap().iter().map(|found| &found["fate"]).collect();
    assert_eq!(fates, ["removed", "stays", "stays"], "{pruned:#}");
    backup(&["--max-loss", "100"]).code(0);
    assert!(fs::exists(snapshot).unwrap());
    // Now no file has a byte, and that is so for good.
    fs::write(logs.join("new.log"), "").unwrap();
    backup(&[]).code(0);
    fs::remove_file(logs.join("new.log")).unwrap();
    backup(&[]).code(0);
}
