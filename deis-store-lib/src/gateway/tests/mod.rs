//! The gateway over real connections, where it has habits that our client does not use. The contract suite
//! (`tests/it/contract`), which runs on a real radosgw as well, shows the habits that a client may rely on.

mod faults;
mod judge;
mod kept;
mod memory;
mod multipart;
mod objects;
mod signing;
mod spool;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::{Faults, Gateway, GatewayOptions, Store};
use crate::http::{Body, HttpSend, Timeouts, connect};
use crate::run::{Clock, Run, SystemClock};
use crate::s3::client::ClientOptions;
use crate::s3::op::{Head, PutObject, Request};
use crate::s3::{BucketName, Client, ObjectKey};
use crate::secret::Credentials;

pub(super) struct Harness {
    pub(super) gateway: Gateway,
    pub(super) http: Arc<dyn HttpSend>,
    pub(super) client: Client,
}

pub(super) struct Got {
    pub(super) head: Head,
    pub(super) body: String,
}

impl Got {
    pub(super) fn status(&self) -> u16 {
        self.head.status.as_u16()
    }

    pub(super) fn code(&self) -> &str {
        self.element("Code")
    }

    /// The text of the first element of a name, as it stands in the XML.
    pub(super) fn element(&self, name: &str) -> &str {
        let Some((_, rest)) = self.body.split_once(&format!("<{name}>")) else { return "" };
        rest.split_once(&format!("</{name}>")).map_or("", |(text, _)| text)
    }
}

/// A clock that is off by some time.
pub(super) struct Off(pub(super) Duration);

impl Clock for Off {
    fn now(&self) -> SystemTime {
        SystemTime::now() + self.0
    }
}

pub(super) fn credentials() -> Credentials {
    Credentials::new("AKIDEIS", "SECRETDEIS")
}

pub(super) fn client(gateway: &Gateway, credentials: Credentials) -> Client {
    let http = connect(&gateway.url(), Timeouts::default()).unwrap();
    Client::new(vec![http], credentials, ClientOptions::default(), &Run::silent()).unwrap()
}

impl Harness {
    pub(super) async fn new() -> Self {
        Self::of(Store::in_memory(), Arc::new(SystemClock)).await
    }

    pub(super) async fn with_bucket() -> Self {
        let harness = Self::new().await;
        harness.client.create_bucket(&bucket()).await.unwrap();
        harness
    }

    pub(super) async fn of(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self::start(store, GatewayOptions::new(clock)).await
    }

    /// One with faults.
    pub(super) async fn with(faults: impl Faults + 'static) -> Self {
        Self::start(Store::in_memory(), GatewayOptions::new(Arc::new(SystemClock)).faults(faults)).await
    }

    /// One of a store that the caller keeps.
    pub(super) async fn of_shared(store: Arc<Store>) -> Self {
        Self::start(store, GatewayOptions::new(Arc::new(SystemClock))).await
    }

    async fn start(store: impl Into<Arc<Store>>, options: GatewayOptions) -> Self {
        let listen = ([127, 0, 0, 1], 0).into();
        let gateway = Gateway::start(listen, store, credentials(), options).await.unwrap();
        let http = connect(&gateway.url(), Timeouts::default()).unwrap();
        let client = client(&gateway, credentials());
        Self { gateway, http, client }
    }

    /// Sends a signed request.
    pub(super) async fn ask(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Got {
        let mut request = request(method, target, headers);
        request.sign(&credentials(), SystemTime::now()).unwrap();
        self.send(request, body).await
    }

    /// Sends a request as it is.
    pub(super) async fn send(&self, request: Request, body: impl Into<Bytes>) -> Got {
        let mut built = http::Request::new(Body::Bytes(body.into()));
        *built.method_mut() = request.method.clone();
        *built.uri_mut() = request.target().parse().unwrap();
        *built.headers_mut() = request.headers;
        let mut answer = self.http.send(built).await.unwrap();
        let body = answer.body_mut().collect(64 << 20).await.unwrap();
        let head = Head { status: answer.status(), headers: answer.headers().clone() };
        assert!(head.headers.contains_key("x-amz-request-id") && head.headers.contains_key("date"));
        Got { head, body: String::from_utf8_lossy(&body).into_owned() }
    }

    /// Puts an object with our client.
    pub(super) async fn put(&self, key: &str, bytes: &[u8]) {
        let (bucket, key) = (bucket(), ObjectKey::new(key).unwrap());
        let operation = PutObject::new(&bucket, &key, bytes.len() as u64, md5(bytes)).unwrap();
        self.client.put(&operation, &Body::Bytes(Bytes::copy_from_slice(bytes))).await.unwrap();
    }

    /// Gets an object with our client.
    pub(super) async fn get(&self, key: &str) -> Vec<u8> {
        let (bucket, key) = (bucket(), ObjectKey::new(key).unwrap());
        let mut download = self.client.get(&bucket, &key).await.unwrap();
        let mut whole = Vec::new();
        while let Some(bytes) = download.try_next().await.unwrap() {
            whole.extend_from_slice(&bytes);
        }
        whole
    }
}

pub(super) fn bucket() -> BucketName {
    BucketName::new("db_wal").unwrap()
}

pub(super) fn md5(bytes: &[u8]) -> [u8; 16] {
    use md5::Digest as _;
    md5::Md5::digest(bytes).into()
}

pub(super) fn request(method: Method, target: &str, headers: &[(&str, &str)]) -> Request {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
    }
    let mut request = Request::bare(method, path.to_owned(), query.to_owned());
    request.headers = map;
    request
}

#[tokio::test]
async fn it_ends_when_it_is_stopped_and_when_it_is_dropped() {
    for stopped in [true, false] {
        let harness = Harness::with_bucket().await;
        let address = harness.gateway.address();
        assert!(tokio::net::TcpStream::connect(address).await.is_ok());
        let Harness { gateway, .. } = harness;
        if stopped {
            gateway.stop().await;
        } else {
            drop(gateway);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(tokio::net::TcpStream::connect(address).await.is_err());
    }
}

#[tokio::test]
async fn an_unsigned_request_sees_an_empty_account_and_nothing_else() {
    let harness = Harness::with_bucket().await;
    let got = harness.send(request(Method::GET, "/", &[]), "").await;
    assert_eq!((got.status(), got.element("ID"), got.element("Buckets")), (200, "anonymous", ""));
    for (method, target) in
        [(Method::GET, "/db_wal"), (Method::PUT, "/db_wal/k"), (Method::DELETE, "/db_wal")]
    {
        let got = harness.send(request(method, target, &[]), "").await;
        assert_eq!((got.head.status, got.code()), (StatusCode::FORBIDDEN, "AccessDenied"));
        assert!(got.body.contains("<Message></Message>") && !got.element("RequestId").is_empty());
    }
}
