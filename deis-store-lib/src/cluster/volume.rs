//! Reads the store volume of a host as a tar stream, and writes it back.
//!
//! The directory exists even if the volume is not mounted, and an archive unpacked into it would fill the root disk. So
//! the mount is checked before anything is read or written. The caller compresses.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};

use super::mount;
use crate::archive::tar::Inspected;
use crate::archive::tar::TarSummary;
use crate::error::{At, Error, ErrorKind, Result};
use crate::remote::{Child, Exit, Input, Process, Remote, Stdout, privileged, run};

/// The directory at which every host of a Deis cluster mounts the store.
pub(crate) const STORE: &str = "/var/lib/deis/store";

/// The name of the mark, a file that lies in a directory while an archive is unpacked there.
const UNPACKING: &str = ".deis-store-unpacking";

/// The number of bytes copied at a time.
const PIECE_BYTES: usize = 128 << 10;

/// Begins to read a directory of a host as an uncompressed tar archive.
pub(crate) async fn save(remote: &dyn Remote, directory: &str) -> Result<Saving> {
    let warning = require_volume(remote, directory).await?;
    let tar = tar(&["-cpf", "-", "--numeric-owner", "-C", directory, "."]);
    let command = privileged(remote, &tar).await?;
    let Child { stdout, process, .. } = remote.spawn(&command, Input::Nothing).await?;
    Ok(Saving { reader: Inspected::new(stdout), process, warning, host: remote.host().to_owned() })
}

/// A volume that is being read.
#[derive(Debug)]
pub(crate) struct Saving {
    reader: Inspected<Stdout>,
    process: Process,
    warning: Option<String>,
    host: String,
}

impl Saving {
    /// A summary of the saved volume, if the archive is whole. To be called when the archive was read to its end.
    pub(crate) async fn finish(self) -> Result<Saved> {
        let exit = self.process.finish().await?;
        let changed = changed(&exit);
        // GNU tar exits with 1 when files changed while it read them, which is normal for logs. Anything else is a
        // failure.
        if !(exit.success() || exit.code == Some(1) && !changed.is_empty()) {
            // Not `Disk`: that kind means the disk on this side, which concerns every part.
            return Err(exit.failure(ErrorKind::NotReady, &self.host));
        }
        let archive = self.reader.finish().await.map_err(|error| error.at(At::Host, &self.host))?;
        Ok(Saved { archive, changed, warning: self.warning })
    }
}

impl AsyncRead for Saving {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.reader).poll_read(context, buffer)
    }
}

/// A volume that was saved.
#[derive(Clone, Debug)]
pub(crate) struct Saved {
    /// The totals of the archive.
    #[cfg_attr(not(test), expect(dead_code, reason = "the totals are for tests"))]
    pub(crate) archive: TarSummary,
    /// The files that changed or vanished while they were read, as tar names them. Only the last 64 KiB of tar's
    /// messages are searched for them.
    pub(crate) changed: Vec<String>,
    /// A warning about an unusual mount.
    pub(crate) warning: Option<String>,
}

/// Unpacks an uncompressed tar archive into a directory of a host, with owners and modes. The caller should have
/// checked before that the archive is whole. If the reader breaks off, the files unpacked so far stay, beside a mark,
/// and another archive may be unpacked over them.
pub(crate) async fn load(
    remote: &dyn Remote,
    directory: &str,
    reader: impl AsyncRead + Unpin,
) -> Result<Loaded> {
    let warning = require_volume(remote, directory).await?;
    let mark = format!("{directory}/{UNPACKING}");
    privileged_run(remote, &["touch", &mark]).await?;
    let archive_bytes = unpack(remote, directory, reader).await?;
    privileged_run(remote, &["rm", "-f", &mark]).await?;
    Ok(Loaded { archive_bytes, warning })
}

