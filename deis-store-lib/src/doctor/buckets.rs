//! The two buckets of a platform: whether they are there, and how much is in them by the gateway's own count.

use super::check::{Check, bad, failed, good, unknown};
use super::etcd::Facts;
use crate::error::ErrorKind;
use crate::s3::op::BucketTotals;
use crate::s3::{BucketName, Client};
use crate::units::size;

/// How much is in the buckets, as far as that is said of all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    pub(super) objects: u64,
    pub(super) bytes: u64,
}

/// Looks at both.
pub(super) async fn look(client: Option<&Client>, facts: &Facts, checks: &mut Vec<Check>) -> Option<Totals> {
    let found = facts.discovery();
    let named = |own: Option<&String>, usual: &str| own.map_or_else(|| usual.to_owned(), Clone::clone);
    let db_wal = named(found.map(|found| &found.db_wal_bucket), "db_wal");
    let registry = named(found.map(|found| &found.registry_bucket), "registry");
    let elsewhere = found.and_then(|found| found.registry_elsewhere.as_ref());
    let (check, mut all) = bucket(client, "db_wal", &db_wal, "/deis/database/bucketName").await;
    checks.push(check);
    if let Some(elsewhere) = elsewhere {
        checks.push(good("registry", format!("no bucket is needed: its images are in {elsewhere}")));
    } else {
        let (check, totals) = bucket(client, "registry", &registry, "/deis/registry/bucketName").await;
        checks.push(check);
        all = all.zip(totals).map(|(all, totals)| all.and(totals));
    }
    all
}

async fn bucket(client: Option<&Client>, part: &str, name: &str, key: &str) -> (Check, Option<Totals>) {
    let Some(client) = client else {
        let why = format!("no gateway answers that could be asked for the bucket {name}");
        return (unknown(part, why, "mend what is said of the gateways, then run this again"), None);
    };
    let looked = async { client.bucket_totals(&BucketName::new(name)?).await };
    match looked.await {
        Ok(BucketTotals { objects: Some(objects), bytes: Some(bytes), .. }) => {
            let what = format!("the bucket {name} is there: {objects} objects, {}", size(bytes));
            (good(part, what), Some(Totals { objects, bytes }))
        }
        Ok(_) => (
            good(part, format!("the bucket {name} is there; the gateway does not say how much is in it")),
            None,
        ),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let what = format!("there is no bucket {name}");
            let todo = format!(
                "on a new cluster a restore makes it; else see whether {key} in etcd names another one"
            );
            (bad(part, what, todo), None)
        }
        Err(error) => (failed(part, &error, "look at the gateway's log"), None),
    }
}

impl Totals {
    fn and(self, other: Self) -> Self {
        Self {
            objects: self.objects.saturating_add(other.objects),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}
