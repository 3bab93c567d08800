//! The two clusters that `dev-cluster run` has started: A, which is filled, and B, which is empty.

use std::sync::OnceLock;

use deis_store::http::{Timeouts, connect};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::secret::Credentials;
use deis_store_tests::ceph::create_user;
use deis_store_tests::environment::{Environment, VARIABLE_A, VARIABLE_B};
use deis_store_tests::etcd::Etcd;
use deis_store_tests::random;
use deis_store_tests::swift::Swift;

/// The filled cluster.
pub(crate) fn a() -> Environment {
    load(VARIABLE_A)
}

/// The empty cluster, target of the one restore.
pub(crate) fn b() -> Environment {
    load(VARIABLE_B)
}

/// The one Swift of these tests, started by the first test that needs it. It ends with the process, and its files go with
/// those of cluster A.
pub(crate) fn swift() -> &'static Swift {
    static SWIFT: OnceLock<Swift> = OnceLock::new();
    SWIFT.get_or_init(|| {
        let directory = tempfile::tempdir_in(a().directory).unwrap().keep();
        Swift::start(&directory).unwrap()
    })
}

/// Cluster A behind an etcd of the test's own, for a test that changes keys. All other tests share A's etcd.
pub(crate) fn a_with_own_etcd(keys: &[(&str, &str)]) -> OwnEtcd {
    let directory = tempfile::tempdir().unwrap();
    let etcd = Etcd::start(directory.path()).unwrap();
    let a = a();
    let (host, port) = a.gateway_address().unwrap().split_once(':').unwrap();
    let gateway = [
        ("/deis/store/gateway/accessKey", a.access_key.as_str()),
        ("/deis/store/gateway/secretKey", &a.secret_key),
        ("/deis/store/gateway/host", host),
        ("/deis/store/gateway/port", port),
    ];
    for (key, value) in gateway.iter().chain(keys) {
        etcd.client().set(key, value).unwrap();
    }
    let environment = Environment { etcd: etcd.client().url(), ..a };
    OwnEtcd { environment, _etcd: etcd, _directory: directory }
}

/// Stops its etcd when dropped.
pub(crate) struct OwnEtcd {
    pub(crate) environment: Environment,
    _etcd: Etcd,
    _directory: tempfile::TempDir,
}

/// The empty cluster for a user of the test's own, who sees none of its buckets. Its gateways alone: no etcd.
pub(crate) fn b_for_another_user(user: &str) -> Environment {
    let b = b();
    let (access_key, secret_key) = (random::access_key().unwrap(), random::secret_key().unwrap());
    create_user(&b.directory, user, &access_key, &secret_key).unwrap();
    Environment { access_key, secret_key, etcd: "http://127.0.0.1:1".to_owned(), ..b }
}

fn load(variable: &str) -> Environment {
    let environment = Environment::from_variable(variable).expect("the environment file can be read");
    environment.unwrap_or_else(|| panic!("{variable} is not set: these tests are run by tests/run"))
}

/// A client of all gateways of a cluster.
pub(crate) fn client(environment: &Environment) -> Client {
    client_with(environment, &environment.secret_key)
}

pub(crate) fn client_with(environment: &Environment, secret_key: &str) -> Client {
    let gateways =
        environment.gateways.iter().map(|url| connect(url, Timeouts::default()).unwrap()).collect();
    let credentials = Credentials::new(&environment.access_key, secret_key);
    Client::new(gateways, credentials, ClientOptions::default(), &Run::silent()).unwrap()
}
