//! Buckets and objects, written by boto, the library of Deis' own components.

use std::process::Command;

use crate::ceph::Plan;
use crate::error::{Error, Result};
use crate::process::{program, run};
use crate::wal_e::installed;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/buckets.py");
/// The two buckets of Deis, one with unusual keys that S3 allows, and one with keys that XML cannot hold.
const BUCKETS: [&str; 4] = ["db_wal", "registry", "oddities", "controls"];

/// Makes the buckets.
pub fn make(plan: &Plan) -> Result<()> {
    let mut command = script(plan)?;
    command.arg("make").args(BUCKETS);
    run("Make buckets", command).map(drop)
}

/// Makes one bucket, which may exist, at a gateway, as a component of Deis does at its start.
pub(crate) fn make_one(bucket: &str, gateway: &str, access_key: &str, secret_key: &str) -> Result<()> {
    let mut command = script_at(gateway, access_key, secret_key)?;
    command.args(["make", bucket]);
    run("Make bucket", command).map(drop)
}

/// Fills all buckets but `db_wal`, always with the same objects.
pub fn fill(plan: &Plan) -> Result<()> {
    let mut command = script(plan)?;
    command.arg("fill");
    run("Fill buckets", command).map(drop)
}

fn script(plan: &Plan) -> Result<Command> {
    let gateway = plan.gateways.first().ok_or_else(|| Error::new("No gateway planned"))?;
    script_at(gateway, &plan.access_key, &plan.secret_key)
}

fn script_at(gateway: &str, access_key: &str, secret_key: &str) -> Result<Command> {
    let mut command = program(installed("python")?);
    command.arg(SCRIPT).env("PYTHONDONTWRITEBYTECODE", "1").env("GATEWAY", gateway);
    command.env("AWS_ACCESS_KEY_ID", access_key).env("AWS_SECRET_ACCESS_KEY", secret_key);
    Ok(command)
}
