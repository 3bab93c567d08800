//! The rules on which our client relies, as one suite. Each rule runs on the embedded gateway, in memory and with
//! bodies in a file, on a snapshot that is served with writes, on a real radosgw, and on Swift. `releases` runs all of
//! them on the radosgw of other releases of Ceph.
//!
//! If a gateway differs, the rule asks [`Site::which`] and says why. `deis_store::gateway` lists the differences of the
//! embedded one, and `docs/servers.md` those of Swift.

mod access;
mod buckets;
mod conditions;
mod copies;
mod deletions;
mod every_key;
mod keys;
mod listings;
mod objects;
mod other_clients;
mod signatures;
mod stored_with;
mod transfers;
mod uploads;
mod uploads_under_way;
mod versions;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use bytes::Bytes;
use deis_store::gateway::{GatewayOptions, Store};
use deis_store::http::{Body, Frames, Source, Timeouts, connect};
use deis_store::run::{Clock, Run, Silent, Stop, SystemClock};
use deis_store::s3::client::ClientOptions;
use deis_store::s3::op::{Head, ObjectInfo, Operation, PutObject, Request};
use deis_store::s3::{BucketName, Client, ObjectKey};
use deis_store::secret::Credentials;
use deis_store::serve::{ServeOptions, Serving, serve};
use deis_store::snapshot::SnapshotReader;
use deis_store::{Error, ErrorKind, Result};
use md5::Digest as _;

pub(crate) use keys::KEYS;

use crate::clusters::{a, swift};
use crate::main_job::{block, bucket};
use crate::serve::golden;

/// Makes each rule, an `async fn(&Site)`, into one test per gateway, and a list of all.
macro_rules! rules {
    ($($rule:ident,)+) => {
        mod embedded {
            $(#[test] fn $rule() {
                $crate::contract::on($crate::contract::Which::Embedded, stringify!($rule), super::$rule);
            })+
        }
        mod spooling {
            $(#[test] fn $rule() {
                $crate::contract::on($crate::contract::Which::Spooling, stringify!($rule), super::$rule);
            })+
        }
        mod served {
            $(#[test] fn $rule() {
                $crate::contract::on($crate::contract::Which::Served, stringify!($rule), super::$rule);
            })+
        }
        mod radosgw {
            $(#[test] fn $rule() {
                $crate::contract::on($crate::contract::Which::Radosgw, stringify!($rule), super::$rule);
            })+
        }
        mod swift {
            $(#[test] fn $rule() {
                $crate::contract::on($crate::contract::Which::Swift, stringify!($rule), super::$rule);
            })+
        }
        pub(super) const RULES: &[$crate::contract::Rule] = &[
            $((stringify!($rule), |which| $crate::contract::on(which, stringify!($rule), $rule)),)+
        ];
    };
}
use rules;

/// The rules that cannot run on Swift, and why. A rule that runs there otherwise asks [`Site::which`].
const NOT_ON_SWIFT: &[(&str, &str)] = &[
    ("a_list_that_was_kept_can_be_put_back", NO_LISTS),
    ("canned_lists_say_who_may_read", NO_LISTS),
    ("an_object_is_private_unless_something_else_is_said", NO_LISTS),
    ("a_list_of_another_owner_is_refused", NO_LISTS),
    ("a_part_is_made_only_of_bytes_that_are_there", "it copies what there is of a range"),
    ("a_version_that_is_not_there_takes_nothing_with_it", NO_VERSIONS),
    ("an_empty_id_deletes_nothing", NO_VERSIONS),
    ("answers_have_these_headers_and_no_others", "these are radosgw's headers"),
    ("headers_are_signed_as_the_gateway_reads_them", RADOSGWS_DIALECT),
    ("what_aws_signs_in_another_way_is_refused_in_awss_dialect_and_taken_in_radosgws", RADOSGWS_DIALECT),
];
const NO_LISTS: &str = "with `s3_acl = false`, objects have no access control lists: 501 NotImplemented";
const NO_VERSIONS: &str = "without `allow_object_versioning`, a version cannot be named: 501 NotImplemented";
const RADOSGWS_DIALECT: &str = "it signs underscores and repeated headers as AWS does";

