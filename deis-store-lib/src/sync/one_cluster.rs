//! Whether two clients reach one cluster, so that a sync from one to the other could write to its own source.

use crate::error::{ErrorKind, Result};
use crate::http::Endpoint;
use crate::s3::{BucketName, Client};

/// The verdict by the addresses of two clusters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ByAddress {
    /// They are one, or may be.
    One,
    /// They have the same address, perhaps in two networks: only the buckets can tell.
    Unknown,
    /// They have no address in common.
    Two,
}

/// The facts that a cluster knows of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Facts {
    created: String,
    owner_id: String,
}

/// Whether a bucket is one and the same by both clients, or may be.
pub(super) async fn may_be_one_bucket(one: &Client, other: &Client, bucket: &BucketName) -> Result<bool> {
    if one.is_same(other) {
        return Ok(true);
    }
    match by_address(&one.endpoints(), &other.endpoints()) {
        ByAddress::One => Ok(true),
        ByAddress::Two => Ok(false),
        ByAddress::Unknown => {
            Ok(may_be_one(facts(one, bucket).await?.as_ref(), facts(other, bucket).await?.as_ref()))
        }
    }
}

fn by_address(one: &[Endpoint], other: &[Endpoint]) -> ByAddress {
    let mut found = ByAddress::Two;
    for (one, other) in one.iter().flat_map(|one| other.iter().map(move |other| (one, other))) {
        if one.url() != other.url() {
            continue;
        }
        match (one.via(), other.via()) {
            // The same private address behind two hosts may be of two networks.
            (Some(one), Some(other)) if one != other => found = ByAddress::Unknown,
            _ => return ByAddress::One,
        }
    }
    found
}

/// Facts that are not known may be the same.
fn may_be_one(one: Option<&Facts>, other: Option<&Facts>) -> bool {
    one.is_none() || other.is_none() || one == other
}

/// The bucket's creation time and owner; nothing if the user does not own it, or the server knows no owners.
async fn facts(client: &Client, bucket: &BucketName) -> Result<Option<Facts>> {
    let buckets = client.buckets().await?;
    let Some(found) = buckets.into_iter().find(|found| found.name == bucket.as_str()) else {
        return Ok(None);
    };
    let owner_id = match client.bucket_acl(bucket).await {
        Ok(acl) => acl.owner_id().to_owned(),
        Err(error) if error.kind() == ErrorKind::Unsupported => return Ok(None),
        Err(error) => return Err(error),
    };
    Ok(Some(Facts { created: found.created.as_str().to_owned(), owner_id }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(url: &str, via: Option<&str>) -> Endpoint {
        let endpoint = Endpoint::new(url).unwrap();
        via.map_or(endpoint.clone(), |via| endpoint.through(via))
    }

    #[test]
    fn one_address_is_one_cluster_unless_it_is_behind_two_hosts() {
        const PRIVATE: &str = "http://10.0.0.5:8888";
        for (via, other_via, expected) in [
            (None, None, ByAddress::One),
            (None, Some("core@a"), ByAddress::One),
            (Some("core@a"), Some("core@a"), ByAddress::One),
            (Some("core@a"), Some("core@b"), ByAddress::Unknown),
        ] {
            let (one, other) = (endpoint(PRIVATE, via), endpoint(PRIVATE, other_via));
            assert_eq!(by_address(&[one], &[other]), expected, "{via:?} {other_via:?}");
        }
    }

    #[test]
    fn several_gateways_are_one_cluster_if_any_two_are() {
        let gateways = |hosts: &[(&str, Option<&str>)]| -> Vec<Endpoint> {
            hosts.iter().map(|(host, via)| endpoint(&format!("http://{host}"), *via)).collect()
        };
        let one = gateways(&[("a", None), ("b", Some("x"))]);
        assert_eq!(by_address(&one, &gateways(&[("c", None), ("d", None)])), ByAddress::Two);
        assert_eq!(by_address(&one, &gateways(&[("b", Some("y")), ("a", Some("y"))])), ByAddress::One);
        assert_eq!(by_address(&one, &gateways(&[("b", Some("y"))])), ByAddress::Unknown);
    }

    #[test]
    fn a_bucket_is_another_one_if_it_was_made_at_another_time_or_is_anothers() {
        let facts =
            |created: &str, owner: &str| Facts { created: created.to_owned(), owner_id: owner.to_owned() };
        let one = facts("2026-11-22T08:00:00.000Z", "deis");
        assert!(may_be_one(Some(&one), Some(&one)));
        assert!(!may_be_one(Some(&one), Some(&facts("2026-11-22T08:00:00.001Z", "deis"))));
        assert!(!may_be_one(Some(&one), Some(&facts("2026-11-22T08:00:00.000Z", "other"))));
        assert!(may_be_one(Some(&one), None), "of a bucket of another user only its name is known");
    }
}
