//! More gateways for a while.

use std::process::Stdio;
use std::time::{Duration, Instant};

use deis_store_tests::agent::Options;

use super::traps::with_data;
use crate::program::{command, on};

const SECOND: &str = "/_coreos.com/fleet/job/deis-store-gateway@2.service/object";
const KEPT: &str = "/deis-store/scaled-gateways";

#[test]
#[ignore = "tests/run --all runs it"]
fn gateways_are_scaled_for_a_while_and_back_afterwards_also_by_the_run_after_one_that_was_killed() {
    let case = with_data(Options::default());
    let (b, agent) = (case.bare.environment(), case.bare.agent());
    let repository = case.scratch.path().join("second");
    let words =
        ["backup", repository.to_str().unwrap(), "--only", "registry", "--json", "--scale-gateways", "5"];
    let ran = on(b, &words).code(0).says(&["3 gateways instead of 5"]);
    assert_eq!(ran.json()["report"]["verdict"], "good");
    let starts = |number: u8| agent.counts().starts_of(&format!("deis-store-gateway@{number}.service"));
    assert_eq!([1, 2, 3, 4].map(starts), [1, 1, 1, 0]);
    assert_eq!((case.value(SECOND), case.value(KEPT)), (None, None));

    let mut command = command();
    command
        .env("DEIS_STORE_ETCD", &b.etcd)
        .env("DEISCTL_TUNNEL", &b.tunnel)
        .env("DEIS_STORE_SSH_CONFIG", &b.ssh_config);
    command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    while case.value(SECOND).is_none() {
        assert!(begun.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(case.value(KEPT).is_some());
    case.restore(&["--only", "registry", "--yes", "--scale-gateways", "1"]).code(0);
    assert_eq!((case.value(SECOND), case.value(KEPT)), (None, None));
}
