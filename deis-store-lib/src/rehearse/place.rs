//! The directories in which a database is brought back, and the settings of its server.

use std::fmt::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use super::programs::User;
use crate::contents::wal_e::SEGMENT_BYTES;
use crate::error::{At, Error, ErrorKind, Result, disk_error, printable};
use crate::remote::{Local, ask};
use crate::secret::Credentials;

/// A path of a socket has so many bytes at most, with its name.
const LONGEST_SOCKET_DIRECTORY_BYTES: usize = 80;

/// Where WAL-E finds a database.
pub(super) struct Source<'a> {
    /// `HOST:PORT` of the gateway.
    pub(super) gateway: String,
    pub(super) credentials: &'a Credentials,
    /// The bucket in the gateway.
    pub(super) bucket: String,
    pub(super) prefix: String,
    pub(super) base_backup: String,
}

/// The directories of a server. Removed by whoever removes the scratch directory.
pub(super) struct Place {
    pub(super) top: PathBuf,
    pub(super) data: PathBuf,
    pub(super) socket: PathBuf,
    pub(super) user: User,
}

impl Place {
    pub(super) fn make(scratch: &Path, user: User) -> Result<Self> {
        let top =
            (0..u32::MAX).map(|number| scratch.join(format!("database-{number}"))).find(|top| !top.exists());
        let top = top.ok_or_else(|| Error::new(ErrorKind::Internal, "too many databases"))?;
        let place = Self { data: top.join("data"), socket: top.join("socket"), top, user };
        if place.socket.as_os_str().len() > LONGEST_SOCKET_DIRECTORY_BYTES {
            let error =
                Error::new(ErrorKind::Usage, "the path of the scratch directory is too long for a socket");
            return Err(error.at(At::Path, scratch.display()).todo("choose a shorter one"));
        }
        for directory in [&place.top, &place.data, &place.socket] {
            let made = std::fs::DirBuilder::new().mode(0o700).create(directory);
            made.and_then(|()| place.user.give(directory))
                .map_err(|error| disk_error("make the directory", directory.display(), error))?;
        }
        Ok(place)
    }

    /// Writes a script that is WAL-E with the keys of the gateway: no argument is a secret.
    pub(super) fn write_wal_e(&self, program: &Path, source: &Source<'_>) -> Result<()> {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
        let Source { gateway, credentials, bucket, prefix, .. } = source;
        let secret = String::from_utf8_lossy(credentials.secret_key());
        let place = format!("s3://{bucket}/{}", prefix.trim_end_matches('/'));
        let text = zeroize::Zeroizing::new(format!(
            "#!/bin/sh\nunset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY\n\
             export no_proxy='*' AWS_ACCESS_KEY_ID={} AWS_SECRET_ACCESS_KEY={} AWS_REGION=us-east-1\n\
             export WALE_S3_PREFIX={} WALE_S3_ENDPOINT=http+path://{gateway} WALE_LOG_DESTINATION=stderr\n\
             exec {} --terse \"$@\"\n",
            quoted(credentials.access_key()),
            quoted(&secret),
            quoted(place.trim_end_matches('/')),
            quoted(&program.to_string_lossy()),
        ));
        self.write(Path::new(&self.wal_e()), &text, 0o500)
    }

    /// The path of that script.
    pub(super) fn wal_e(&self) -> String {
        self.top.join("wal-e").to_string_lossy().into_owned()
    }

