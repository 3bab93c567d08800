//! Leaves a configuration for s3cmd: for its owner alone, whole or not at all, and never in the place of another file.

use std::io::Write as _;
use std::path::Path;

use crate::blocking::blocking;
use crate::disk::Root;
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::s3cfg;
use crate::secret::Credentials;

/// Refuses a name that is taken, before anything is looked at.
pub(crate) fn require_free(path: &Path) -> Result<()> {
    // A symlink takes a name as well, wherever it leads to.
    match path.symlink_metadata() {
        Ok(_) => Err(Error::new(
            ErrorKind::Occupied,
            "there is something of this name already, and it is left as it is",
        )
        .at(At::Path, path.display())
        .todo("name another file, or move that one away")),
        Err(_) => place(path).map(drop),
    }
}

/// Writes one for a gateway, given by its URL.
pub(crate) async fn write(path: &Path, gateway: &str, credentials: &Credentials) -> Result<()> {
    let (text, path) = (s3cfg::written(gateway, credentials)?, path.to_owned());
    blocking(move || write_text(&path, text.as_bytes())).await
}

/// The same; one that is there already with the same bytes stays.
#[cfg(feature = "gateway")]
pub(crate) async fn leave(path: &Path, gateway: &str, credentials: &Credentials) -> Result<()> {
    let (text, path) = (s3cfg::written(gateway, credentials)?, path.to_owned());
    let leave = move || match write_text(&path, text.as_bytes()) {
        Err(error) if error.kind() == ErrorKind::Occupied && has_text(&path, text.as_bytes()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Occupied => require_free(&path).and(Err(error)),
        written => written,
    };
    blocking(leave).await
}

fn write_text(path: &Path, text: &[u8]) -> Result<()> {
    let (directory, name) = place(path)?;
    let directory = Root::open(directory)?;
    let mut file = directory.new_file(&[name])?.without_digest();
    file.write_all(text).map_err(|error| file.write_error(error))?;
    file.commit_durably_as_named(0o600)?;
    Ok(())
}

#[cfg(feature = "gateway")]
fn has_text(path: &Path, text: &[u8]) -> bool {
    use std::io::Read as _;

    let read = || {
        let (directory, name) = place(path).ok()?;
        let file = Root::open(directory).ok()?.open_file(&[name]).ok()?;
        let mut there = zeroize::Zeroizing::new(Vec::with_capacity(text.len() + 1));
        file.take(text.len() as u64 + 1).read_to_end(&mut there).ok()?;
        Some(there)
    };
    read().is_some_and(|there| *there == text)
}

/// The directory and the name in it.
fn place(path: &Path) -> Result<(&Path, &str)> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| {
        Error::new(ErrorKind::Usage, "that is no name for a file").at(At::Path, path.display())
    })?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    Ok((directory.unwrap_or(Path::new(".")), name))
}
