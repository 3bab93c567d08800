//! Reads a directory of a host as a tar stream.

use super::{UNPACKING, require_volume, tar};
use crate::error::{ErrorKind, Result};
use crate::remote::{Child, Exit, Input, Process, Remote, Stdout, ask, privileged};
use crate::volume::options::Compress;

/// Begins to read a directory of a host as a tar archive, which is compressed there or not at all. Nothing is written there.
pub(crate) async fn save(
    remote: &dyn Remote,
    directory: &str,
    compress: Compress,
) -> Result<(Stdout, Ending)> {
    let warning = require_volume(remote, directory).await?;
    let ours = format!("--exclude=./{UNPACKING}");
    // A log that was cut off under its writer begins with gigabytes of nothing: GNU tar alone stores it as such. And what
    // an interrupted unpacking has left is no part of the volume.
    let is_gnu = is_gnu(remote).await?;
    let of_gnu: &[&str] = if is_gnu { &["-S", "--anchored", &ours] } else { &[] };
    let left_by_load = is_gnu && is_there(remote, &format!("{directory}/{UNPACKING}")).await?;
    // The lowest level: any other one is slower than a usual connection.
    let compressed: &[&str] =
        if compress == Compress::There { &["--use-compress-program=gzip -1"] } else { &[] };
    let arguments = [of_gnu, compressed, &["-cpf", "-", "--numeric-owner", "-C", directory, "."]].concat();
    let command = privileged(remote, &tar(&arguments)).await?;
    let Child { stdout, process, .. } =
        remote.spawn(&command, Input::Nothing).await?.idle_limited(remote.login().teller());
    Ok((stdout, Ending { process, warning, left_by_load, host: remote.host().to_owned() }))
}

async fn is_gnu(remote: &dyn Remote) -> Result<bool> {
    let version = ask(remote, &privileged(remote, &tar(&["--version"])).await?).await?;
    Ok(version.exit.success() && version.stdout.windows(7).any(|words| words == b"GNU tar"))
}

/// Whether there is something of this name.
async fn is_there(remote: &dyn Remote, path: &str) -> Result<bool> {
    let test = ask(remote, &privileged(remote, &["test", "-e", path]).await?).await?;
    Ok(test.exit.success())
}

/// The end of a tar whose archive was read.
#[derive(Debug)]
pub(crate) struct Ending {
    process: Process,
    warning: Option<String>,
    left_by_load: bool,
    host: String,
}

/// What tar has said of the files.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// The files that changed while they were read, as tar names them. Only the last 64 KiB of tar's messages are searched for
    /// them.
    pub(crate) changed: Vec<String>,
    /// The files that were removed before they could be read.
    pub(crate) vanished: Vec<String>,
    /// The sockets, which tar leaves out.
    pub(crate) skipped: Vec<String>,
    /// Whether tar has said more than is kept: further files changed or were removed, and are neither named nor counted.
    pub(crate) is_cut: bool,
    /// Whether what an interrupted unpacking has left is there, and was left out.
    pub(crate) left_by_load: bool,
    /// A warning about an unusual mount.
    pub(crate) warning: Option<String>,
}

impl Ending {
    /// What tar has said, if it has read everything. To be called when the archive was read to its end.
    pub(crate) async fn finish(self) -> Result<Told> {
        let exit = self.process.finish().await?;
        let told = Told {
            changed: named(&exit, &CHANGES),
            vanished: named(&exit, &[": File removed before we read it"]),
            skipped: named(&exit, &[": socket ignored"]),
            is_cut: exit.is_cut,
            left_by_load: self.left_by_load,
            warning: self.warning,
        };
        // GNU tar exits with 1 when files changed while it read them, which is normal for logs. Anything else is a
        // failure.
        let is_normal = exit.code == Some(1) && !(told.changed.is_empty() && told.vanished.is_empty());
        if exit.success() || is_normal {
            return Ok(told);
        }
        // Not `Disk`: that kind means the disk on this side, which concerns every part.
        Err(exit.failure(ErrorKind::NotReady, &self.host))
    }
}

const CHANGES: [&str; 2] = [": file changed as we read it", ": File shrank by "];

/// The files of which tar says one of these.
fn named(exit: &Exit, words: &[&str]) -> Vec<String> {
    let named = exit.stderr.lines().filter_map(|line| {
        // It calls itself as it was called: `tar`, or by a path.
        let (_, line) =
            line.split_once("tar: ").filter(|(path, _)| path.is_empty() || path.ends_with('/'))?;
        words.iter().find_map(|word| line.split_once(word)).map(|(name, _)| name.to_owned())
    });
    named.collect()
}
