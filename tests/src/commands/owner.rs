//! The process that keeps a cluster's directory: the file `keeper.pid` names it, and tells whether it still lives.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use deis_store_tests::error::{Context, Result};
use deis_store_tests::mount_point;

const FILE: &str = "keeper.pid";
/// The beginning of the name of every directory that is not chosen by hand.
pub(crate) const PREFIX: &str = "dev-cluster-";

/// The usual directory of a cluster with this name, or the one given, as an absolute path.
pub(crate) fn directory(given: Option<&Path>, name: &str) -> Result<PathBuf> {
    let usual = std::env::temp_dir().join(format!("{PREFIX}{name}"));
    std::path::absolute(given.unwrap_or(&usual)).context("Directory")
}

/// Writes down that this process keeps the directory.
pub(crate) fn claim(directory: &Path) -> Result<()> {
    let id = std::process::id();
    let file = directory.join(FILE);
    fs::write(&file, format!("{id} {}\n", birth(id).unwrap_or_default())).context(file.display())
}

/// Whether some process has claimed the directory at some time.
pub(crate) fn is_claimed(directory: &Path) -> bool {
    directory.join(FILE).exists()
}

/// The process that keeps the directory, if it is alive: the same number and the same time of birth.
pub(crate) fn alive(directory: &Path) -> Option<u32> {
    let text = fs::read_to_string(directory.join(FILE)).ok()?;
    let (id, born) = text.trim().split_once(' ')?;
    let id = id.parse().ok()?;
    (birth(id)? == born).then_some(id)
}

/// The directories of all `dev-cluster keep` that run on this machine.
pub(crate) fn all_kept() -> Vec<PathBuf> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes.flatten().filter_map(|process| kept_by(&process.path())).collect()
}

/// Removes the directories that a killed `dev-cluster run` could not remove itself.
pub(crate) fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX) && is_claimed(&path);
        if ours && alive(&path).is_none() && fs::remove_dir_all(&path).is_ok() {
            mount_point::tidy_up();
            eprintln!("Removed {}, left behind by a killed dev-cluster", path.display());
        }
    }
}

fn kept_by(process: &Path) -> Option<PathBuf> {
    let line = fs::read(process.join("cmdline")).ok()?;
    let words: Vec<&str> =
        line.split(|&byte| byte == 0).map(|word| str::from_utf8(word).unwrap_or("")).collect();
    let ours = Path::new(words.first()?).file_name() == Some(OsStr::new("dev-cluster"));
    let place = words.iter().position(|&word| word == "--dir")?;
    let directory = PathBuf::from(words.get(place + 1)?);
    (ours && words.get(1) == Some(&"keep") && alive(&directory).is_some()).then_some(directory)
}

/// The time of birth of a process: the 22nd field of /proc/ID/stat. (The second field may hold spaces and parentheses.)
/// A zombie has none.
fn birth(id: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    (fields.next()? != "Z").then(|| fields.nth(18).map(str::to_owned))?
}
