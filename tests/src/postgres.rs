//! A `PostgreSQL` like the one in Deis' database component, and dumps of it.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::environment::{Environment, Postgres};
use crate::error::{Context, Error, Result};
use crate::port;
use crate::process::{Goodbye, Server, program, program_as_postgres, run, run_with_input};

/// The time limit for a start, which may replay some segments, each fetched by a Python program.
const START_LIMIT: Duration = Duration::from_mins(2);

impl Postgres {
    /// Chooses a port, and makes the directories below `directory` for the user postgres.
    pub fn prepare(directory: &Path) -> Result<Self> {
        let place = Self {
            data_dir: directory.join("data"),
            socket_dir: directory.join("socket"),
            port: port::free()?,
        };
        for path in [&directory.to_owned(), &place.data_dir, &place.socket_dir] {
            fs::create_dir_all(path).context(path.display())?;
            hand_over(path)?;
        }
        Ok(place)
    }

    /// Makes an empty database cluster.
    pub fn initialize(&self) -> Result<()> {
        let mut command = program_as_postgres(binary("initdb")?);
        command.args([
            "--no-sync",
            "--auth=peer",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--username=postgres",
            "-D",
        ]);
        command.arg(&self.data_dir);
        run("initdb", command).map(drop)
    }

    /// Writes the configuration, with `more` lines at its end, and the rules of access.
    pub fn configure(&self, more: &str) -> Result<()> {
        let text = format!(
            "listen_addresses = '127.0.0.1'
port = {}
unix_socket_directories = '{}'
max_connections = 50
shared_buffers = 32MB
timezone = 'UTC'
wal_level = replica
# Nothing may happen by itself: two dumps, or two listings of the bucket, must be equal.
autovacuum = off
checkpoint_timeout = 1h
max_wal_size = 4GB
archive_timeout = 0
# Nobody needs this data after a crash of the machine.
fsync = off
{more}\n",
            self.port,
            self.socket_dir.display()
        );
        let access =
            "local all postgres peer\nlocal all all scram-sha-256\nhost all all 127.0.0.1/32 scram-sha-256\n";
        for (name, text) in
            [("postgresql.conf", text.as_str()), ("pg_hba.conf", access), ("pg_ident.conf", "")]
        {
            let path = self.data_dir.join(name);
            fs::write(&path, text).context(path.display())?;
            hand_over(&path)?;
        }
        Ok(())
    }

    /// Starts the server. Returns when it accepts connections that may write, after any recovery.
    pub fn start(&self, log: &Path) -> Result<Server> {
        let mut command = program_as_postgres(binary("postgres")?);
        command.arg("-D").arg(&self.data_dir);
        let mut server = Server::start("postgres", command, log, Goodbye::Quit)?;
        let pid_file = self.data_dir.join("postmaster.pid");
        server.wait_until(START_LIMIT, || {
            // The file's last line says "ready". Before that, a try with psql would fail.
            fs::read_to_string(&pid_file).is_ok_and(|text| text.contains("ready"))
                && self.query("postgres", "SELECT pg_is_in_recovery()").is_ok_and(|answer| answer == "f")
        })?;
        Ok(server)
    }

    /// The output of psql, unaligned and without header.
    pub fn query(&self, database: &str, sql: &str) -> Result<String> {
        let answer = run_with_input("psql", self.psql(database)?, sql.as_bytes())?;
        Ok(answer.trim_end_matches('\n').to_owned())
    }

    /// A psql that reads from standard input and stops at the first error.
    pub fn psql(&self, database: &str) -> Result<Command> {
        let mut command = self.client(binary("psql")?);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", database]);
        Ok(command)
    }

    /// Any client program as the user postgres.
    pub fn client(&self, name: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = program_as_postgres(name);
        command.env("PGHOST", &self.socket_dir).env("PGPORT", self.port.to_string());
        command
    }

    /// The output of `pg_dumpall`, without the random lines.
    pub fn dump(&self) -> Result<String> {
        Ok(without_random_lines(&run("pg_dumpall", self.client(binary("pg_dumpall")?))?))
    }
}

/// The dump of a cluster's database, for a comparison with another dump.
pub fn dump(environment: &Environment) -> Result<String> {
    environment.postgres()?.dump()
}

/// A dump without `\restrict` and `\unrestrict`, which recent releases print with a random word.
#[must_use]
pub fn without_random_lines(dump: &str) -> String {
    dump.lines()
        .filter(|line| !line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict "))
        .fold(String::with_capacity(dump.len()), |kept, line| kept + line + "\n")
}

/// Gives a file or directory to the user postgres.
pub fn hand_over(path: &Path) -> Result<()> {
    let (user, group) = owner()?;
    chown(path, Some(user), Some(group)).context(path.display())
}

/// The path of one of the server's programs, of the newest version. Debian has a folder per version.
fn binary(name: &str) -> Result<PathBuf> {
    let versions =
        fs::read_dir("/usr/lib/postgresql").context("Look for PostgreSQL; tests/install installs it")?;
    let newest = versions
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|version| Path::new(&format!("/usr/lib/postgresql/{version}/bin/{name}")).exists())
        .max();
    let version = newest.ok_or_else(|| Error::new(format!("No {name}: run tests/install")))?;
    Ok(PathBuf::from(format!("/usr/lib/postgresql/{version}/bin/{name}")))
}

fn owner() -> Result<(u32, u32)> {
    let id = |option: &str| {
        let mut command = program("id");
        command.args([option, "postgres"]);
        run("id postgres", command)?.trim().parse().context("id postgres")
    };
    Ok((id("-u")?, id("-g")?))
}

#[cfg(test)]
mod tests {
    #[test]
    fn random_lines_of_a_dump_are_left_out() {
        let dump = "--\n\\restrict abc\nSELECT 1;\n\\unrestrict abc\n";
        assert_eq!(super::without_random_lines(dump), "--\nSELECT 1;\n");
    }
}