/// The gateway on which a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// The embedded one, in memory.
    Embedded,
    /// The embedded one, with all but the smallest bodies in a file.
    Spooling,
    /// A snapshot that is served, with writes kept in a directory.
    Served,
    /// The real one of cluster A.
    Radosgw,
    /// Swift's, which is another server's idea of S3.
    Swift,
    /// A real one of another release.
    Release(&'static Gateway),
}

/// A running gateway of another release.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    /// The release's number, such as 14.
    pub(crate) release: u8,
    /// The name of its HTTP server, which is `beast` or `civetweb`.
    pub(crate) frontend: &'static str,
    pub(crate) url: String,
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

/// A rule's name, and the rule on a gateway of one's choice. It panics where the rule does not hold.
pub(crate) type Rule = (&'static str, fn(Which));

/// All rules, room by room.
pub(crate) fn rules_by_room() -> [(&'static str, &'static [Rule]); 16] {
    [
        ("access", access::RULES),
        ("buckets", buckets::RULES),
        ("conditions", conditions::RULES),
        ("copies", copies::RULES),
        ("deletions", deletions::RULES),
        ("every_key", every_key::RULES),
        ("keys", keys::RULES),
        ("listings", listings::RULES),
        ("objects", objects::RULES),
        ("other_clients", other_clients::RULES),
        ("signatures", signatures::RULES),
        ("stored_with", stored_with::RULES),
        ("transfers", transfers::RULES),
        ("uploads", uploads::RULES),
        ("uploads_under_way", uploads_under_way::RULES),
        ("versions", versions::RULES),
    ]
}

/// A gateway with a bucket of the rule's own, which is empty.
pub(crate) struct Site {
    which: Which,
    url: String,
    access_key: String,
    secret_key: String,
    bucket: BucketName,
    /// A client that tries each request once.
    client: Client,
}

/// Runs a rule.
fn on(which: Which, rule: &str, check: impl AsyncFnOnce(&Site)) {
    if which == Which::Swift
        && let Some((_, why)) = NOT_ON_SWIFT.iter().find(|(name, _)| *name == rule)
    {
        eprintln!("skipped on Swift: {why}");
        return;
    }
    block(async {
        let scratch = tempfile::tempdir().unwrap();
        let embedded = match which {
            Which::Embedded => Some(Store::in_memory()),
            Which::Spooling => Some(Store::spooling(scratch.path(), 8).unwrap()),
            Which::Served | Which::Radosgw | Which::Release(_) | Which::Swift => None,
        };
        let mut serving = None;
        let (gateway, url, access_key, secret_key) = if let Some(store) = embedded {
            let (access_key, secret_key) = ("EMBEDDED", "secret/of+embedded");
            let (listen, clock) = (([127, 0, 0, 1], 0).into(), Arc::new(SystemClock));
            let credentials = Credentials::new(access_key, secret_key);
            let gateway =
                deis_store::gateway::Gateway::start(listen, store, credentials, GatewayOptions::new(clock))
                    .await
                    .unwrap();
            let url = gateway.url();
            (Some(gateway), url, access_key.to_owned(), secret_key.to_owned())
        } else if which == Which::Served {
            let (served, url) = served(scratch.path()).await;
            let keys = (served.credentials().access_key().to_owned(), SERVED_SECRET_KEY.to_owned());
            serving = Some(served);
            (None, url, keys.0, keys.1)
        } else if which == Which::Swift {
            let swift = swift();
            (None, swift.url(), swift.access_key().to_owned(), swift.secret_key().to_owned())
        } else if let Which::Release(gateway) = which {
            (None, gateway.url.clone(), gateway.access_key.clone(), gateway.secret_key.clone())
        } else {
            let a = a();
            (None, a.gateways[0].clone(), a.access_key, a.secret_key)
        };
        // Two gateways of one cluster have the same buckets.
        let frontend = if let Which::Release(gateway) = which { gateway.frontend } else { "" };
        let name = if which == Which::Swift { dashed(rule) } else { format!("contract_{frontend}{rule}") };
        let bucket = bucket(&name);
        let credentials = Credentials::new(&access_key, &secret_key);
        let client = match which {
            // Ceph 14 ends connections that it seems to keep: what could not be sent is sent again.
            Which::Release(Gateway { release: 14, .. }) => {
                client_of(&url, credentials, Arc::new(SystemClock), 2)
            }
            _ => client(&url, credentials, Arc::new(SystemClock)),
        };
        let site = Site { which, url, access_key, secret_key, bucket, client };
        site.client.create_bucket(&site.bucket).await.unwrap();
        check(&site).await;
        if let Some(gateway) = gateway {
            gateway.stop().await;
        }
        drop(serving);
    });
}

const SERVED_SECRET_KEY: &str = "secret/of+served";

/// A golden snapshot that is served with writes, and its URL.
async fn served(scratch: &Path) -> (Serving, String) {
    let snapshot = golden(scratch);
    let mut options = ServeOptions::default();
    options.listen = ([127, 0, 0, 1], 0).into();
    options.writes = Some(scratch.join("writes"));
    options.credentials = Some(Credentials::new("SERVED", SERVED_SECRET_KEY));
    let snapshot = SnapshotReader::open(snapshot).unwrap();
    let serving = serve(&snapshot, options, &Run::silent()).await.unwrap();
    let url = serving.url();
    (serving, url)
}

/// The name of a rule's bucket where underscores are not allowed, and 63 letters are the most.
fn dashed(rule: &str) -> String {
    let name: String = format!("contract-{rule}").replace('_', "-").chars().take(63).collect();
    name.trim_end_matches('-').to_owned()
}

/// A client that tries each request once, so that a refusal stays a refusal.
fn client(url: &str, credentials: Credentials, clock: Arc<dyn Clock>) -> Client {
    client_of(url, credentials, clock, 1)
}

fn client_of(url: &str, credentials: Credentials, clock: Arc<dyn Clock>, attempts: u32) -> Client {
    let mut options = ClientOptions::default();
    options.backoff.attempts = attempts;
    let run = Run::new(Arc::new(Silent), clock, Stop::default(), 1);
    Client::new(vec![connect(url, Timeouts::default()).unwrap()], credentials, options, &run).unwrap()
}

impl Site {
    fn is_swift(&self) -> bool {
        self.which == Which::Swift
    }

    /// Metadata that comes back as it was sent: what is not ASCII, Swift encodes twice.
    fn note(&self) -> &'static str {
        if self.is_swift() { "e" } else { "é" }
    }

    /// Whether the gateway has a key in all of its answers. Swift has no XML with a letter that XML cannot hold: those of
    /// its answers whose keys are not encoded as URLs are a 500 `InternalError`.
    fn answers_with(&self, name: &str) -> bool {
        !self.is_swift()
            || !name.chars().any(|letter| letter < ' ' && !"\t\n\r".contains(letter) || letter == '\u{fffe}')
    }

    fn is_radosgw(&self) -> bool {
        matches!(self.which, Which::Radosgw | Which::Release(_))
    }

    /// The release of a real radosgw. A rule that differs between releases asks it.
    fn release(&self) -> Option<u8> {
        match self.which {
            Which::Radosgw => Some(16),
            Which::Release(gateway) => Some(gateway.release),
            Which::Embedded | Which::Spooling | Which::Served | Which::Swift => None,
        }
    }

    /// Whether an object can have this key. Ceph 14 takes no character that XML cannot hold, but for control characters.
    fn takes(&self, name: &str) -> bool {
        self.release() != Some(14) || !name.contains(['\u{fffe}', '\u{ffff}'])
    }

    /// Whether `_` in the name of metadata is not read as `-`.
    fn keeps_underscores(&self) -> bool {
        self.release().is_some_and(|release| release >= 18)
    }

    /// Whether a civetweb speaks HTTP for the gateway.
    fn is_civetweb(&self) -> bool {
        matches!(self.which, Which::Release(gateway) if gateway.frontend == "civetweb")
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.access_key, &self.secret_key)
    }

    /// `HOST:PORT`.
    fn address(&self) -> &str {
        self.url.trim_start_matches("http://")
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.put_with(name, bytes, None, &[], &[]).await
    }

    async fn put_with(
        &self,
        name: &str,
        bytes: &[u8],
        content_type: Option<&str>,
        kept: &[(&str, &str)],
        meta: &[(&str, &str)],
    ) -> Result<()> {
        let key = key(name);
        let operation = PutObject::new(&self.bucket, &key, bytes.len() as u64, md5(bytes))?;
        let operation = operation.with(content_type, &pairs(kept), &pairs(meta))?;
        self.client.put(&operation, &Body::Bytes(Bytes::copy_from_slice(bytes))).await
    }

    async fn get(&self, name: &str) -> Result<(ObjectInfo, Vec<u8>)> {
        let key = key(name);
        let mut download = self.client.get(&self.bucket, &key).await?;
        let mut whole = Vec::new();
        while let Some(bytes) = download.try_next().await? {
            whole.extend_from_slice(&bytes);
        }
        Ok((download.info().clone(), whole))
    }

    async fn head(&self, name: &str) -> Result<ObjectInfo> {
        self.client.head(&self.bucket, &key(name)).await
    }

    /// The bare answer to an operation, which is signed as usual.
    async fn answer(&self, operation: &impl Operation) -> (Head, Bytes) {
        self.send(operation.request()).await
    }

    /// The bare answer to a request, which is signed here.
    async fn send(&self, mut request: Request) -> (Head, Bytes) {
        request.sign(&self.credentials(), SystemTime::now()).unwrap();
        let mut sent = http::Request::new(Body::Bytes(request.body.clone()));
        *sent.method_mut() = request.method.clone();
        *sent.uri_mut() = request.target().parse().unwrap();
        *sent.headers_mut() = request.headers;
        let mut answer = connect(&self.url, Timeouts::default()).unwrap().send(sent).await.unwrap();
        let body = answer.body_mut().collect(64 << 20).await.unwrap();
        (Head { status: answer.status(), headers: answer.headers().clone() }, body)
    }
}

