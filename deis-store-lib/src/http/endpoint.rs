//! The address of a server, and how it is reached. Pure.

use std::fmt;

use ::http::Uri;
use ::http::uri::{Authority, Scheme};

use crate::authority::check_port;
use crate::error::{At, Error, ErrorKind, Result};

/// The address of a server, as its own network knows it, and the host through which it is reached, if it is not
/// reached directly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    scheme: Scheme,
    authority: Authority,
    via: Option<String>,
}

impl Endpoint {
    /// Reads a URL that is scheme, host and port alone: `http://HOST[:PORT]` or `https://…`.
    pub fn new(url: &str) -> Result<Self> {
        Self::read(At::Endpoint, url)
    }

    /// The same, reached through a host.
    #[cfg(any(feature = "backup", test))]
    #[must_use]
    pub(crate) fn through(self, host: impl Into<String>) -> Self {
        Self { via: Some(host.into()), ..self }
    }

    /// Its URL, without a path. It says nothing of the host between.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The host through which it is reached.
    #[cfg(any(feature = "backup", test))]
    #[must_use]
    pub(crate) fn via(&self) -> Option<&str> {
        self.via.as_deref()
    }

    /// Host and port, as `Host` has them: the port is left out where the URL leaves it out.
    #[must_use]
    pub(crate) fn authority(&self) -> &str {
        self.authority.as_str()
    }

    /// The host: a name or an address, IPv6 in brackets.
    #[must_use]
    pub(crate) fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port; without one in the URL, that of the scheme.
    #[must_use]
    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_https() { 443 } else { 80 })
    }

    /// Whether it is reached by https.
    #[must_use]
    pub(crate) fn is_https(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// One that nothing connects to, for transports within the process.
    #[cfg(any(feature = "gateway", test))]
    pub(crate) fn within(authority: &'static str) -> Self {
        Self { scheme: Scheme::HTTP, authority: Authority::from_static(authority), via: None }
    }

    /// Reads a URL that was given under a name.
    pub(super) fn read(at: At, url: &str) -> Result<Self> {
        let usage = |what: &str| Error::new(ErrorKind::Usage, what).at(at, url).todo(GIVE_IT_SO);
        let uri: Uri = url.parse().map_err(|_| usage("not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err(usage("a URL without scheme or host"));
        };
        if authority.as_str().contains('@') {
            return Err(usage("a URL must not hold a user or password"));
        }
        check_port(authority).map_err(usage)?;
        if uri.path() != "/" || uri.query().is_some() {
            return Err(usage("an endpoint has no path"));
        }
        Ok(Self { scheme: scheme.clone(), authority: authority.clone(), via: None })
    }

    pub(super) fn scheme(&self) -> &str {
        self.scheme.as_str()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)?;
        self.via.as_ref().map_or(Ok(()), |via| write!(f, " through {via}"))
    }
}

pub(super) const GIVE_IT_SO: &str = "give it as http://HOST:PORT";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_of_an_endpoint_behind_a_tunnel_says_nothing_of_the_tunnel() {
        let endpoint = Endpoint::new("http://10.0.0.5:8888").unwrap().through("core@host");
        assert_eq!(endpoint.url(), "http://10.0.0.5:8888");
        assert_eq!(endpoint.to_string(), "http://10.0.0.5:8888 through core@host");
        assert_eq!((endpoint.authority(), endpoint.via()), ("10.0.0.5:8888", Some("core@host")));
    }

    #[test]
    fn what_is_no_port_is_refused_by_name() {
        for url in [
            "http://h:99999",
            "http://h:65536",
            "http://h:0",
            "http://h:",
            "https://[::1]:70000",
            "http://h:+80",
        ] {
            let error = Endpoint::new(url).unwrap_err();
            assert_eq!((error.kind(), error.place().endpoint()), (ErrorKind::Usage, Some(url)));
            assert!(error.to_string().contains("port") || error.to_string().contains("URL"), "{error}");
        }
    }

    #[test]
    fn the_port_is_that_of_the_scheme_unless_given() {
        let port = |url: &str| Endpoint::new(url).unwrap().port();
        assert_eq!(port("http://a"), 80);
        assert_eq!(port("https://a"), 443);
        assert_eq!(port("http://[::1]:7480"), 7480);
    }
}
