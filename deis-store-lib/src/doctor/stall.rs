//! How long a small GET takes over one connection, by our own client and as other clients have it.
//!
//! A radosgw that sends the header and the body of an answer apart waits 40 ms for the header to be acknowledged. Our client
//! acknowledges at once; other clients leave that to their kernel, which takes its time.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::check::{Check, bad, good};
use crate::cluster::ClusterOptions;
use crate::error::Result;
use crate::http::{Dial, Endpoint, HyperTransport};
use crate::run::Run;
use crate::s3::Client;
use crate::s3::client::ClientOptions;
use crate::secret::Credentials;

/// Attempts at a gateway: it may be restarting just now.
const ATTEMPTS: u32 = 2;
/// GETs that are measured; the first one, which connects, is not.
const GETS: usize = 9;
/// More than a network of one place takes, and less than a stall.
const STALL: Duration = Duration::from_millis(30);

/// The medians.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measured {
    ours: Duration,
    /// Where the connection is not our own, nobody knows what others would have.
    others: Option<Duration>,
}

/// How a client behaves that looks and does not wait long.
pub(super) fn client_options() -> ClientOptions {
    let mut options = ClientOptions { in_flight: 1, ..ClientOptions::default() };
    options.backoff.attempts = ATTEMPTS;
    options
}

/// A client whose kernel acknowledges when it likes: only where a plain connection leads to the gateway.
pub(super) fn client_like_others(
    cluster: &ClusterOptions,
    url: &str,
    credentials: &Credentials,
    run: &Run,
) -> Option<Client> {
    let endpoint = Endpoint::new(url).ok().filter(|endpoint| !endpoint.is_https())?;
    if cluster.tunnelled || cluster.connect.proxy.is_some() {
        return None;
    }
    let dial = Dial::Tcp(endpoint.host().to_owned(), endpoint.port());
    let http = HyperTransport::acknowledging_late(dial, endpoint, cluster.connect.timeouts);
    Client::new(vec![Arc::new(http)], credentials.clone(), client_options(), run).ok()
}

/// Measures GETs of the list of buckets.
pub(super) async fn measure(ours: &Client, others: Option<&Client>) -> Result<Measured> {
    let others = match others {
        Some(others) => Some(median(others).await?),
        None => None,
    };
    Ok(Measured { ours: median(ours).await?, others })
}

async fn median(client: &Client) -> Result<Duration> {
    client.buckets().await?;
    let mut taken = [Duration::ZERO; GETS];
    for one in &mut taken {
        let start = Instant::now();
        client.buckets().await?;
        *one = start.elapsed();
    }
    taken.sort_unstable();
    Ok(taken[GETS / 2])
}

/// What the medians say. Through a tunnel they say as much of the tunnel.
pub(super) fn judge(name: String, measured: Measured, tunnelled: bool) -> Check {
    let Measured { ours, others } = measured;
    let through = if tunnelled { " through the tunnel" } else { "" };
    let taken =
        format!("a small GET takes {}{through}, the median of {GETS} over one connection", told(ours));
    if tunnelled || (ours <= STALL && others.is_none_or(|others| others <= STALL)) {
        return good(name, taken);
    }
    if ours > STALL {
        return bad(
            name,
            taken,
            "if a ping takes less, the gateway stalls: tcp_nodelay=1 in its rgw_frontends mends that; else come nearer",
        );
    }
    let others = told(others.unwrap_or_default());
    bad(
        name,
        format!(
            "{taken}, and {others} for clients that acknowledge late, as most do: the gateway sends header and body apart"
        ),
        "this program is not slowed; for s3cmd, WAL-E and the registry, set tcp_nodelay=1 in its rgw_frontends",
    )
}

fn told(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn a_stall_is_named_with_its_cause_and_a_tunnel_is_never_blamed_on_the_gateway() {
        let judged = |ours, others: Option<u64>, tunnelled| {
            let milliseconds = Duration::from_millis;
            let measured = Measured { ours: milliseconds(ours), others: others.map(milliseconds) };
            judge("speed".to_owned(), measured, tunnelled)
        };
        assert_eq!(judged(2, Some(3), false).state, State::Good);
        assert_eq!(judged(2, None, false).state, State::Good);
        assert_eq!(judged(80, None, true).state, State::Good);
        for stalls in [judged(44, Some(44), false), judged(2, Some(44), false)] {
            assert!(stalls.state == State::Bad && stalls.what.contains("44.0 ms"), "{stalls:?}");
            assert!(stalls.todo.unwrap().contains("tcp_nodelay=1"));
        }
    }
}
