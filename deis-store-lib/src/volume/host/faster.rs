//! Where an archive is compressed sooner: on the host, or here.

use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::time::Instant;

use crate::error::{ErrorKind, Result};
use crate::remote::{Child, Input, Remote, ask};
use crate::volume::options::Compress;

/// How much is sent to see how fast the connection is. It is random, so that no compression on the way changes it.
const PROBE_BYTES: &str = "8388608";

/// So much of a log is compressed each second by one core: here with the usual level of ours, there with gzip's lowest. A log
/// is three times as long as its compressed form then. Measured in `benches/`.
const HERE_BYTES_PER_SECOND: f64 = 50e6;
const THERE_BYTES_PER_SECOND: f64 = 80e6;
const THERE_RATIO: f64 = 3.0;

/// Finds out where the archive of a host's directory is compressed sooner. A host that cannot be asked is spared: whether the
/// directory can be read is seen by reading it.
pub(crate) async fn faster(remote: &dyn Remote) -> Compress {
    probe(remote).await.unwrap_or(Compress::Here)
}

async fn probe(remote: &dyn Remote) -> Result<Compress> {
    let cores = ask(remote, &["nproc"]).await?;
    let cores_there: usize = String::from_utf8_lossy(&cores.stdout).trim().parse().unwrap_or(1);
    if cores_there < 2 {
        return Ok(Compress::Here);
    }
    let Child { mut stdout, process, .. } = remote
        .spawn(&["head", "-c", PROBE_BYTES, "/dev/urandom"], Input::Nothing)
        .await?
        .idle_limited(remote.login().teller());
    // The first byte is waited for, and only what follows is counted.
    let mut piece = vec![0; 256 << 10];
    let mut bytes = 0;
    let mut since = None;
    loop {
        let read = stdout.read(&mut piece).await.unwrap_or(0);
        if read == 0 {
            break;
        }
        match since {
            None => since = Some(Instant::now()),
            Some(_) => bytes += read,
        }
    }
    process.finish().await?.require_success(ErrorKind::NotReady, remote.host())?;
    let took = since.map_or(Duration::ZERO, |since| since.elapsed());
    let own_cores = std::thread::available_parallelism().map_or(1, usize::from);
    Ok(judge(bytes, took, own_cores))
}

/// The one that is sooner, by how many bytes came in which time.
#[expect(clippy::cast_precision_loss, reason = "they are few, and need not be exact")]
fn judge(bytes: usize, took: Duration, cores_here: usize) -> Compress {
    if bytes == 0 {
        return Compress::Here;
    }
    let link = bytes as f64 / took.as_secs_f64().max(1e-6);
    let here = link.min(HERE_BYTES_PER_SECOND * cores_here as f64);
    let there = (link * THERE_RATIO).min(THERE_BYTES_PER_SECOND);
    // The host is at work for others, too: it must be worth its core.
    if there > here * 1.3 { Compress::There } else { Compress::Here }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_connection_is_given_less_to_carry_and_a_fast_one_spares_the_host() {
        let over = |megabytes_per_second: usize, cores| {
            judge(megabytes_per_second * 1_000_000, Duration::from_secs(1), cores)
        };
        assert_eq!(over(1, 2), Compress::There);
        assert_eq!(over(20, 2), Compress::There);
        assert_eq!(over(110, 2), Compress::Here);
        assert_eq!(over(2000, 1), Compress::There);
        assert_eq!(over(2000, 8), Compress::Here);
        assert_eq!(judge(0, Duration::ZERO, 2), Compress::Here, "nothing was measured");
    }
}
