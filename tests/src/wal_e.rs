//! WAL-E, as it runs beside Deis' database: its installation, and the base backups that it pushes.
//!
//! WAL-E asks `PostgreSQL` for an exclusive online backup, which `PostgreSQL` 15 no longer has. There, one session must
//! start and stop the backup, and the label is not written into the data directory. So a session of our own does the
//! backup. Functions of the old names answer WAL-E, and the label lies in the directory while WAL-E packs the files.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use crate::environment::Postgres;
use crate::error::{Context, Error, Result};
use crate::postgres::hand_over;
use crate::process::{Goodbye, Server, program_as_postgres, spawn};

pub use crate::recovery::{Recovered, recover, recover_and_archive, recover_from};

/// The variable that names another place than the usual one for the Python environment of tests/install.
pub const VARIABLE: &str = "DEIS_STORE_TESTS_WAL_E";
const USUAL_PLACE: &str = "/var/cache/deis-store-tests/wal-e";
const PUSH_LIMIT: Duration = Duration::from_mins(2);

/// A program of the Python environment that holds WAL-E and boto.
pub fn installed(name: &str) -> Result<PathBuf> {
    let place = std::env::var_os(VARIABLE).map_or_else(|| PathBuf::from(USUAL_PLACE), PathBuf::from);
    let path = place.join("bin").join(name);
    if path.exists() {
        Ok(path)
    } else {
        Err(Error::new(format!("No {}: run tests/install", path.display())))
    }
}

/// WAL-E with the keys of one gateway: a script that only the user postgres can read.
#[derive(Debug)]
pub struct WalE {
    script: PathBuf,
}

impl WalE {
    /// Writes the script into a directory of the user postgres. `gateway` is HOST:PORT.
    pub fn new(directory: &Path, gateway: &str, access_key: &str, secret_key: &str) -> Result<Self> {
        Self::of_bucket("db_wal", directory, gateway, access_key, secret_key)
    }

    /// Does the same for a bucket of another name.
    pub fn of_bucket(
        bucket: &str,
        directory: &Path,
        gateway: &str,
        access_key: &str,
        secret_key: &str,
    ) -> Result<Self> {
        let program = installed("wal-e")?;
        // WAL-E says that it ignores the region, but does not work without one. It logs to syslog unless told
        // otherwise. And it must end when the process that archives ends.
        let text = format!(
            "#!/bin/sh
export AWS_ACCESS_KEY_ID='{access_key}' AWS_SECRET_ACCESS_KEY='{secret_key}' AWS_REGION=us-east-1
export WALE_S3_PREFIX='s3://{bucket}' WALE_S3_ENDPOINT='http+path://{gateway}'
export WALE_LOG_DESTINATION=stderr PATH=/usr/local/bin:/usr/bin:/bin
exec setpriv --pdeathsig KILL -- '{}' --terse \"$@\"
",
            program.display()
        );
        let script = directory.join("wal-e");
        fs::write(&script, text).context(script.display())?;
        hand_over(&script)?;
        fs::set_permissions(&script, Permissions::from_mode(0o500)).context(script.display())?;
        Ok(Self { script })
    }

    /// One of WAL-E's commands, as the user postgres.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program_as_postgres(&self.script);
        command.args(arguments);
        command
    }

    /// `PostgreSQL`'s settings that archive each segment.
    #[must_use]
    pub fn archive_settings(&self) -> String {
        format!("archive_mode = on\narchive_command = '\"{}\" wal-push \"%p\"'", self.script.display())
    }

    /// `PostgreSQL`'s setting that brings segments back, without the helpers that WAL-E would leave running.
    #[must_use]
    pub fn restore_settings(&self) -> String {
        format!("restore_command = '\"{}\" wal-fetch -p 0 \"%f\" \"%p\"'", self.script.display())
    }

    /// Pushes a base backup of the running server.
    pub fn push_base_backup(&self, postgres: &Postgres, log: &Path) -> Result<()> {
        let mut session = Session::open(postgres)?;
        let start = session.ask("SELECT pg_backup_start('base backup', true)")?;
        let label = postgres.data_dir.join("backup_label");
        fs::write(&label, session.label(&start)?).context(label.display())?;
        hand_over(&label)?;
        let meeting = Meeting::arrange(postgres, &start)?;

        let data = postgres.data_dir.to_string_lossy();
        let mut command = self.command(&["backup-push", &data]);
        command.env("PGHOST", &postgres.socket_dir).env("PGPORT", postgres.port.to_string());
        let mut push = Server::start("wal-e backup-push", command, log, Goodbye::Terminate)?;
        push.wait_until(PUSH_LIMIT, || meeting.asked.exists())?;
        // The files are packed. A server that finds a label at its start would begin a recovery.
        fs::remove_file(&label).context(label.display())?;
        // A later check sees whether the segments arrive. A wait here would never end if they do not.
        let stop = session.ask("SELECT lsn FROM pg_backup_stop(wait_for_archive => false)")?;
        meeting.answer(&stop)?;
        push.succeed(PUSH_LIMIT)?;
        meeting.forget(postgres)
    }
}

