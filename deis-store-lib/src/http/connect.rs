//! Which transport an endpoint gets. Nothing is connected here, and no file or environment is read.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::endpoint::GIVE_IT_SO;
use super::{Dial, Endpoint, HttpSend, HyperTransport, Timeouts};
use crate::error::{At, Error, ErrorKind, Result};

/// How to reach an endpoint. [`Timeouts`] alone stand for the defaults with these timeouts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// How long to wait.
    pub timeouts: Timeouts,
    /// The content of a PEM file with authorities that https trusts besides the system's.
    pub ca_file_pem: Option<Bytes>,
    /// Whether https checks the server's certificate. **Dangerous to switch off**: then somebody between us and
    /// the server reads and changes everything, and learns each object and request, though not the secret key.
    pub check_certificate: bool,
    /// The proxy for http and https. The environment never names one.
    pub proxy: Option<ProxyUrl>,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeouts: Timeouts::default(), ca_file_pem: None, check_certificate: true, proxy: None }
    }
}

impl From<Timeouts> for ConnectOptions {
    fn from(timeouts: Timeouts) -> Self {
        Self { timeouts, ..Self::default() }
    }
}

/// The URL of an http proxy, `http://HOST:PORT`, without a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyUrl(Endpoint);

impl ProxyUrl {
    /// Checks a URL.
    pub fn new(url: &str) -> Result<Self> {
        let endpoint = Endpoint::read(At::Proxy, url)?;
        if endpoint.scheme() != "http" {
            return Err(Error::new(ErrorKind::Unsupported, "a proxy of another kind than http")
                .at(At::Proxy, url)
                .todo("give it as http://HOST:PORT"));
        }
        Ok(Self(endpoint))
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The transport for an endpoint's URL: `http://HOST[:PORT]` or `https://…`. Plain http without a proxy goes through
/// hyper; https and proxies need feature `https`.
pub fn connect(url: &str, options: impl Into<ConnectOptions>) -> Result<Arc<dyn HttpSend>> {
    let options = options.into();
    let endpoint = Endpoint::new(url)?;
    match endpoint.scheme() {
        "http" if options.proxy.is_none() => {
            let dial = Dial::Tcp(endpoint.host().to_owned(), endpoint.port());
            Ok(Arc::new(HyperTransport::new(dial, endpoint, options.timeouts)))
        }
        "http" | "https" => with_tls_or_proxy(endpoint, &options),
        _ => Err(Error::new(ErrorKind::Usage, "this scheme is not known here")
            .at(At::Endpoint, url)
            .todo(GIVE_IT_SO)),
    }
}

#[cfg(feature = "https")]
fn with_tls_or_proxy(endpoint: Endpoint, options: &ConnectOptions) -> Result<Arc<dyn HttpSend>> {
    Ok(Arc::new(super::ReqwestTransport::new(endpoint, options)?))
}

#[cfg(not(feature = "https"))]
fn with_tls_or_proxy(endpoint: Endpoint, _: &ConnectOptions) -> Result<Arc<dyn HttpSend>> {
    Err(Error::new(ErrorKind::Unsupported, "built without https and proxies")
        .at(At::Endpoint, endpoint)
        .todo("build it with the cargo feature `https`, or use a plain http:// endpoint without a proxy"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(url: &str, proxy: Option<&str>) -> Option<ErrorKind> {
        let proxy = proxy.map(|url| ProxyUrl::new(url).unwrap());
        connect(url, ConnectOptions { proxy, ..ConnectOptions::default() }).err().map(|error| error.kind())
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for url in ["", "gateway", "gateway:80", "ftp://gateway", "http://gateway/path", "http://gateway?q"] {
            assert_eq!(kind(url, None), Some(ErrorKind::Usage), "{url}");
        }
        assert_eq!(kind("http://gateway", None), None);
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_repeated() {
        for error in [
            connect("http://me:hush@gateway", Timeouts::default()).unwrap_err(),
            ProxyUrl::new("http://me:hush@proxy").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(!error.to_string().contains("hush"), "{error}");
        }
    }

    #[test]
    fn a_proxy_is_an_http_proxy() {
        assert_eq!(ProxyUrl::new("http://proxy:3128").unwrap().to_string(), "http://proxy:3128");
        assert_eq!(ProxyUrl::new("socks5://proxy:1080").unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn https_and_proxies_are_unsupported_without_the_feature() {
        let expected = (!cfg!(feature = "https")).then_some(ErrorKind::Unsupported);
        assert_eq!(kind("https://gateway", None), expected);
        assert_eq!(kind("http://gateway", Some("http://proxy:3128")), expected);
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        for pem in
            [&b""[..], b"no certificate", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            let ca_file_pem = Some(Bytes::from_static(pem));
            let options = ConnectOptions { ca_file_pem, ..ConnectOptions::default() };
            let expected = if cfg!(feature = "https") { ErrorKind::Usage } else { ErrorKind::Unsupported };
            assert_eq!(connect("https://gateway", options).unwrap_err().kind(), expected);
        }
    }
}
