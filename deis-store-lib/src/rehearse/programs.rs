//! The programs by which a database is proved to come back: WAL-E, and PostgreSQL of the version that made the base backup.

use std::path::{Path, PathBuf};

use crate::error::{At, Error, ErrorKind, Result};
use crate::remote::{Local, ask};

/// Where distributions put the programs of a version, with `{}` for the version.
const USUAL_PLACES: [&str; 3] = ["/usr/lib/postgresql/{}/bin", "/usr/pgsql-{}/bin", "/opt/postgresql-{}/bin"];

/// Whose rights the server has: it refuses those of root.
#[derive(Clone, Debug)]
pub(super) enum User {
    /// Our own.
    Own,
    /// Those of the user `postgres`, with this id and group.
    Postgres(u32, u32),
}

impl User {
    /// Our user, or `postgres` if we are root; nothing if that user is not there.
    pub(super) async fn find(host: &Local) -> Result<Option<Self>> {
        if id(host, &["id", "-u"]).await? != Some(0) {
            return Ok(Some(Self::Own));
        }
        let ids = (id(host, &["id", "-u", "postgres"]).await?, id(host, &["id", "-g", "postgres"]).await?);
        Ok(match ids {
            (Some(user), Some(group)) => Some(Self::Postgres(user, group)),
            _ => None,
        })
    }

    /// A command with these rights.
    pub(super) fn command<'a>(&self, command: &[&'a str]) -> Vec<&'a str> {
        const AS_POSTGRES: [&str; 5] =
            ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"];
        let before: &[&str] = if matches!(self, Self::Postgres(..)) { &AS_POSTGRES } else { &[] };
        [before, command].concat()
    }

    /// Gives a file or directory to the user.
    pub(super) fn give(&self, path: &Path) -> std::io::Result<()> {
        match self {
            Self::Own => Ok(()),
            Self::Postgres(user, group) => std::os::unix::fs::chown(path, Some(*user), Some(*group)),
        }
    }
}

async fn id(host: &Local, command: &[&str]) -> Result<Option<u32>> {
    let output = ask(host, command).await?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok().filter(|_| output.exit.success()))
}

/// WAL-E: this program, or the one that a shell finds.
pub(super) async fn wal_e(host: &Local, given: Option<&Path>) -> Result<Option<PathBuf>> {
    if let Some(path) = given {
        if path.is_file() {
            return Ok(Some(path.to_owned()));
        }
        let error = Error::new(ErrorKind::NotFound, "there is no such program as WAL-E");
        return Err(error.at(At::Path, path.display()));
    }
    let output = ask(host, &["sh", "-c", "command -v wal-e"]).await?;
    let path = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    Ok(Some(path).filter(|path| output.exit.success() && path.is_absolute()))
}

/// The directory with the programs of PostgreSQL of this version, such as `9.3` or `15`: the one that is given, which must be of
/// that version, or one of the usual places.
pub(super) async fn postgres(host: &Local, given: Option<&Path>, version: &str) -> Result<Option<PathBuf>> {
    let places: Vec<PathBuf> = match given {
        Some(path) => vec![path.to_owned(), path.join("bin")],
        None => USUAL_PLACES.iter().map(|place| PathBuf::from(place.replace("{}", version))).collect(),
    };
    for place in places {
        let server = place.join("postgres");
        if !server.is_file() {
            continue;
        }
        let output = ask(host, &[&server.to_string_lossy(), "--version"]).await?;
        let says = String::from_utf8_lossy(&output.stdout).into_owned();
        if is_of_version(&says, version) {
            return Ok(Some(place));
        }
    }
    Ok(None)
}

/// Whether `postgres (PostgreSQL) 9.3.25 (Debian …)` is of the version `9.3`.
fn is_of_version(says: &str, version: &str) -> bool {
    let found = says.split_whitespace().find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()));
    found.is_some_and(|found| {
        found
            .strip_prefix(version)
            .is_some_and(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_of_a_version_by_its_first_numbers() {
        assert!(is_of_version("postgres (PostgreSQL) 9.3.25 (Debian 9.3.25-1)\n", "9.3"));
        assert!(is_of_version("postgres (PostgreSQL) 15.8", "15"));
        assert!(is_of_version("postgres (PostgreSQL) 16beta1", "16"));
        assert!(!is_of_version("postgres (PostgreSQL) 9.30", "9.3"));
        assert!(!is_of_version("postgres (PostgreSQL) 15.8", "1"));
        assert!(!is_of_version("", "15"));
    }
}
