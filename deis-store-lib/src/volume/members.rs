//! Which entries of an archive are wanted. Pure.

use std::collections::HashMap;

use crate::error::{Error, ErrorKind, Result};

use super::here::shown;

/// The members of an archive that are wanted: each is an entry, with all that lies below it.
#[derive(Clone, Debug)]
pub(crate) struct Members {
    /// Whether each has come.
    wanted: HashMap<Vec<u8>, bool>,
}

impl Members {
    /// The members at these paths, written as an archive or a shell may have them: `./logs/`, `logs`.
    pub(crate) fn new<P: AsRef<[u8]>>(paths: &[P]) -> Result<Self> {
        let wanted = paths.iter().map(|path| Ok((plain(path.as_ref())?, false)));
        Ok(Self { wanted: wanted.collect::<Result<_>>()? })
    }

    /// Whether an entry is one of them. It has come then.
    pub(crate) fn wants(&mut self, path: &[u8]) -> bool {
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut wants = false;
        for end in slashes.chain([path.len()]) {
            if let Some(came) = path.get(..end).and_then(|beginning| self.wanted.get_mut(beginning)) {
                *came = true;
                wants = true;
            }
        }
        wants
    }

    /// Those that never came, sorted and for people.
    pub(crate) fn missing(&self) -> Vec<String> {
        let mut missing: Vec<_> =
            self.wanted.iter().filter(|(_, came)| !**came).map(|(path, _)| path).collect();
        missing.sort_unstable();
        missing.into_iter().map(|path| shown(path)).collect()
    }
}

/// An error if an archive does not have all that are wanted, with what to do then.
pub(super) fn require_all(missing: &[String], todo: &str) -> Result<()> {
    match missing.first() {
        None => Ok(()),
        Some(first) => Err(Error::new(
            ErrorKind::NotFound,
            format!("the archive does not have {} of the members, such as '{first}'", missing.len()),
        )
        .todo(todo)),
    }
}

/// A path in the form in which entries have it.
fn plain(path: &[u8]) -> Result<Vec<u8>> {
    let mut parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let wrong = |what: &str| {
        let path = String::from_utf8_lossy(path);
        Err(Error::new(ErrorKind::Usage, format!("{what}: '{}'", crate::error::printable(&path)))
            .todo("give the path below the directory, as a listing of the archive has it"))
    };
    if path.starts_with(b"/") || parts.clone().any(|part| part == b"..") {
        return wrong("a member cannot lie outside of the archive");
    }
    let Some(first) = parts.next() else { return wrong("a member needs a path") };
    Ok(parts.fold(first.to_vec(), |path, part| [&path, &b"/"[..], part].concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_itself_and_all_below_it_however_it_is_written() {
        for written in ["logs/app", "./logs//app/", "logs/./app"] {
            let mut members = Members::new(&[written, "other"]).unwrap();
            for (path, wanted) in [
                ("", false),
                ("logs", false),
                ("logs/app", true),
                ("logs/app/a/b", true),
                ("logs/app.log", false),
                ("logs/apx", false),
                ("x/logs/app", false),
            ] {
                assert_eq!(members.wants(path.as_bytes()), wanted, "{written} {path}");
            }
            assert_eq!(members.missing(), ["other"]);
        }
    }

    #[test]
    fn a_member_within_another_one_has_come_too() {
        let mut members = Members::new(&["logs", "logs/app.log"]).unwrap();
        assert!(members.wants(b"logs/app.log"));
        assert!(members.missing().is_empty());
    }

    #[test]
    fn what_is_no_member_is_said() {
        for wrong in ["", ".", "./", "/", "/etc", "a/../b", ".."] {
            assert_eq!(Members::new(&[wrong]).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
        }
    }
}
