//! The gateways, each by itself: whether it lists buckets for the keys, what its clock says, and how long a small GET takes.

use std::time::Duration;

use futures_util::future::join_all;

use super::check::{Check, bad, failed, good, unknown};
use super::etcd::Facts;
use super::host::without;
use super::stall;
use crate::cluster::ClusterOptions;
use crate::error::{Error, Result};
use crate::http::{ConnectOptions, Timeouts};
use crate::run::Run;
use crate::s3::Client;
use crate::secret::Credentials;

/// A gateway that says nothing for so long is not well.
const IDLE: Duration = Duration::from_secs(15);
/// A clock that is off by more is named; by 15 minutes, gateways refuse each request of other clients.
const MOST_SKEW_SECONDS: u64 = 60;

/// The URLs of the gateways, and whether all is as it should be with what is published.
pub(super) fn published(cluster: Result<&ClusterOptions, &Error>, facts: &Facts) -> (Vec<String>, Check) {
    const NAME: &str = "gateways";
    let Ok(cluster) = cluster else { return (Vec::new(), without(NAME)) };
    if !cluster.gateways.is_empty() {
        let what = format!("given: {}", cluster.gateways.join(", "));
        return (cluster.gateways.clone(), good(NAME, what));
    }
    let found = match facts.known(NAME) {
        Ok((_, found)) => found,
        Err(check) => return (Vec::new(), check),
    };
    let gateways = match found.require_gateways() {
        Ok(gateways) => gateways,
        Err(error) => return (Vec::new(), failed(NAME, &error, "start it: deisctl start store-gateway@1")),
    };
    let urls = gateways.iter().map(|gateway| format!("http://{gateway}")).collect();
    let all = gateways.join(", ");
    let check = if facts.text("/deis/store/gateway/host").is_none() {
        bad(
            NAME,
            format!("none leads (/deis/store/gateway/host is not in etcd): the platform does not find {all}"),
            "deisctl journal store-gateway@1; deisctl restart store-gateway@1 if it does not come back in a minute",
        )
    } else if facts.has_below("/deis/store/gateway/hosts") {
        good(NAME, format!("{} published, the leader first: {all}", gateways.len()))
    } else {
        good(NAME, format!("the leader alone is published, as early releases do: {all}"))
    };
    (urls, check)
}

/// The gateways that were looked at.
pub(super) struct Gateways {
    answering: Option<Client>,
}

/// One of them.
struct Gateway<'a> {
    url: &'a str,
    /// Its address, by which its checks are named.
    address: &'a str,
    client: Result<Client>,
    listed: Result<usize>,
}

impl Gateways {
    /// Looks at each.
    pub(super) async fn look(
        cluster: Result<&ClusterOptions, &Error>,
        urls: &[String],
        credentials: Option<&Credentials>,
        run: &Run,
        checks: &mut Vec<Check>,
    ) -> Self {
        let Ok(cluster) = cluster else { return Self { answering: None } };
        let Some(credentials) = credentials else {
            let why = "no keys are known for it";
            let todo = "mend what is said of the keys, then run this again";
            checks.extend(urls.iter().map(|url| unknown(format!("gateway.{}", address(url)), why, todo)));
            return Self { answering: None };
        };
        let gateways = join_all(urls.iter().map(|url| Gateway::ask(cluster, url, credentials, run))).await;
        // One by one, so that none is measured while the others are.
        for gateway in &gateways {
            checks.push(gateway.answers());
            checks.push(gateway.clock());
            checks.push(gateway.speed(cluster, credentials, run).await);
        }
        let answering = gateways
            .into_iter()
            .find(|gateway| gateway.listed.is_ok())
            .and_then(|gateway| gateway.client.ok());
        Self { answering }
    }

    /// One that answers.
    pub(super) fn answering(&self) -> Option<&Client> {
        self.answering.as_ref()
    }
}

impl<'a> Gateway<'a> {
    async fn ask(cluster: &ClusterOptions, url: &'a str, credentials: &Credentials, run: &Run) -> Self {
        let connect = ConnectOptions {
            timeouts: Timeouts { idle: IDLE, ..cluster.connect.timeouts },
            ..cluster.connect.clone()
        };
        let client = async {
            let http = cluster.transport(url, &connect).await?;
            Client::new(vec![http], credentials.clone(), stall::client_options(), run)
        };
        let (client, listed) = match client.await {
            Ok(client) => {
                let listed = client.buckets().await.map(|buckets| buckets.len());
                (Ok(client), listed)
            }
            Err(error) => (Err(error.again()), Err(error)),
        };
        Self { url, address: address(url), client, listed }
    }

    fn answers(&self) -> Check {
        let name = format!("gateway.{}", self.address);
        match &self.listed {
            Ok(buckets) => good(name, format!("{} lists {buckets} buckets for the keys", self.url)),
            Err(error) => failed(
                name,
                error,
                "see that it runs (deisctl list) and can be reached; then look at its journal",
            ),
        }
    }

    fn clock(&self) -> Check {
        let name = format!("clock.{}", self.address);
        let heard = self.client.as_ref().ok().and_then(Client::heard_offset_ms);
        match heard {
            Some(offset_ms) => judge_clock(name, offset_ms),
            None => unknown(name, "it has not said what time it is", "mend what is said of the gateway"),
        }
    }

    async fn speed(&self, cluster: &ClusterOptions, credentials: &Credentials, run: &Run) -> Check {
        let name = format!("speed.{}", self.address);
        let measured = match (&self.client, &self.listed) {
            (Ok(client), Ok(_)) => {
                let others = stall::client_like_others(cluster, self.url, credentials, run);
                stall::measure(client, others.as_ref()).await
            }
            _ => return unknown(name, "it does not answer", "mend what is said of the gateway"),
        };
        match measured {
            Ok(measured) => stall::judge(name, measured, cluster.tunnelled),
            Err(error) => failed(name, &error, "run this again"),
        }
    }
}

/// `HOST:PORT` of a URL.
fn address(url: &str) -> &str {
    url.split_once("://").map_or(url, |(_, address)| address).trim_end_matches('/')
}

fn judge_clock(name: String, offset_ms: i64) -> Check {
    let seconds = offset_ms.unsigned_abs().div_ceil(1000);
    let direction = if offset_ms < 0 { "behind" } else { "ahead of" };
    // A gateway says whole seconds.
    match seconds {
        0..=2 => good(name, "its clock and this machine's agree"),
        3..=MOST_SKEW_SECONDS => good(name, format!("its clock is {seconds} s {direction} this machine's")),
        _ => bad(
            name,
            format!(
                "its clock is {seconds} s {direction} this machine's: snapshots and requests are dated wrongly"
            ),
            "set both clocks by NTP (timedatectl says whether they are); above 900 s other clients are refused",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_clock_is_bad_when_it_is_off_by_more_than_a_minute() {
        let judged = |offset_ms| judge_clock("clock".to_owned(), offset_ms);
        for (offset_ms, state, says) in [
            (0, State::Good, "agree"),
            (-1999, State::Good, "agree"),
            (-30_000, State::Good, "30 s behind"),
            (61_000, State::Bad, "61 s ahead of"),
            (i64::MIN, State::Bad, "behind"),
        ] {
            let check = judged(offset_ms);
            assert!(check.state == state && check.what.contains(says), "{check:?}");
        }
    }

    #[test]
    fn a_check_is_named_after_the_gateways_address() {
        assert_eq!(address("http://10.0.0.1:8888"), "10.0.0.1:8888");
        assert_eq!(address("https://[fd00::1]:443/"), "[fd00::1]:443");
    }
}
