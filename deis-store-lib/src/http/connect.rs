//! Which transport an endpoint gets. Nothing is connected here, and no file or environment is read.

use std::fmt;
use std::sync::Arc;

use ::http::Uri;
use ::http::uri::Authority;
use bytes::Bytes;

use super::{Dial, HttpSend, HyperTransport, Timeouts};
use crate::error::{Error, ErrorKind, Result};

/// How to reach an endpoint. [`Timeouts`] alone stand for the defaults with these timeouts.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// How long to wait.
    pub timeouts: Timeouts,
    /// The content of a PEM file with authorities that https trusts besides the system's.
    pub ca_file_pem: Option<Bytes>,
    /// Whether https checks the server's certificate. **Dangerous to switch off**: then whoever stands between us and
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
pub struct ProxyUrl(Authority);

impl ProxyUrl {
    /// Checks a URL.
    pub fn new(url: &str) -> Result<Self> {
        let (scheme, authority) = endpoint("proxy", url)?;
        if scheme != "http" {
            return Err(Error::new(ErrorKind::Unsupported, "a proxy of another kind than http")
                .at("proxy", url)
                .todo("give it as http://HOST:PORT"));
        }
        Ok(Self(authority))
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// The transport for an endpoint's URL: `http://HOST[:PORT]` or `https://…`. Plain http without a proxy goes through
/// [`HyperTransport`]; https and proxies need feature `https`.
pub fn connect(url: &str, options: impl Into<ConnectOptions>) -> Result<Arc<dyn HttpSend>> {
    let options = options.into();
    let (scheme, authority) = endpoint("endpoint", url)?;
    match scheme.as_str() {
        "http" if options.proxy.is_none() => {
            let dial = Dial::Tcp(authority.host().to_owned(), authority.port_u16().unwrap_or(80));
            Ok(Arc::new(HyperTransport::new(dial, authority.as_str(), options.timeouts)))
        }
        "http" | "https" => portable(&scheme, &authority, &options),
        _ => Err(Error::new(ErrorKind::Usage, "this scheme is not known here")
            .at("endpoint", url)
            .todo(GIVE_IT_SO)),
    }
}

#[cfg(feature = "https")]
fn portable(scheme: &str, authority: &Authority, options: &ConnectOptions) -> Result<Arc<dyn HttpSend>> {
    Ok(Arc::new(super::ReqwestTransport::new(scheme, authority, options)?))
}

#[cfg(not(feature = "https"))]
fn portable(scheme: &str, authority: &Authority, _: &ConnectOptions) -> Result<Arc<dyn HttpSend>> {
    Err(Error::new(ErrorKind::Unsupported, "built without https and proxies")
        .at("endpoint", format_args!("{scheme}://{authority}"))
        .todo("build it with the cargo feature `https`, or use a plain http:// endpoint without a proxy"))
}

/// Scheme and authority of a URL that has nothing else.
fn endpoint(name: &'static str, url: &str) -> Result<(String, Authority)> {
    let usage = |what: &str| Error::new(ErrorKind::Usage, what).at(name, url).todo(GIVE_IT_SO);
    let uri: Uri = url.parse().map_err(|_| usage("not a URL"))?;
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(usage("a URL without scheme or host"));
    };
    if authority.as_str().contains('@') {
        return Err(Error::new(ErrorKind::Usage, "a URL must not hold a user or password"));
    }
    if uri.path() != "/" || uri.query().is_some() {
        return Err(usage("an endpoint has no path"));
    }
    Ok((scheme.to_owned(), authority.clone()))
}

const GIVE_IT_SO: &str = "give it as http://HOST:PORT";

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
