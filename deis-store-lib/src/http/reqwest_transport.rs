//! https and proxies, by reqwest: what it cannot send as it was signed, it refuses.
//!
//! reqwest puts every URL through `url::Url`, which takes `.` and `..` segments away; a signature covers them.
//! Besides what the request holds it sends `Host`, `Content-Length` and `Accept: */*`.

use std::io;
use std::time::Duration;

use ::http::{HeaderValue, Request, Response, header};
use futures_util::{StreamExt, stream};
use http_body_util::BodyDataStream;
use rustls::{CertificateError, Error as TlsError};
use tokio::time::timeout;

use super::silence::Moved;
use super::{
    Body, BoxFuture, ConnectOptions, Endpoint, Frames, HttpSend, Received, SendError, Stage, causes,
};
use crate::error::{At, Error, ErrorKind, Result};

/// One endpoint by https, or behind a proxy.
#[derive(Debug)]
pub(crate) struct ReqwestTransport {
    client: reqwest::Client,
    host: HeaderValue,
    base: String,
    endpoint: Endpoint,
    idle: Duration,
}

impl ReqwestTransport {
    /// An endpoint. No proxy but the given one is used, whatever the environment says.
    pub(crate) fn new(endpoint: Endpoint, options: &ConnectOptions) -> Result<Self> {
        let base = endpoint.url();
        let is_https = endpoint.is_https();
        let endpoint = match &options.proxy {
            Some(proxy) => endpoint.through(format!("the proxy {proxy}")),
            None => endpoint,
        };
        let client = client(is_https, options).map_err(|error| error.at(At::Endpoint, &endpoint))?;
        let host = HeaderValue::from_str(endpoint.authority()).map_err(|error| {
            Error::new(ErrorKind::Usage, "not a host").at(At::Endpoint, &endpoint).because(error)
        })?;
        Ok(Self { client, host, base, endpoint, idle: options.timeouts.idle })
    }

    async fn attempt(&self, request: Request<Body>) -> Result<Response<Received>, SendError> {
        let (mut parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("", |target| target.as_str());
        let url = reqwest::Url::parse(&format!("{}{target}", self.base))
            .map_err(|error| SendError::new(Stage::Unfaithful, error))?;
        if &url[url::Position::BeforePath..url::Position::AfterQuery] != target {
            let text = "https and proxies would change the path of this key: a part of it is `.` or `..`";
            return Err(SendError::new(Stage::Unfaithful, text));
        }
        parts.headers.insert(header::HOST, self.host.clone());
        parts.headers.insert(header::CONTENT_LENGTH, body.length_bytes().into());
        let moved = Moved::now();
        let sent = moved.clone();
        // Without a size of its own the body takes the length from the header.
        let body = BodyDataStream::new(body.outgoing().inspected(move || sent.again()));
        let request = self
            .client
            .request(parts.method, url)
            .headers(parts.headers)
            .body(reqwest::Body::wrap_stream(body))
            .build()
            .map_err(|error| SendError::new(Stage::Unfaithful, error.without_url()))?;
        let answered = moved.within(self.idle, self.client.execute(request)).await;
        let response =
            answered.ok_or_else(|| SendError::new(Stage::Unknown, self.stalled()))?.map_err(classify)?;
        Ok(Response::from(response).map(|body| Received::new(self.received(body))))
    }

    fn received(&self, body: reqwest::Body) -> Frames {
        let (idle, stalled) = (self.idle, self.stalled().to_string());
        Box::pin(stream::unfold(Some(BodyDataStream::new(body)), move |body| {
            let stalled = stalled.clone();
            async move {
                let mut body = body?;
                match timeout(idle, body.next()).await {
                    Ok(Some(Ok(bytes))) => Some((Ok(bytes), Some(body))),
                    Ok(Some(Err(error))) => Some((Err(io::Error::other(error.without_url())), None)),
                    Ok(None) => None,
                    Err(_) => Some((Err(io::Error::new(io::ErrorKind::TimedOut, stalled)), None)),
                }
            }
        }))
    }

    fn stalled(&self) -> io::Error {
        let text = format!("nothing was received or sent for {} s", self.idle.as_secs());
        io::Error::new(io::ErrorKind::TimedOut, text)
    }
}

impl HttpSend for ReqwestTransport {
    fn send(&self, request: Request<Body>) -> BoxFuture<'_, Result<Response<Received>, SendError>> {
        Box::pin(self.attempt(request))
    }

    fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }
}

fn client(is_https: bool, options: &ConnectOptions) -> Result<reqwest::Client> {
    // reqwest's own timeout for reading runs while a body is sent, too, and would end every slow upload.
    let mut builder = reqwest::Client::builder()
        .http1_only()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .tls_backend_preconfigured(super::tls::config(is_https, options)?)
        .connect_timeout(options.timeouts.connect);
    if let Some(proxy) = &options.proxy {
        let proxy = reqwest::Proxy::all(proxy.to_string())
            .map_err(|error| Error::new(ErrorKind::Usage, "not a proxy").because(error))?;
        builder = builder.proxy(proxy);
    }
    builder.build().map_err(|error| {
        Error::new(ErrorKind::Unsupported, "cannot set up the client for https").because(error)
    })
}

fn classify(error: reqwest::Error) -> SendError {
    let tls = causes(&error).find_map(|error| error.downcast_ref::<TlsError>());
    let (stage, todo) = match tls.filter(|_| error.is_connect()) {
        Some(tls) => (Stage::Untrusted, advice(tls)),
        None if error.is_connect() => (Stage::NotSent, None),
        None => (Stage::Unknown, None),
    };
    let timed_out = error.is_timeout();
    SendError { timed_out, todo, ..SendError::new(stage, error.without_url()) }
}

/// The advice for a connection that TLS refused.
fn advice(error: &TlsError) -> Option<&'static str> {
    Some(match error {
        TlsError::InvalidCertificate(certificate) => match certificate {
            // The second one: an authority of the same name, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "if its certificate was issued by an authority of your own, name that one's PEM file \
                 (`ca_certs_file` in the file of s3cmd)"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "use a host name that its certificate has, or renew the certificate with this one"
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => {
                "renew the server's certificate, and check that the clock of this machine is right"
            }
            _ => return None,
        },
        TlsError::InvalidMessage(_) => "it does not speak TLS there: try http:// in place of https://",
        _ => return None,
    })
}
