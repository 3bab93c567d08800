//! How https checks a server: rustls with ring, the system's authorities, and those that the caller names.
//!
//! reqwest would bring aws-lc, a fifth of the whole build, or take a process-wide default that is not ours to set.

use std::sync::Arc;

use bytes::Bytes;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_platform_verifier::Verifier;

use super::ConnectOptions;
use crate::error::{Error, ErrorKind, Result};

/// The set-up of TLS for an endpoint. Without https nothing is checked, and the system need not have authorities.
pub(super) fn config(is_https: bool, options: &ConnectOptions) -> Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let authorities = match &options.ca_file_pem {
        Some(pem) if is_https => certificates(pem)?,
        _ => Vec::new(),
    };
    let verifier: Arc<dyn ServerCertVerifier> = if is_https && options.check_certificate {
        Arc::new(verifier(authorities, &provider)?)
    } else {
        Arc::new(Unchecked(provider.clone()))
    };
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| no_tls().because(error))?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

fn verifier(authorities: Vec<CertificateDer<'static>>, provider: &Arc<CryptoProvider>) -> Result<Verifier> {
    let is_own = !authorities.is_empty();
    Verifier::new_with_extra_roots(authorities, provider.clone())
        .map_err(|error| if is_own { not_certificates().because(error) } else { no_tls().because(error) })
}

/// The certificates of a PEM file; anything else in it is passed over.
fn certificates(pem: &Bytes) -> Result<Vec<CertificateDer<'static>>> {
    let found: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| not_certificates().because(error))?;
    if found.is_empty() { Err(not_certificates()) } else { Ok(found) }
}

fn not_certificates() -> Error {
    Error::new(ErrorKind::Usage, "the file of authorities holds something else than certificates")
        .todo("give a PEM file: its certificates stand between BEGIN CERTIFICATE and END CERTIFICATE")
}

fn no_tls() -> Error {
    Error::new(ErrorKind::Unsupported, "cannot set up TLS")
        .todo("install the system's authorities (Debian: ca-certificates), or name a file of them")
}

/// Takes any certificate, for callers that have said so, and for plain http behind a proxy.
#[derive(Debug)]
struct Unchecked(Arc<CryptoProvider>);

impl ServerCertVerifier for Unchecked {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