/// The meeting of the functions of the old names with our session: two files in a directory of the user postgres.
struct Meeting {
    asked: PathBuf,
    answered: PathBuf,
}

impl Meeting {
    fn arrange(postgres: &Postgres, start: &str) -> Result<Self> {
        let meeting = Self {
            asked: postgres.socket_dir.join("backup-stop-asked"),
            answered: postgres.socket_dir.join("backup-stopped"),
        };
        let (asked, answered) = (meeting.asked.display(), meeting.answered.display());
        let sql = format!(
            "CREATE OR REPLACE FUNCTION pg_start_backup(label text) RETURNS pg_lsn LANGUAGE sql AS $$ SELECT '{start}'::pg_lsn $$;
             CREATE OR REPLACE FUNCTION pg_stop_backup() RETURNS pg_lsn LANGUAGE plpgsql AS $$
             BEGIN
                 COPY (SELECT 1) TO '{asked}';
                 WHILE pg_stat_file('{answered}', true) IS NULL LOOP PERFORM pg_sleep(0.02); END LOOP;
                 RETURN pg_read_file('{answered}')::pg_lsn;
             END $$;"
        );
        postgres.query("postgres", &sql)?;
        Ok(meeting)
    }

    fn answer(&self, stop: &str) -> Result<()> {
        let new = self.answered.with_extension("new");
        fs::write(&new, stop).context(new.display())?;
        hand_over(&new)?;
        fs::rename(&new, &self.answered).context(self.answered.display())
    }

    fn forget(self, postgres: &Postgres) -> Result<()> {
        for file in [self.asked, self.answered] {
            fs::remove_file(&file).context(file.display())?;
        }
        postgres
            .query("postgres", "DROP FUNCTION pg_start_backup(text); DROP FUNCTION pg_stop_backup();")
            .map(drop)
    }
}

/// One psql that stays connected, since the backup ends with its session.
struct Session {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Session {
    fn open(postgres: &Postgres) -> Result<Self> {
        let mut command = postgres.psql("postgres")?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = spawn(command).context("psql")?;
        let (Some(questions), Some(answers)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Error::new("psql without pipes"));
        };
        Ok(Self { child, questions, answers: BufReader::new(answers) })
    }

    /// Asks for one line.
    fn ask(&mut self, sql: &str) -> Result<String> {
        let mut line = String::new();
        writeln!(self.questions, "{sql};").context(sql)?;
        self.answers.read_line(&mut line).context(sql)?;
        if line.is_empty() {
            Err(Error::new(format!("No answer to: {sql}")))
        } else {
            Ok(line.trim_end().to_owned())
        }
    }

    /// The label that an exclusive backup would have written into the data directory.
    fn label(&mut self, start: &str) -> Result<String> {
        let line = self.ask(
            "SELECT checkpoint_lsn, timeline_id, redo_lsn, redo_wal_file, to_char(now(), 'YYYY-MM-DD HH24:MI:SS UTC')
             FROM pg_control_checkpoint()",
        )?;
        match line.split('|').collect::<Vec<_>>()[..] {
            [checkpoint, timeline, redo, segment, time] if redo == start => Ok(format!(
                "START WAL LOCATION: {start} (file {segment})\nCHECKPOINT LOCATION: {checkpoint}\n\
                 BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: {time}\nLABEL: base backup\n\
                 START TIMELINE: {timeline}\n"
            )),
            _ => Err(Error::new(format!("Another checkpoint came in between: {line}, not {start}"))),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
