//! Every command of docs/serve.md is run as it stands, but for names of places.

use std::path::Path;

use deis_store_tests::etcd::Etcd;
use deis_store_tests::port;

use super::golden;
use crate::readme::{blocks_of, run_script};

const SERVE: &str = include_str!("../../../docs/serve.md");

#[test]
fn every_command_about_serving_works_as_typed() {
    let scratch = tempfile::tempdir().unwrap();
    golden(scratch.path());
    let etcd = Etcd::start(scratch.path()).unwrap();
    etcd.client().set("/deis/platform/domain", "new.example.net").unwrap();
    let blocks: Vec<&str> = blocks_of(SERVE, "sh").collect();
    assert_eq!(blocks.len(), 4);
    for block in &blocks[..2] {
        run(block, scratch.path(), &etcd);
    }
    let copy = std::fs::read(scratch.path().join("copy-of-hostname")).unwrap();
    assert!(copy == std::fs::read("/etc/hostname").unwrap());
    // The backup is taken of what is served.
    run(&format!("{}{}kill $!\nwait $!\n", blocks[2], blocks[3]), scratch.path(), &etcd);
    assert_eq!(etcd.client().value("/deis/store/gateway/accessKey").unwrap(), None, "all is taken away");
}

fn run(block: &str, scratch: &Path, etcd: &Etcd) {
    let address = format!("127.0.0.1:{}", port::free().unwrap());
    let place = |name: &str| scratch.join(name).to_str().unwrap().to_owned();
    let script = block
        .replace("/backup", &place("golden"))
        .replace("/served", &place("served"))
        .replace("--listen 203.0.113.10:8888", &format!("--listen {address} --yes"))
        // The usual port may be in use here.
        .replace(
            "deis-store serve \"$snapshot\" --w",
            &format!("deis-store serve \"$snapshot\" --listen {address} --w"),
        );
    run_script(&script, scratch, &[("DEIS_STORE_ETCD", &etcd.client().url())]);
}
