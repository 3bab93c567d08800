//! What a manifest says about a directory that was adopted.

use crate::cluster::Cluster;
use crate::http::Endpoint;
use crate::s3::Client;
use crate::snapshot::{NotIncluded, Source};

/// The data that such a directory does not have.
pub(super) fn not_included(compared: bool) -> Vec<NotIncluded> {
    let unknown = ("what is stored with objects beside their bytes", "no gateway was asked for it");
    let always = [
        ("the configuration in etcd", "the manual's page does not copy it"),
        (
            "objects that a directory cannot hold, such as `a` beside `a/b`, and those whose keys end in `/`",
            "s3cmd writes no file of them; with a gateway they are named",
        ),
        ("access control lists", "objects come back private, as WAL-E and the registry make them"),
    ];
    let named = always.into_iter().chain((!compared).then_some(unknown));
    named.map(|(what, why)| NotIncluded { what: what.to_owned(), why: why.to_owned() }).collect()
}

/// The cluster that a directory was compared with.
pub(super) fn source(cluster: &Cluster) -> Source {
    let (client, discovery) = (cluster.s3().ok(), cluster.discovery.as_ref());
    let endpoints = client.map(Client::endpoints).unwrap_or_default();
    Source {
        domain: discovery.and_then(|found| found.domain.clone()),
        deis: discovery.and_then(|found| found.version.clone()),
        tls: (!endpoints.is_empty()).then(|| endpoints.iter().all(Endpoint::is_https)),
        gateways: endpoints.iter().map(Endpoint::url).collect(),
        clock_offset_ms: client.map(Client::clock_offset_ms),
        ..Source::default()
    }
}
