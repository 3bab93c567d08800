//! `deis-store config` on a real etcd, with deisctl's meaning.

use crate::clusters::a_with_own_etcd;
use crate::program::on;

#[test]
fn config_sets_gets_and_removes_as_deisctl_does() {
    let cluster = a_with_own_etcd(&[]);
    let config = |arguments: &[&str]| on(&cluster.environment, &[&["config", "cache"], arguments].concat());
    assert_eq!(config(&["set", "one=1", "deep/two=a=b=="]).code(0).stdout, "1\na=b==\n");
    assert_eq!(config(&["get", "deep/two", "one"]).code(0).stdout, "a=b==\n1\n");
    let missing = config(&["get", "one", "nope"]).code(1).says(&["/deis/cache/nope"]);
    assert_eq!(missing.stdout, "", "all values or none");
    assert_eq!(config(&["get"]).code(0).stdout, "");
    assert_eq!(config(&["get", "deep"]).code(0).stdout, "\n");
    config(&["rm", "one", "nope"]).code(1).says(&["/deis/cache/nope", "nothing was removed"]);
    assert_eq!(config(&["rm", "one", "deep/two"]).code(0).stdout, "one\ndeep/two\n");
    config(&["rm", "one"]).code(1);
    config(&["set", "noequals"]).code(2).says(&["KEY=VALUE"]);
}

#[test]
fn a_certificate_is_set_from_its_file() {
    let cluster = a_with_own_etcd(&[]);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "-----BEGIN X-----\nabc=\n-----END X-----\n").unwrap();
    let pair = format!("sslDhparam={}", file.path().display());
    for arguments in [["set", &pair], ["get", "sslDhparam"]] {
        let answer =
            on(&cluster.environment, &[&["config", "router"][..], &arguments].concat()).code(0).stdout;
        assert_eq!(answer, "-----BEGIN X-----\nabc=\n-----END X-----\n\n");
    }
}