    /// The name of a link that a base backup has brought and a server would follow. The log's directory and the settings may be some:
    /// they are made anew.
    pub(super) fn link_elsewhere(&self, version: &str) -> Result<Option<String>> {
        let failed = |error| disk_error("look at", self.data.display(), error);
        for entry in std::fs::read_dir(&self.data).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_made_anew = name == log_directory(version) || SETTINGS.contains(&&*name);
            if entry.file_type().map_err(failed)?.is_symlink() && !is_made_anew {
                return Ok(Some(printable(&name)));
            }
        }
        Ok(None)
    }

    /// Gives the server settings of our own, and tells it to replay. Those of the old server are not taken over: they could have it
    /// archive into the old bucket, or replicate.
    pub(super) fn configure(&self, version: &str) -> Result<()> {
        let mut text = format!(
            "listen_addresses = ''\nport = 5432\nunix_socket_directories = '{}'\nfsync = off\nautovacuum = off\n\
             hot_standby = off\narchive_mode = off\nlogging_collector = off\nlog_destination = 'stderr'\nssl = off\n\
             shared_preload_libraries = ''\nmax_wal_senders = 0\n\
             max_prepared_transactions = 1000\nlc_messages = 'C'\n",
            self.socket.display()
        );
        let restore = format!("restore_command = '\"{}\" wal-fetch -p 0 \"%f\" \"%p\"'\n", self.wal_e());
        let major: u32 = version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(0);
        if is_ten_or_later(version) {
            text.push_str("max_logical_replication_workers = 0\n");
        }
        if major >= 12 {
            let _ = write!(text, "{restore}");
            self.write(&self.data.join("recovery.signal"), "", 0o600)?;
        } else {
            self.write(&self.data.join("recovery.conf"), &restore, 0o600)?;
        }
        for (name, text) in SETTINGS.into_iter().zip([text.as_str(), "", "local all all trust\n", ""]) {
            self.write(&self.data.join(name), text, 0o600)?;
        }
        let log = self.data.join(log_directory(version));
        if log.is_symlink() {
            std::fs::remove_file(&log).map_err(|error| disk_error("remove", log.display(), error))?;
        }
        for directory in [&log, &log.join("archive_status")] {
            std::fs::create_dir_all(directory)
                .and_then(|()| self.user.give(directory))
                .map_err(|error| disk_error("make the directory", directory.display(), error))?;
        }
        let only_ours = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&self.data, only_ours)
            .map_err(|error| disk_error("change the mode of", self.data.display(), error))
    }

    fn write(&self, path: &Path, text: &str, mode: u32) -> Result<()> {
        let failed = |error| disk_error("write", path.display(), error);
        // One that a base backup has brought may be a link to a file of this machine.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(mode).open(path).map_err(failed)?;
        std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
        file.set_permissions(std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        self.user.give(path).map_err(failed)
    }

    /// The error of a database for which there is no room, if its user could not even have another segment of the log there. WAL-E
    /// and the server say it in many ways, or not at all. It is tried, since a quota is seen in no other way.
    pub(super) async fn no_room(&self, host: &Local, error: Error) -> Error {
        const TRY: &str = r#"head -c "$1" /dev/urandom >"$2"; tried=$?; rm -f "$2"; exit $tried"#;
        let (bytes, file) = ((2 * SEGMENT_BYTES).to_string(), self.top.join("room"));
        let file = file.to_string_lossy();
        let tried = self.user.command(&["sh", "-c", TRY, "sh", &bytes, &file]);
        let is_stopped = error.kind() == ErrorKind::Interrupted;
        if is_stopped || !ask(host, &tried).await.is_ok_and(|tried| !tried.exit.success()) {
            return error;
        }
        let full = Error::new(ErrorKind::Disk, "there is no room left to bring a database back");
        let full = full.at(At::Path, self.top.display()).because(error);
        full.todo("free some space, or give a directory for it that has more")
    }
}

/// The files of a server's settings.
const SETTINGS: [&str; 4] = ["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf"];

fn log_directory(version: &str) -> &'static str {
    if is_ten_or_later(version) { "pg_wal" } else { "pg_xlog" }
}

/// Whether a version has `wal` in its names, and not `xlog`.
pub(super) fn is_ten_or_later(version: &str) -> bool {
    !version.contains('.')
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn links_of_a_base_backup_lead_to_no_file_of_this_machine() {
        let (scratch, machine) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let place = Place::make(scratch.path(), User::Own).unwrap();
        for name in ["postgresql.conf", "pg_hba.conf"] {
            std::fs::write(machine.path().join(name), "of the machine").unwrap();
        }
        std::fs::create_dir(machine.path().join("pg_wal")).unwrap();
        for name in ["postgresql.conf", "pg_hba.conf", "pg_wal"] {
            symlink(machine.path().join(name), place.data.join(name)).unwrap();
        }
        assert_eq!(place.link_elsewhere("15").unwrap(), None);
        place.configure("15").unwrap();
        symlink(machine.path().join("postgresql.conf"), place.top.join("log")).unwrap();
        place.write(&place.top.join("log"), "ours", 0o600).unwrap();
        assert_eq!(std::fs::read_dir(machine.path().join("pg_wal")).unwrap().count(), 0);
        for name in ["postgresql.conf", "pg_hba.conf"] {
            assert_eq!(std::fs::read_to_string(machine.path().join(name)).unwrap(), "of the machine");
            assert!(!place.data.join(name).is_symlink());
        }
        assert!(place.data.join("pg_wal/archive_status").is_dir());

        symlink(machine.path(), place.data.join("base")).unwrap();
        assert_eq!(place.link_elsewhere("15").unwrap().as_deref(), Some("base"));
    }
}
