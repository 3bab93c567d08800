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

/// Fills all buckets but `db_wal`, always with the same objects.
pub fn fill(plan: &Plan) -> Result<()> {
    let mut command = script(plan)?;
    command.arg("fill");
    run("Fill buckets", command).map(drop)
}

fn script(plan: &Plan) -> Result<Command> {
    let gateway = plan.gateways.first().ok_or_else(|| Error::new("No gateway planned"))?;
    let mut command = program(installed("python")?);
    command.arg(SCRIPT).env("PYTHONDONTWRITEBYTECODE", "1").env("GATEWAY", gateway);
    command.env("AWS_ACCESS_KEY_ID", &plan.access_key).env("AWS_SECRET_ACCESS_KEY", &plan.secret_key);
    Ok(command)
}
