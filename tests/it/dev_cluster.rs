//! `dev-cluster up` and `down`, as the README shows them.

use std::process::Command;

use crate::program::path;

#[test]
fn a_cluster_goes_up_prints_its_environment_and_comes_down() {
    let scratch = tempfile::tempdir_in("/tmp").unwrap();
    let directory = scratch.path().join("c");
    let directory = directory.to_str().unwrap();
    let dev_cluster = |arguments: &[&str]| {
        let output = Command::new(path().with_file_name("dev-cluster")).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let printed = dev_cluster(&["up", "--empty", "--dir", directory]);
    let listed = Command::new("bash")
        .args(["-euc", &format!("{printed}\n\"{}\" s3 ls --json", path().display())])
        .output()
        .unwrap();
    dev_cluster(&["down", "--dir", directory]);
    let answer = String::from_utf8(listed.stdout).unwrap();
    assert!(answer.contains("\"buckets\":[]"), "{answer}{}", String::from_utf8_lossy(&listed.stderr));
    assert!(!std::path::Path::new(directory).exists(), "nothing is left");
}
