//! The machine and the programs of a measurement. Figures of different machines cannot be compared.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use deis_store_tests::error::{Context as _, Result};
use serde::Serialize;

use crate::tool::Place;

/// The machine and the programs.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) kernel: String,
    /// Program → the version that it prints.
    pub(crate) versions: BTreeMap<String, String>,
}

/// Asks the kernel and the programs.
pub(crate) fn machine(place: &Place) -> Result<Machine> {
    let info = fs::read_to_string("/proc/cpuinfo").context("/proc/cpuinfo")?;
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("osrelease")?;
    let asked = [
        ("ours", "git", ["describe", "--always", "--dirty"].as_slice()),
        ("radosgw", "radosgw", &["--version"]),
        ("rclone", &place.rclone.to_string_lossy(), &["--version"]),
        ("s3cmd", "s3cmd", &["--version"]),
        ("s5cmd", &place.s5cmd.to_string_lossy(), &["version"]),
        // wrk prints its version with its help, and fails.
        ("wrk", "wrk", &["--version"]),
    ];
    let versions = asked.map(|(name, program, arguments)| (name.to_owned(), first_line(program, arguments)));
    Ok(Machine {
        cores: std::thread::available_parallelism().context("Cores")?.get(),
        cpu: model.map_or("unknown", |(_, name)| name).to_owned(),
        kernel: kernel.trim().to_owned(),
        versions: versions.into(),
    })
}

fn first_line(program: &str, arguments: &[&str]) -> String {
    let said = Command::new(program).args(arguments).output().map(|output| output.stdout);
    let said = String::from_utf8_lossy(&said.unwrap_or_default()).into_owned();
    said.lines().next().unwrap_or("unknown").trim().to_owned()
}
