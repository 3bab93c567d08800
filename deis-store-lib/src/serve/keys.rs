//! The keys of the gateway's one user: given, kept from an earlier start, or new.

use std::io::Read as _;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize as _, Zeroizing};

use crate::disk::Root;
use crate::error::{At, Context as _, Error, ErrorKind, Result, disk_error};
use crate::gateway::new_keys;
use crate::secret::Credentials;

/// The file of the keys that are kept, for its owner alone.
pub(super) const FILE: &str = "keys.json";

/// The file, as it is read.
#[derive(Deserialize)]
struct Kept {
    access_key: String,
    secret_key: String,
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.access_key.zeroize();
        self.secret_key.zeroize();
    }
}

/// The file, as it is written.
#[derive(Serialize)]
struct ToKeep<'a> {
    access_key: &'a str,
    secret_key: &'a str,
}

/// The keys that are given, or new ones.
pub(super) fn of_run(given: Option<Credentials>) -> Result<Credentials> {
    given.map_or_else(new_keys, Ok)
}

/// The keys that are given, else those that are kept, else new ones, which are kept from then on. Given ones are not.
pub(super) fn kept(directory: Option<&Root>, given: Option<Credentials>) -> Result<Credentials> {
    let (Some(directory), None) = (directory, &given) else { return of_run(given) };
    if let Some(before) = read(directory)? {
        return Ok(before);
    }
    let credentials = new_keys()?;
    write(directory, &credentials)?;
    Ok(credentials)
}

fn read(directory: &Root) -> Result<Option<Credentials>> {
    let path = || directory.path().join(FILE);
    let file = match directory.open_file(&[FILE]) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    // Of a length that it does not outgrow: a vector that grows leaves its old bytes behind.
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    file.take(4095).read_to_end(&mut text).map_err(|error| disk_error("read", path().display(), error))?;
    let kept: Option<Kept> = serde_json::from_slice(&text).ok();
    let credentials = kept.and_then(|kept| Credentials::trimmed(&kept.access_key, &kept.secret_key));
    // No word of what is in it.
    let damaged = || Error::new(ErrorKind::Damaged, "the keys that are kept cannot be read");
    let credentials = credentials.ok_or_else(damaged).at(At::Path, path().display());
    credentials.todo("remove the file, and new keys are made").map(Some)
}

fn write(directory: &Root, credentials: &Credentials) -> Result<()> {
    let secret_key = std::str::from_utf8(credentials.secret_key()).unwrap_or_default();
    let kept = ToKeep { access_key: credentials.access_key(), secret_key };
    let mut text = Zeroizing::new(Vec::with_capacity(4096));
    serde_json::to_writer(&mut *text, &kept)
        .map_err(|error| Error::new(ErrorKind::Internal, "a value that is no JSON").because(error))?;
    text.push(b'\n');
    directory.check_name_for_file(FILE, true)?;
    directory.new_file(&[FILE])?.commit_with(&text).map(drop)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn new_keys_are_kept_for_their_owner_alone_and_given_ones_never() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        let first = kept(Some(&root), None).unwrap();
        assert!(kept(Some(&root), None).unwrap().are(&first));
        let mode = std::fs::metadata(place.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let given = Credentials::new("GIVEN", "SECRET/+=");
        assert!(kept(Some(&root), Some(given.clone())).unwrap().are(&given));
        assert!(kept(Some(&root), None).unwrap().are(&first));
        assert!(!of_run(None).unwrap().are(&given));
        std::fs::write(place.path().join(FILE), "{\"access_key\":\"SECRET\"}").unwrap();
        let error = kept(Some(&root), None).unwrap_err();
        assert!(error.kind() == ErrorKind::Damaged && !format!("{error:?}").contains("SECRET"), "{error:?}");
    }
}
