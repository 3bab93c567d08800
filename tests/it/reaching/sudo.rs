//! A login that is not root's: what needs root goes through sudo, if that asks for no password.

use std::fs;

use super::site::Site;

fn site(sudoers: &str) -> Site {
    let site = Site::start_for_core(sudoers);
    let private = site.volume().join("private.log");
    fs::write(&private, "of root alone\n").unwrap();
    std::process::Command::new("chmod").arg("600").arg(&private).status().unwrap();
    site
}

#[test]
fn a_login_that_needs_sudo_reads_and_writes_what_is_root_s() {
    let site = site("core ALL=(ALL) NOPASSWD: ALL\n");
    assert!(site.host.tunnel().starts_with("core@"));
    let repository = site.scratch.path().join("repository");
    let words = ["backup", repository.to_str().unwrap(), "--only", "sql,volume,config", "--json"];
    let report = site.on(&words).code(0).json();
    let snapshot = report["report"]["snapshot"].as_str().unwrap();
    fs::remove_file(site.volume().join("private.log")).unwrap();
    site.on(&["restore", snapshot, "--only", "volume", "--yes"]).code(0);
    assert_eq!(fs::read(site.volume().join("private.log")).unwrap(), b"of root alone\n");
}

#[test]
fn a_login_whose_sudo_wants_a_password_is_told_so() {
    let site = site("core ALL=(ALL) ALL\n");
    let repository = site.scratch.path().join("repository");
    site.on(&["backup", repository.to_str().unwrap(), "--only", "volume"]).says(&[
        "a password is required",
        "host core@",
        "allow sudo without a password there",
    ]);
}
