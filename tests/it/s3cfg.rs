//! A file of s3cmd: every option that the installed s3cmd knows is heeded, named or refused, and changes no meaning else.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

use deis_store_tests::environment::Environment;

use crate::clusters::a;
use crate::program::{Ran, command, ran};

/// A private file with a cluster's keys and gateway, and further lines.
struct File(tempfile::TempDir);

impl File {
    fn new(a: &Environment, lines: &str) -> Self {
        let keys = format!("access_key = {}\nsecret_key = {}\n", a.access_key, a.secret_key);
        let host = a.gateway_address().unwrap();
        Self::with(&format!(
            "[default]\n{keys}host_base = {host}\nhost_bucket = {host}\nuse_https = False\n{lines}"
        ))
    }

    fn with(text: &str) -> Self {
        let file = Self(tempfile::tempdir().unwrap());
        fs::write(file.path(), text).unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o600)).unwrap();
        file
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("s3cfg")
    }

    fn words(&self, words: &[&str]) -> Command {
        let mut command = command();
        command.arg("--s3cfg").arg(self.path()).arg("s3").args(words);
        command
    }

    fn list(&self) -> Ran {
        ran(&mut self.words(&["ls", "s3://oddities"]))
    }
}

/// The options of the installed s3cmd that a file can have, each with a value that is not the usual one.
fn options() -> Vec<(String, String)> {
    const SCRIPT: &str = "\
import sys
sys.path.insert(0, '/usr/lib/python3/dist-packages')
from S3.Config import Config
for name in Config().option_list() + ['acl_public']:
    value = getattr(Config, name)
    other = str(not value) if value is None or isinstance(value, bool) else \\
        str(value + 7) if isinstance(value, int) else 'seven'
    print(name, other)
";
    let output = Command::new("/usr/bin/python3").args(["-c", SCRIPT]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// They are heeded, as other tests show.
const HEEDED: [&str; 13] = [
    "access_key",
    "ca_certs_file",
    "check_ssl_certificate",
    "default_mime_type",
    "guess_mime_type",
    "host_base",
    "limitrate",
    "max_delete",
    "mime_type",
    "proxy_host",
    "proxy_port",
    "secret_key",
    "use_https",
];

/// They change nothing that our words mean: how fast or how verbose s3cmd is, or words that we do not have.
const INDIFFERENT: &str = "cache_file cloudfront_host connection_max_age connection_pooling delay_updates delete_after \
     expiry_date expiry_days expiry_prefix gpg_command gpg_decrypt gpg_encrypt host_bucket invalidate_default_index_on_cf \
     invalidate_default_index_root_on_cf list_allow_unordered log_target_prefix multipart_chunk_size_mb \
     multipart_copy_chunk_size_mb multipart_max_chunks preserve_attrs progress_meter public_url_use_https put_continue \
     recv_chunk restore_days restore_priority send_chunk signature_v2 simpledb_host socket_timeout stats throttle_max \
     urlencoding_mode use_http_expect use_mime_magic verbosity website_endpoint website_error website_index";

const REFUSED: [&str; 7] = [
    "access_token",
    "add_headers",
    "dry_run",
    "encrypt",
    "kms_key",
    "server_side_encryption",
    "skip_existing",
];

#[test]
fn every_option_that_s3cmd_knows_is_heeded_named_or_refused() {
    let (a, options) = (a(), options());
    assert!(options.len() > 80, "{options:?}");
    let indifferent: Vec<&str> = INDIFFERENT.split_whitespace().collect();
    for (name, value) in &options {
        if HEEDED.contains(&name.as_str()) {
            continue;
        }
        let listed = File::new(&a, &format!("{name} = {value}\n")).list();
        if REFUSED.contains(&name.as_str()) {
            listed.code(2).says(&[name, "not done here", "to do:"]);
        } else if indifferent.contains(&name.as_str()) {
            assert_eq!(listed.code(0).stderr, "", "{name}");
        } else {
            let listed = listed.code(0).says(&["not heeded", name]);
            assert!(!listed.stderr.contains("does not know it"), "{name} is not in the table: {listed:#?}");
        }
    }
}

#[test]
fn a_file_of_another_user_is_refused_and_one_that_others_can_read_is_named() {
    let file = File::new(&a(), "");
    assert_eq!(file.list().code(0).stderr, "");
    std::os::unix::fs::chown(file.path(), Some(65534), None).unwrap();
    file.list().code(5).says(&["another user owns this file", "of your own"]);
    std::os::unix::fs::chown(file.path(), Some(0), None).unwrap();
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o640)).unwrap();
    file.list().code(0).says(&["others can read", "chmod 600"]);
}

