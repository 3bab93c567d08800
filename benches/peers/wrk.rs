//! The highest rate of the gateway: wrk, with presigned requests for the same objects.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};

use deis_store::s3::op::GetObject;
use deis_store::s3::{BucketName, ObjectKey};
use deis_store_tests::error::{Context as _, Error, Result};

use crate::gateway::Gateway;

const SCRIPT: &str = r#"
-- Each thread goes round the same requests, made once.
local requests, turn = {}, 0
function init(args)
  for target in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", target) end
end
function request()
  turn = turn % #requests + 1
  return requests[turn]
end
"#;

/// The numbers of connections to try; the best one counts. Many are needed to keep the gateway busy, since each GET
/// waits 40 ms for wrk's kernel.
pub(crate) const CONNECTIONS: [u16; 5] = [16, 64, 128, 256, 512];

/// Writes the list of requests for wrk, and its script.
pub(crate) fn prepare(gateway: &Gateway, bucket: &str, keys: &[String], work: &Path) -> Result<()> {
    let bucket = BucketName::new(bucket).context("Bucket")?;
    let expires = SystemTime::now() + Duration::from_hours(24);
    let mut targets = String::new();
    for key in keys {
        let key = ObjectKey::new(key).context("Key")?;
        let request = GetObject::new(&bucket, &key).request();
        targets += &request.presigned(&gateway.credentials, expires);
        targets.push('\n');
    }
    fs::write(work.join("targets"), targets).context("Write targets")?;
    fs::write(work.join("wrk.lua"), SCRIPT).context("Write wrk.lua")
}

/// wrk with this many connections for this many seconds.
pub(crate) fn command(gateway: &Gateway, connections: u16, seconds: u64, work: &Path) -> Command {
    let mut command = Command::new("/usr/bin/wrk");
    command.args([
        format!("--threads={}", connections.min(2)),
        format!("--connections={connections}"),
        format!("--duration={seconds}"),
    ]);
    command.arg("--script").arg(work.join("wrk.lua")).arg(format!("http://{}/", gateway.address()));
    command.arg("--").arg(work.join("targets"));
    command
}

/// The rate that wrk prints, if all requests succeeded.
pub(crate) fn rate(printed: &str) -> Result<f64> {
    let failed = printed.contains("Non-2xx") || printed.contains("Socket errors");
    let rate = printed.lines().find_map(|line| line.strip_prefix("Requests/sec:")?.trim().parse().ok());
    rate.filter(|_| !failed).ok_or_else(|| Error::new(format!("wrk says: {printed}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_counts_only_without_failures() {
        let good = "  2 threads and 64 connections\nRequests/sec:   1553.45\nTransfer/sec:     24.9MB\n";
        assert!((rate(good).unwrap() - 1553.45).abs() < 1e-9);
        assert!(rate(&format!("{good}  Non-2xx or 3xx responses: 7\n")).is_err());
        assert!(rate("unable to connect\n").is_err());
    }
}
