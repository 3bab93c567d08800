//! A directory of a host, such as the store volume: GNU tar reads it there, and writes it back, as root.
//!
//! The directory exists even if the volume is not mounted, and an archive unpacked into it would fill the root disk. So
//! the mount is checked before anything is read or written.

mod faster;
mod load;
mod mount;
mod save;
#[cfg(test)]
mod tests;

pub(super) use faster::faster;
pub(crate) use load::{UNPACKING, empty, is_empty, load};
pub(super) use save::{Told, save};

use std::path::Path;

use crate::error::{At, Error, ErrorKind, Result, disk_error};
use crate::remote::{Remote, ask, privileged};

/// The directory at which every host of a Deis cluster mounts the store.
pub(crate) const STORE: &str = "/var/lib/deis/store";

/// A command of tar with messages in English, since this module reads them.
fn tar<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["env", "LC_ALL=C", "tar"], arguments].concat()
}

/// Checks that the directory exists and, if it is in the store, that the store is mounted. Returns a warning about an
/// unusual mount.
pub(crate) async fn require_volume(remote: &dyn Remote, directory: &str) -> Result<Option<String>> {
    if !directory.starts_with('/') {
        return Err(Error::new(ErrorKind::Usage, "a directory must be given with its whole path")
            .at(At::Path, directory));
    }
    let test = ask(remote, &privileged(remote, &["test", "-d", directory]).await?).await?;
    if !test.exit.success() {
        // `test` says no with exit status 1 and prints nothing, so a message comes from sudo.
        if !test.exit.stderr.is_empty() {
            return Err(test.exit.failure(ErrorKind::Denied, remote.host()));
        }
        let error =
            Error::new(ErrorKind::NotFound, "there is no such directory on the host").at(At::Path, directory);
        return Err(error
            .at(At::Host, remote.host())
            .todo("check the path, and that the host is one of the cluster"));
    }
    if !is_in_store(directory) && !is_in_store(&resolved(remote, directory).await?) {
        return Ok(None);
    }
    judge(mounted(remote).await?).map_err(|error| error.at(At::Host, remote.host()))
}

/// The place of a directory of a host, which exists: by way of a link, or otherwise written, it is the same one.
async fn resolved(remote: &dyn Remote, directory: &str) -> Result<String> {
    let read = ask(remote, &privileged(remote, &["readlink", "-f", "--", directory]).await?).await?;
    let named = |error: Error| error.at(At::Path, directory);
    read.exit.require_success(ErrorKind::Unsupported, remote.host()).map_err(named)?;
    Ok(String::from_utf8_lossy(&read.stdout).trim_end_matches('\n').to_owned())
}

/// The same of a directory of this machine, which exists.
pub(super) fn require_volume_here(directory: &Path) -> Result<Option<String>> {
    // By way of a link it is the same directory.
    let directory = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
    if !is_in_store(&directory.to_string_lossy()) {
        return Ok(None);
    }
    let mounts = std::fs::read("/proc/mounts").map_err(|error| disk_error("read", "/proc/mounts", error))?;
    judge(mount::at(STORE, &mounts).map(|mount| mount.kind))
}

fn is_in_store(directory: &str) -> bool {
    directory.strip_prefix(STORE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Whether a directory of the store may be used, by the type of what is mounted there.
fn judge(mounted: Option<String>) -> Result<Option<String>> {
    match mounted {
        Some(kind) if is_ceph(&kind) => Ok(None),
        Some(kind) => Ok(Some(format!("{STORE} is a mount of type {kind}, not ceph"))),
        None => Err(Error::new(
            ErrorKind::Guard,
            "the store is not mounted: this would use the host's root disk",
        )
        .at(At::Path, STORE)
        .todo("start it: deisctl start store-volume; it mounts once monitors, daemons and metadata are up")),
    }
}

/// Why the store volume is not a mount of ceph on a host, if it is not.
pub(crate) async fn not_ceph(remote: &dyn Remote) -> Result<Option<String>> {
    Ok(match mounted(remote).await? {
        Some(kind) if is_ceph(&kind) => None,
        Some(kind) => Some(format!("{STORE} is a mount of type {kind}, not ceph,")),
        None => Some(format!("{STORE} is not mounted")),
    })
}

/// The type of the mount of the store volume.
async fn mounted(remote: &dyn Remote) -> Result<Option<String>> {
    let mounts = ask(remote, &["cat", "/proc/mounts"]).await?;
    mounts.exit.require_success(ErrorKind::Unsupported, remote.host())?;
    Ok(mount::at(STORE, &mounts.stdout).map(|mount| mount.kind))
}

fn is_ceph(kind: &str) -> bool {
    matches!(kind, "ceph" | "fuse.ceph")
}
