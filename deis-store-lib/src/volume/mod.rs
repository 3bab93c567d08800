//! Reads the store volume of a host as a tar stream, and writes it back.
//!
//! The directory exists even if the volume is not mounted, and an archive unpacked into it would fill the root disk. So
//! the mount is checked before anything is read or written. The caller compresses.

mod load;
mod mount;
mod save;
#[cfg(test)]
mod tests;

pub(crate) use load::{Loaded, empty, is_empty, load};
pub(crate) use save::save;

use crate::error::{At, Error, ErrorKind, Result};
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
    if !directory.strip_prefix(STORE).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return Ok(None);
    }
    match mounted(remote).await? {
        Some(kind) if is_ceph(&kind) => Ok(None),
        Some(kind) => Ok(Some(format!("{STORE} is a mount of type {kind}, not ceph"))),
        None => Err(Error::new(
            ErrorKind::Guard,
            "the store is not mounted: this would use the host's root disk",
        )
        .at(At::Path, STORE)
        .at(At::Host, remote.host())
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
