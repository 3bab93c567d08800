//! Secrets planted in a cluster. They are random words that occur nowhere else, so that a test can look for each of
//! them in everything that a program prints and keeps.

use crate::ceph::{Keyrings, Plan};
use crate::environment::Secret;
use crate::error::{Error, Result};
use crate::keys::Key;
use crate::random;

/// The planted words of one cluster.
#[derive(Debug)]
pub struct Planted(Vec<Plant>);

#[derive(Debug)]
struct Plant {
    kind: &'static Kind,
    word: String,
}

#[derive(Debug)]
struct Kind {
    what: &'static str,
    shape: Shape,
    may_be_in_snapshot: bool,
}

/// The form in which the word is written into its key.
#[derive(Debug, PartialEq, Eq)]
enum Shape {
    /// The word alone.
    Word,
    /// Inside a private key of several lines.
    Pem,
    /// The whole private key in base64, in which the word itself can no longer be seen.
    Base64Pem,
    /// One line of a systemd unit.
    Unit,
    /// A text that is also planted in the database, under this variable of psql.
    Database(&'static str),
}

const KINDS: &[Kind] = &[
    // Each component generates these again, so nobody needs to keep them.
    kind("/deis/database/password", Shape::Word, false),
    kind("/deis/database/adminPass", Shape::Word, false),
    kind("/deis/controller/secretKey", Shape::Word, false),
    kind("/deis/controller/builderKey", Shape::Word, false),
    kind("/_coreos.com/fleet/unit/1b0bb79a3a1d7f5e0a3ad5a3a2c27bb3ea4b8a55", Shape::Unit, false),
    // The operator's own settings, which are stored nowhere else.
    kind("/deis/router/sslKey", Shape::Pem, true),
    kind("/deis/platform/sshPrivateKey", Shape::Base64Pem, true),
    kind("/deis/controller/auth/ldap/bind/password", Shape::Word, true),
    kind("/deis/registry/smtpPassword", Shape::Word, true),
    // The controller derives these from the database, which holds them as well.
    kind("/deis/config/app-1/database_url", Shape::Database("marker_config"), true),
    kind("/deis/certs/www.example.com/key", Shape::Database("marker_certificate"), true),
];

const fn kind(what: &'static str, shape: Shape, may_be_in_snapshot: bool) -> Kind {
    Kind { what, shape, may_be_in_snapshot }
}

impl Planted {
    /// Chooses new words for all places.
    pub fn new() -> Result<Self> {
        let plant = |kind| Ok(Plant { kind, word: format!("planted{}", random::hex()?) });
        KINDS.iter().map(plant).collect::<Result<_>>().map(Self)
    }

    /// The etcd keys that hold the words.
    #[must_use]
    pub fn etcd_keys(&self) -> Vec<Key> {
        self.0
            .iter()
            .map(|plant| Key { name: plant.kind.what.to_owned(), value: Some(plant.text()) })
            .collect()
    }

    /// The word in this key.
    pub fn word(&self, what: &str) -> Result<&str> {
        let plant = self.0.iter().find(|plant| plant.kind.what == what);
        plant.map(|plant| plant.word.as_str()).ok_or_else(|| Error::new(format!("Nothing planted in {what}")))
    }

    /// The variable and the word of each plant in the database.
    #[must_use]
    pub fn database_words(&self) -> Vec<(&'static str, &str)> {
        let variable = |plant: &Plant| match plant.kind.shape {
            Shape::Database(variable) => Some(variable),
            _ => None,
        };
        self.0.iter().filter_map(|plant| Some((variable(plant)?, plant.word.as_str()))).collect()
    }

    /// All planted secrets, in the form for a test.
    #[must_use]
    pub fn secrets(&self) -> Vec<Secret> {
        let all = self.0.iter().map(|plant| {
            // The base64 form of the word depends on its place, so a test looks for the whole value.
            let value = if plant.kind.shape == Shape::Base64Pem { plant.text() } else { plant.word.clone() };
            secret(plant.kind.what, value, plant.kind.may_be_in_snapshot)
        });
        all.collect()
    }
}

/// The secrets that the store itself generates. No other cluster can use them.
#[must_use]
pub fn store_secrets(plan: &Plan, keyrings: &Keyrings) -> Vec<Secret> {
    let mut secrets = vec![
        secret("/deis/store/gateway/accessKey", plan.access_key.clone(), false),
        secret("/deis/store/gateway/secretKey", plan.secret_key.clone(), false),
    ];
    let keyrings = [
        ("/deis/store/monKeyring", &keyrings.monitor),
        ("/deis/store/adminKeyring", &keyrings.admin),
        ("/deis/store/gatewayKeyring", &keyrings.gateway),
    ];
    secrets.extend(
        keyrings.iter().filter_map(|(what, text)| Some(secret(what, Keyrings::key(text)?.to_owned(), false))),
    );
    secrets
}

impl Plant {
    fn text(&self) -> String {
        let word = &self.word;
        let pem = || {
            format!(
                "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n{word}\n-----END RSA PRIVATE KEY-----\n"
            )
        };
        match self.kind.shape {
            Shape::Word => word.clone(),
            Shape::Pem | Shape::Database("marker_certificate") => pem(),
            Shape::Base64Pem => random::base64(pem().as_bytes()),
            Shape::Unit => format!("[Service]\nEnvironment=TOKEN={word}\nExecStart=/bin/true\n"),
            Shape::Database(_) => format!("postgres://app:{word}@db/app"),
        }
    }
}

fn secret(what: &str, value: String, may_be_in_snapshot: bool) -> Secret {
    Secret { what: what.to_owned(), value, may_be_in_snapshot }
}
