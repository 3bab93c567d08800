//! Reads a directory of a host as a tar stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::load::UNPACKING;
use super::{require_volume, tar};
use crate::archive::tar::{Inspected, Refused, TarSummary};
use crate::error::{At, ErrorKind, Result};
use crate::remote::{Child, Exit, Input, Process, Remote, Stdout, ask, privileged};

/// Begins to read a directory of a host as an uncompressed tar archive.
pub(crate) async fn save(remote: &dyn Remote, directory: &str) -> Result<Saving> {
    let warning = require_volume(remote, directory).await?;
    let ours = format!("--exclude=./{UNPACKING}");
    // A log that was cut off under its writer begins with gigabytes of nothing: GNU tar alone stores it as such. And what
    // an interrupted unpacking has left is no part of the volume.
    let of_gnu: &[&str] = if is_gnu(remote).await? { &["-S", "--anchored", &ours] } else { &[] };
    let arguments = [of_gnu, &["-cpf", "-", "--numeric-owner", "-C", directory, "."]].concat();
    let command = privileged(remote, &tar(&arguments)).await?;
    let Child { stdout, process, .. } =
        remote.spawn(&command, Input::Nothing).await?.idle_limited(remote.login().teller());
    Ok(Saving { reader: Inspected::new(stdout), process, warning, host: remote.host().to_owned() })
}

async fn is_gnu(remote: &dyn Remote) -> Result<bool> {
    let version = ask(remote, &privileged(remote, &tar(&["--version"])).await?).await?;
    Ok(version.exit.success() && version.stdout.windows(7).any(|words| words == b"GNU tar"))
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
        let changed = named(&exit, &CHANGES);
        // GNU tar exits with 1 when files changed while it read them, which is normal for logs. Anything else is a
        // failure.
        if !(exit.success() || exit.code == Some(1) && !changed.is_empty()) {
            // Not `Disk`: that kind means the disk on this side, which concerns every part.
            return Err(exit.failure(ErrorKind::NotReady, &self.host));
        }
        let (archive, refused) = self.reader.finish().map_err(|error| error.at(At::Host, &self.host))?;
        let skipped = named(&exit, &[": socket ignored"]);
        Ok(Saved { archive, changed, skipped, refused, warning: self.warning })
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
    /// The sockets, which tar leaves out.
    pub(crate) skipped: Vec<String>,
    /// The entries because of which the archive would not be unpacked.
    pub(crate) refused: Vec<Refused>,
    /// A warning about an unusual mount.
    pub(crate) warning: Option<String>,
}

const CHANGES: [&str; 3] =
    [": file changed as we read it", ": File removed before we read it", ": File shrank by "];

/// The files of which tar says one of these.
fn named(exit: &Exit, words: &[&str]) -> Vec<String> {
    let named = exit.stderr.lines().filter_map(|line| {
        let line = line.strip_prefix("tar: ")?;
        words.iter().find_map(|word| line.split_once(word)).map(|(name, _)| name.to_owned())
    });
    named.collect()
}
