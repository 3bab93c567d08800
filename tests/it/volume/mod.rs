//! `volume save`, `load` and `list`: a directory comes back as it was, whatever program the other side is, and no archive does harm.

mod changing;
mod emptied;
mod endless;
mod expected;
mod fuzz;
mod host;
mod hostile;
mod link;
mod nasty;
mod restored;
mod round_trip;
mod sandbox;
mod tree;

use std::path::Path;
use std::process::Command;

use crate::program::{Ran, path, ran};

/// The program, which is ended when it takes minutes.
fn program() -> Command {
    let mut command = Command::new("timeout");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/nonexistent");
    command.args(["--kill-after=5", "300"]).arg(path());
    command
}

/// `volume load` of an archive into a directory.
fn load(archive: &Path, directory: &Path) -> Ran {
    ran(program().args(["volume", "load"]).arg(archive).arg("--path").arg(directory).arg("--yes"))
}

/// `volume save` of a directory into an archive.
fn save(archive: &Path, directory: &Path) -> Ran {
    ran(program().args(["volume", "save"]).arg(archive).arg("--path").arg(directory))
}

/// `volume list` of an archive.
fn list(archive: &Path) -> Ran {
    ran(program().args(["volume", "list"]).arg(archive))
}