async fn unpack(remote: &dyn Remote, directory: &str, reader: impl AsyncRead + Unpin) -> Result<u64> {
    let tar = tar(&["-xpf", "-", "--same-owner", "--numeric-owner", "-C", directory]);
    let command = privileged(remote, &tar).await?;
    let Child { stdout, stdin, process } = remote.spawn(&command, Input::Pipe).await?;
    drop(stdout);
    let mut stdin = stdin.ok_or_else(|| Error::new(ErrorKind::Internal, "a command without input"))?;
    let fed = feed(reader, &mut stdin).await;
    drop(stdin);
    // If tar gives up, writing to it fails, and tar's own message tells why.
    let exit = process.finish().await?;
    match fed {
        Err(Feed::Reader(error)) => {
            let kind = match error.kind() {
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::Other => {
                    ErrorKind::Damaged
                }
                _ => ErrorKind::Disk,
            };
            let error = Error::new(kind, "the archive cannot be read to its end").because(error);
            Err(error.at(At::Host, remote.host()).todo("empty the directory, then load a good archive"))
        }
        Err(Feed::Command(error)) if exit.success() => {
            Err(Error::new(ErrorKind::Damaged, "tar stopped reading")
                .because(error)
                .at(At::Host, remote.host()))
        }
        _ => {
            exit.require_success(ErrorKind::Disk, remote.host())?;
            Ok(fed.unwrap_or_default())
        }
    }
}

/// A volume that was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The archive's length.
    #[cfg_attr(not(test), expect(dead_code, reason = "the totals are for tests"))]
    pub(crate) archive_bytes: u64,
    /// A warning about an unusual mount.
    pub(crate) warning: Option<String>,
}

/// Whether a restore may write into a directory, since it holds no data. `lost+found` and an empty `logs` do not count:
/// each start of `store-volume` makes them. Files that an interrupted restore has left do not count either.
pub(crate) async fn is_empty(remote: &dyn Remote, directory: &str) -> Result<bool> {
    let names = list(remote, directory).await?;
    if names.iter().any(|name| name == UNPACKING) {
        return Ok(true);
    }
    let mut counting = names.iter().filter(|name| *name != "lost+found");
    match (counting.next().map(String::as_str), counting.next()) {
        (None, _) => Ok(true),
        (Some("logs"), None) => Ok(list(remote, &format!("{directory}/logs")).await?.is_empty()),
        _ => Ok(false),
    }
}

/// The output of a command that runs as root and must succeed.
async fn privileged_run(remote: &dyn Remote, command: &[&str]) -> Result<Vec<u8>> {
    let output = run(remote, &privileged(remote, command).await?).await?;
    output.exit.require_success(ErrorKind::Disk, remote.host())?;
    Ok(output.stdout)
}

/// A command of tar with messages in English, since this module reads them.
fn tar<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&["env", "LC_ALL=C", "tar"], arguments].concat()
}

/// Checks that the directory exists and, if it is in the store, that the store is mounted. Returns a warning about an
/// unusual mount.
async fn require_volume(remote: &dyn Remote, directory: &str) -> Result<Option<String>> {
    if !directory.starts_with('/') {
        return Err(Error::new(ErrorKind::Usage, "a directory must be given with its whole path")
            .at(At::Path, directory));
    }
    let test = run(remote, &privileged(remote, &["test", "-d", directory]).await?).await?;
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
    let mounts = run(remote, &["cat", "/proc/mounts"]).await?;
    mounts.exit.require_success(ErrorKind::Unsupported, remote.host())?;
    match mount::at(STORE, &mounts.stdout).map(|mount| mount.kind) {
        Some(kind) if kind == "ceph" || kind == "fuse.ceph" => Ok(None),
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

async fn list(remote: &dyn Remote, directory: &str) -> Result<Vec<String>> {
    let names = privileged_run(remote, &["ls", "-A", directory]).await?;
    Ok(String::from_utf8_lossy(&names).lines().map(str::to_owned).collect())
}

/// The files that tar names as changed while it read them.
fn changed(exit: &Exit) -> Vec<String> {
    const CHANGES: [&str; 3] =
        [": file changed as we read it", ": File removed before we read it", ": File shrank by "];
    let changed = exit.stderr.lines().filter_map(|line| {
        let line = line.strip_prefix("tar: ")?;
        CHANGES.iter().find_map(|change| line.split_once(change)).map(|(name, _)| name.to_owned())
    });
    changed.collect()
}

enum Feed {
    Reader(io::Error),
    Command(io::Error),
}

async fn feed(
    mut reader: impl AsyncRead + Unpin,
    stdin: &mut (impl AsyncWriteExt + Unpin),
) -> Result<u64, Feed> {
    let mut piece = vec![0; PIECE_BYTES];
    let mut bytes = 0;
    loop {
        let read = reader.read(&mut piece).await.map_err(Feed::Reader)?;
        if read == 0 {
            stdin.shutdown().await.map_err(Feed::Command)?;
            return Ok(bytes);
        }
        stdin.write_all(&piece[..read]).await.map_err(Feed::Command)?;
        bytes += read as u64;
    }
}