pub(crate) fn key(name: &str) -> ObjectKey {
    ObjectKey::new(name).unwrap()
}

pub(crate) fn md5(bytes: &[u8]) -> [u8; 16] {
    md5::Md5::digest(bytes).into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Bytes that do not repeat at a distance near a part's or a piece's size.
pub(crate) fn made(size: usize) -> Vec<u8> {
    (0..size).map(|index| u8::try_from((index * 31 + index / 251 * 7) % 251).unwrap()).collect()
}

/// Asserts that a request was refused with this kind. The status and the code must stand in the error's text.
#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, kind: ErrorKind, status_and_code: &str) -> Error {
    let error = result.expect_err("it should be refused");
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.to_string().contains(&format!("({status_and_code})")), "{error}, not {status_and_code}");
    error
}

/// A body that is read piece by piece, like a file. It counts how often it was opened.
#[derive(Debug)]
struct Pieces {
    bytes: Bytes,
    opened: AtomicUsize,
}

impl Pieces {
    fn new(bytes: Vec<u8>) -> Arc<Self> {
        Arc::new(Self { bytes: bytes.into(), opened: AtomicUsize::new(0) })
    }

    fn opened(&self) -> usize {
        self.opened.load(Ordering::Relaxed)
    }
}

impl Source for Pieces {
    fn length_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn open(&self) -> Frames {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let whole = self.bytes.clone();
        let starts = (0..whole.len()).step_by(60_000);
        Box::pin(futures_util::stream::iter(
            starts.map(move |start| Ok(whole.slice(start..whole.len().min(start + 60_000)))),
        ))
    }
}
