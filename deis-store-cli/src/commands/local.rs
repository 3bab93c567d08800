//! Paths that were meant to be something else than a path of this machine.

use std::path::{Path, PathBuf};

use deis_store::error::At;
use deis_store::{Error, ErrorKind, Result};

/// Refuses a URL in the place of a local path: it would become a directory `s3:`.
pub(super) fn path<'a>(path: &'a Path, what: &str, todo: &str) -> Result<&'a Path> {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.is_empty() || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(path);
    }
    let what = format!("{what} is a local directory, and this is a URL");
    // A password may stand before a host.
    Err(Error::new(ErrorKind::Usage, what).at(At::Argument, format!("{scheme}://…")).todo(todo))
}

/// A directory that was typed, if no others were: a shell makes many of `20*Z`.
pub(super) fn one<'a>(path: &'a Path, more: &[PathBuf], word: &str) -> Result<&'a Path> {
    let Some(last) = more.last() else { return Ok(path) };
    let what = format!("{word} takes one directory, and these are {}", more.len() + 1);
    let last = last.display();
    let todo = format!(
        "give one, such as the last: deis-store {word} {last}; or go through them: for directory in …; do deis-store \
         {word} \"$directory\"; done"
    );
    Err(Error::new(ErrorKind::Usage, what).at(At::Argument, last).todo(todo))
}

/// Refuses more than two directories.
pub(super) fn two((before, after): (&Path, &Path), more: &[PathBuf], word: &str) -> Result<()> {
    let Some(last) = more.last() else { return Ok(()) };
    let what = format!("{word} takes two directories, and these are {}", more.len() + 2);
    let one_before = more.iter().rev().nth(1).map_or(after, PathBuf::as_path).display();
    let todo = format!("give two, such as the last: deis-store {word} {one_before} {}", last.display());
    Err(Error::new(ErrorKind::Usage, what).at(At::Argument, before.display()).todo(todo))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_no_local_path_and_its_password_is_not_repeated() {
        let refused = |text: &str| path(Path::new(text), "a repository", "x").is_err();
        assert!(refused("s3://bucket") && refused("http://u:SECRET@h/x") && refused("s3://"));
        for local in ["/backup", "backup", "./s3:/x", "a://b".trim_start_matches("a:"), "with space://x"] {
            assert!(!refused(local), "{local}");
        }
        let error = path(Path::new("http://u:SECRET@h/x"), "a repository", "x").unwrap_err();
        assert!(!format!("{error}").contains("SECRET"), "{error}");
    }

    #[test]
    fn of_several_directories_none_is_guessed() {
        let paths = ["/b/2026-01-01T00-00-00Z", "/b/2026-01-02T00-00-00Z"].map(PathBuf::from);
        assert_eq!(one(&paths[0], &[], "verify").unwrap(), paths[0]);
        let error = one(&paths[0], &paths[1..], "verify").unwrap_err();
        assert!(error.advice().unwrap().contains("verify /b/2026-01-02T00-00-00Z"), "{error:?}");
        let (first, second) = (paths[0].as_path(), paths[1].as_path());
        two((first, second), &[], "diff").unwrap();
        for more in [&[PathBuf::from("/b/3")][..], &[PathBuf::from("/b/2"), PathBuf::from("/b/3")]] {
            let error = two((first, second), more, "diff").unwrap_err();
            let advised =
                if more.len() == 1 { "diff /b/2026-01-02T00-00-00Z /b/3" } else { "diff /b/2 /b/3" };
            assert!(error.advice().unwrap().ends_with(advised), "{error:?}");
        }
    }
}
