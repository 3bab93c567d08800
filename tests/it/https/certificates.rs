//! A certificate authority of the test's own, made with the program `openssl`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A certificate authority. A client that trusts its PEM file trusts the certificates that it issues.
pub(super) struct Authority(tempfile::TempDir);

impl Authority {
    pub(super) fn new() -> Self {
        let authority = Self(tempfile::tempdir().unwrap());
        authority.openssl(
            &[&["req", "-x509", "-days", "2", "-out", "ca.pem", "-keyout", "ca.key"][..], &KEY].concat(),
        );
        authority
    }

    /// The authority's PEM file.
    pub(super) fn path(&self) -> PathBuf {
        self.0.path().join("ca.pem")
    }

    pub(super) fn pem(&self) -> Bytes {
        std::fs::read(self.path()).unwrap().into()
    }

    /// The server's side of TLS, with a certificate for `name` (`IP:…` or `DNS:…`) that ends in `days` days.
    ///
    /// It offers HTTP/2 as well.
    pub(super) fn acceptor(&self, name: &str, days: &str) -> TlsAcceptor {
        let name = format!("subjectAltName={name}");
        self.openssl(
            &[&["req", "-out", "request", "-keyout", "key.pem", "-addext", &name][..], &KEY].concat(),
        );
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "request",
            "-CA",
            "ca.pem",
            "-CAkey",
            "ca.key",
            "-copy_extensions",
            "copy",
            "-days",
            days,
            "-out",
            "server.pem",
        ]);
        let file = |name| self.0.path().join(name);
        let certificate = CertificateDer::from_pem_file(file("server.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(file("key.pem")).unwrap();
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config).into()
    }

    fn openssl(&self, arguments: &[&str]) {
        openssl(self.0.path(), arguments);
    }
}

/// The options for a new key. The subject's name does not matter.
const KEY: [&str; 8] = [
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:prime256v1",
    "-nodes",
    "-batch",
    "-subj",
    "/CN=deis-store test",
];

fn openssl(directory: &Path, arguments: &[&str]) {
    let output = Command::new("openssl").args(arguments).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
