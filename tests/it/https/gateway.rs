//! A real radosgw behind TLS and behind proxies. Our program and s3cmd read the same file of s3cmd.

use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use deis_store::ErrorKind;
use deis_store::http::{ConnectOptions, ProxyUrl, connect};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::s3::op::PutObject;
use deis_store::secret::Credentials;
use futures_util::TryStreamExt as _;

use super::certificates::Authority;
use super::proxy::{Proxy, terminator};
use crate::clusters::a;
use crate::contract::{KEYS, key, md5};
use crate::main_job::{block, bucket};
use crate::program::{Ran, command, ran};

/// Puts, lists, gets and deletes every key on cluster A.
async fn every_key_comes_and_goes(url: &str, options: ConnectOptions, bucket_name: &str) {
    let a = a();
    let credentials = Credentials::new(&a.access_key, &a.secret_key);
    let transport = connect(url, options).unwrap();
    let client = Client::new(vec![transport], credentials, ClientOptions::default(), &Run::silent()).unwrap();
    let bucket = bucket(bucket_name);
    client.create_bucket(&bucket).await.unwrap();
    let mut stored = Vec::new();
    for name in KEYS {
        let (key, body) = (key(name), name.as_bytes());
        let put = PutObject::new(&bucket, &key, body.len() as u64, md5(body)).unwrap();
        match client.put(&put, &deis_store::http::Body::Bytes(body.into())).await {
            Ok(()) => stored.push(name),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{name:?}: {error:?}");
                assert!(name.split('/').any(|part| [".", ".."].contains(&part)), "{name:?}: {error:?}");
                assert!(error.advice().unwrap().contains("plain http://"), "{error:?}");
            }
        }
    }
    assert_eq!(stored.len(), KEYS.len() - 5);
    stored.sort_unstable();
    let listed: Vec<_> = client.list(&bucket, "").try_collect().await.unwrap();
    assert_eq!(listed.iter().map(|object| object.key.as_str()).collect::<Vec<_>>(), stored);
    for name in stored {
        let key = key(name);
        let mut download = client.get(&bucket, &key).await.unwrap();
        let mut whole = Vec::new();
        while let Some(bytes) = download.try_next().await.unwrap() {
            whole.extend_from_slice(&bytes);
        }
        assert_eq!(whole, name.as_bytes());
        client.delete(&bucket, &key).await.unwrap();
    }
    assert!(client.is_empty(&bucket).await.unwrap());
}

fn gateway() -> String {
    a().gateways[0].trim_start_matches("http://").to_owned()
}

#[test]
fn every_key_comes_and_goes_over_https() {
    block(async {
        let authority = Authority::new();
        let address = terminator(authority.acceptor("IP:127.0.0.1", "1"), &gateway()).await;
        let mut options = ConnectOptions::default();
        options.ca_file_pem = Some(authority.pem());
        every_key_comes_and_goes(&format!("https://{address}"), options, "over_https").await;
    });
}

#[test]
fn every_key_comes_and_goes_through_a_proxy() {
    block(async {
        let proxy = Proxy::start().await;
        let mut options = ConnectOptions::default();
        options.proxy = Some(ProxyUrl::new(&format!("http://{}", proxy.address)).unwrap());
        every_key_comes_and_goes(&format!("http://{}", gateway()), options, "through_a_proxy").await;
        assert!(proxy.heard().len() > KEYS.len());
    });
}

/// A file of s3cmd for cluster A behind an address, with further lines.
struct File(tempfile::TempDir);

impl File {
    fn new(address: &str, lines: &str) -> Self {
        let a = a();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s3cfg");
        let text = format!(
            "[default]\naccess_key = {}\nsecret_key = {}\nhost_base = {address}\nhost_bucket = {address}\n\
             signature_v2 = True\n{lines}",
            a.access_key, a.secret_key
        );
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        Self(directory)
    }

    fn path(&self) -> String {
        self.0.path().join("s3cfg").to_str().unwrap().to_owned()
    }

    /// The program's listing of a bucket. Its environment names a proxy on which nothing listens.
    fn list(&self) -> Ran {
        let mut command = command();
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"] {
            command.env(name, "http://127.0.0.1:1");
        }
        ran(command.args(["--s3cfg", &self.path(), "s3", "ls", "-r", "s3://registry"]))
    }

    fn s3cmd(&self) -> String {
        let output =
            Command::new("s3cmd").args(["-c", &self.path(), "ls", "-r", "s3://registry"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// The lines of a listing, with single spaces: each program spaces the columns differently.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn one_file_serves_s3cmd_and_us_over_https_and_through_proxies() {
    block(async {
        let authority = Authority::new();
        let tls = terminator(authority.acceptor("IP:127.0.0.1", "1"), &gateway()).await;
        let proxy = Proxy::start().await;
        let (host, port) = proxy.address.split_once(':').unwrap();
        let https = format!("use_https = True\nca_certs_file = {}\n", authority.path().display());
        let through = format!("proxy_host = {host}\nproxy_port = {port}\n");
        let plain = gateway();
        for (address, more, questions) in [
            (&tls, https.clone(), None),
            (&plain, format!("use_https = False\n{through}"), Some("GET http://")),
            (&tls, format!("{https}{through}"), Some("CONNECT ")),
        ] {
            let file = File::new(address, &more);
            let ours = file.list().code(0);
            assert_eq!(ours.stderr, "", "{more}");
            let asked = proxy.heard();
            let question = |line: &[u8]| questions.is_some_and(|start| line.starts_with(start.as_bytes()));
            assert_eq!(asked.is_empty(), questions.is_none(), "{more}: {asked:?}");
            assert!(asked.iter().all(|head| question(&head.line)), "{more}: {asked:?}");
            let theirs = file.s3cmd();
            assert_eq!(proxy.heard().is_empty(), questions.is_none(), "s3cmd reads the same file");
            assert!(lines(&theirs).len() > 3);
            assert_eq!(lines(&ours.stdout), lines(&theirs));
        }
    });
}

#[test]
fn a_gateway_that_cannot_be_trusted_is_an_error_that_says_what_to_do() {
    block(async {
        let (authority, other) = (Authority::new(), Authority::new());
        let address = terminator(authority.acceptor("IP:127.0.0.1", "1"), &gateway()).await;
        File::new(&address, "use_https = True\n").list().code(1).says(&[
            "cannot be trusted",
            "UnknownIssuer",
            "to do:",
            "ca_certs_file",
        ]);
        let wrong = format!("use_https = True\nca_certs_file = {}\n", other.path().display());
        File::new(&address, &wrong).list().code(1).says(&["cannot be trusted", "to do:"]);
        File::new(&address, "use_https = True\nca_certs_file = /nonexistent/ca.pem\n")
            .list()
            .code(2)
            .says(&["cannot read the file of authorities", "/nonexistent/ca.pem"]);
        File::new(&address, "use_https = True\nca_certs_file = /etc/hostname\n")
            .list()
            .code(2)
            .says(&["something else than certificates", "PEM"]);
        let unchecked = File::new(&address, "use_https = True\ncheck_ssl_certificate = False\n").list();
        assert!(lines(&unchecked.code(0).says(&["check_ssl_certificate is off"]).stdout).len() > 3);
    });
}