#[test]
fn values_and_keys_may_be_in_the_environment_and_mistakes_are_named() {
    let a = a();
    let host = a.gateway_address().unwrap();
    let file = File::with(&format!(
        "host_base = {host}\nuse_https = $NO\naccess_key = $KEY\nsecret_key = $SECRET\n"
    ));
    let list = |file: &File, set: &[(&str, &str)]| {
        ran(file.words(&["ls", "s3://oddities"]).envs(set.iter().copied()))
    };
    let (key, secret) = (a.access_key.as_str(), a.secret_key.as_str());
    list(&file, &[("NO", "no"), ("KEY", key), ("SECRET", secret)]).code(0);
    list(&file, &[("NO", "no"), ("AWS_ACCESS_KEY_ID", key), ("AWS_SECRET_ACCESS_KEY", secret)]).code(0);
    list(&file, &[("NO", "no")]).code(2).says(&["KEY, which is not set"]);
    let wrong = list(&file, &[("NO", "Ture"), ("KEY", key), ("SECRET", secret)]);
    wrong.code(2).says(&["use_https is neither yes nor no"]);
    for (line, says) in [
        ("use_https = False # no TLS here", "use_https is neither yes nor no"),
        ("host_base = gateway:99999", "host_base is not HOST"),
        ("check_ssl_certificate = Flase", "check_ssl_certificate is neither yes nor no"),
    ] {
        File::new(&a, line).list().code(2).says(&[says, "line "]);
    }
    // https, since nothing says no: a gateway without TLS is not talked to.
    let text = format!("access_key = {key}\nsecret_key = {secret}\nhost_base = http://{host}\n");
    let listed = File::with(&text).list();
    assert_ne!(listed.code, Some(0), "{listed:#?}");
    listed.says(&["the scheme in host_base"]);
}

#[test]
fn only_the_keys_of_the_file_at_home_are_used_and_its_words_count_for_words() {
    let a = a();
    let home = tempfile::tempdir().unwrap();
    let text = format!("access_key = {}\nsecret_key = {}\nencrypt = True\n", a.access_key, a.secret_key);
    fs::write(home.path().join(".s3cfg"), text).unwrap();
    let etcd = crate::clusters::a_with_own_etcd(&[]);
    let environment = &etcd.environment;
    // etcd holds the keys, so that the file is not used.
    let list = || {
        let mut command = command();
        command.env("HOME", home.path()).env("DEIS_STORE_ETCD", &environment.etcd);
        ran(command.args(["s3", "ls", "s3://oddities"]))
    };
    list().code(0);
    for key in ["accessKey", "secretKey"] {
        let mut remove = command();
        remove.env("DEIS_STORE_ETCD", &environment.etcd);
        ran(remove.args(["config", "store", "rm", &format!("gateway/{key}"), "--yes"])).code(0);
    }
    list().code(2).says(&["encrypt", "not done here"]);
}

#[test]
fn a_file_at_home_that_cannot_be_used_is_named_and_does_not_keep_us_from_the_keys_in_etcd() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".s3cfg");
    fs::write(&file, "access_key = AK\nsecret_key = SK\n").unwrap();
    std::os::unix::fs::chown(&file, Some(65534), None).unwrap();
    let etcd = crate::clusters::a_with_own_etcd(&[]);
    let mut list = command();
    list.env("HOME", home.path()).env("DEIS_STORE_ETCD", &etcd.environment.etcd).args([
        "s3",
        "ls",
        "s3://oddities",
    ]);
    ran(&mut list).code(0).says(&["are not used", "another user owns this file"]);
}
