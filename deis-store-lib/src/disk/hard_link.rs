//! A file gets a further name in another directory, if the file system has one for it there.

use rustix::fs::{AtFlags, linkat};
use rustix::io::Errno;

use super::descend::{component, split};
use super::metadata::Kind;
use super::root::{NO_FILE, Root, SYMLINK};
use crate::error::{Error, Result};
use crate::key_path::TAKEN;

/// Gives a file a further name at a path below another directory. Nothing if the file system has none for it there.
pub(super) fn link_new(from: (&Root, &str), to: &Root, path: &[String]) -> Result<Option<Vec<String>>> {
    let (new_name, directories) = split(path)?;
    let (to, mut real) = to.make_directories(directories)?;
    match hard_link(from, (&to, component(new_name)?)) {
        Ok(linked) => {
            real.push(linked);
            Ok(Some(real))
        }
        Err(Refused::Cannot) => Ok(None),
        Err(Refused::Failed(error)) => Err(error),
    }
}

/// Why a file has no further name.
pub(super) enum Refused {
    /// The file system gives it no further name there.
    Cannot,
    Failed(Error),
}

/// Gives a file a name that is free, or that an interrupted run has left.
pub(super) fn hard_link(
    (from, name): (&Root, &str),
    (to, new_name): (&Root, &str),
) -> Result<String, Refused> {
    let later = format!("{new_name}{TAKEN}");
    for wanted in [new_name, &later] {
        for _ in 0..2 {
            match linkat(from, name, to, wanted, AtFlags::empty()) {
                Ok(()) => return Ok(wanted.to_owned()),
                Err(Errno::EXIST) => {}
                Err(error) if cannot(error) => return Err(Refused::Cannot),
                Err(error) => return Err(Refused::Failed(to.failed("link", wanted, error))),
            }
            match to.kind_here(wanted).map_err(Refused::Failed)? {
                Some(Kind::Directory) => break,
                Some(Kind::File) => to.remove_file(wanted).map_err(Refused::Failed)?,
                Some(Kind::Symlink) => return Err(Refused::Failed(to.unexpected_entry(wanted, SYMLINK))),
                Some(Kind::Other) => return Err(Refused::Failed(to.unexpected_entry(wanted, NO_FILE))),
                None => {}
            }
        }
    }
    Err(Refused::Failed(to.unexpected_entry(new_name, NO_FILE)))
}

/// Whether a file system has no further name for a file: it has too many, is on another one, or is of somebody else.
fn cannot(error: Errno) -> bool {
    matches!(error, Errno::MLINK | Errno::XDEV | Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL)
}
