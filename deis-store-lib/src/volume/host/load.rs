//! Unpacks a tar stream into a directory of a host.
//!
//! It is unpacked into a fresh directory below the one that is meant, and what came of it is moved up when all of it is
//! there. So that an unpacking was interrupted is seen by what no archive can bring, and the next one begins afresh.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use super::{require_volume, tar};
use crate::archive::tar::{Entry, Policy, Rewritten, Scanned, read_error};
use crate::error::{At, Error, ErrorKind, Result};
use crate::remote::{Child, Input, Output, Remote, ask, ask_long, privileged, run_long};
use crate::volume::members::Members;

/// The directory in which an archive is unpacked, below the one that is meant. [`crate::archive::tar`] lets no archive have
/// its name.
pub(crate) const UNPACKING: &str = ".deis-store-unpacking";

/// The number of bytes copied at a time.
const PIECE_BYTES: usize = 128 << 10;

/// Unpacks an uncompressed tar archive into a directory of a host, with owners and modes. The directory must hold nothing,
/// as [`is_empty`] says.
///
/// No byte of an entry reaches the host before the entry was checked: that it stays within the directory, goes through no
/// link, is no device, and gives nobody the rights of another user. If that or the reader fails, the directory stays empty
/// but for what is unpacked in a directory of ours below it, which the next call removes. Another entry's bytes may have
/// been unpacked there by then: a caller who wants none should have read the archive to its end before.
/// What is in the way of what was unpacked is found before anything is moved; only a run that is ended as things are moved leaves
/// some of them.
///
/// If the connection breaks before all is there, the directory is empty in the same way, and the caller may begin again.
pub(crate) async fn load(
    remote: &dyn Remote,
    directory: &str,
    reader: impl AsyncRead + Unpin,
    (policy, members): (Policy, Option<Members>),
) -> Result<Loaded> {
    let warning = require_volume(remote, directory).await?;
    require_empty(remote, directory).await?;
    let fresh = format!("{directory}/{UNPACKING}");
    done(remote, &["rm", "-rf", "--", &fresh]).await?;
    // It fails if something stands there, be it a link; so it cannot be done twice.
    let make = privileged(remote, &["mkdir", "-m", "700", "--", &fresh]).await?;
    successful(run_long(remote, &make).await?, remote)?;
    let is_whole = members.is_none();
    let unpacked = unpack(remote, &fresh, reader, (policy, members)).await?;
    if let Err(error) = require_places(remote, directory, &fresh).await {
        let _ = done(remote, &["rm", "-rf", "--", &fresh]).await;
        return Err(error);
    }
    // Over an empty directory alone does `mv` move another one.
    let to = format!("--target-directory={directory}");
    let each = ["-mindepth", "1", "-maxdepth", "1", "-exec", "mv", "--force", &to, "--", "{}", "+"];
    done(remote, &[&["find", &fresh], &each[..]].concat()).await?;
    remove(remote, &fresh).await?;
    // What only some members were loaded into is what it was before.
    if let Some(root) = unpacked.scanned.root.as_ref().filter(|_| is_whole) {
        dress(remote, directory, root).await?;
    }
    Ok(Loaded { warning, ..unpacked })
}

/// A volume that was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// What was seen of the whole archive.
    pub(crate) scanned: Scanned,
    /// The number of files, directories and links that were unpacked.
    pub(crate) entries: u64,
    /// The size of the files among them, with their holes.
    pub(crate) file_bytes: u64,
    /// The wanted members that the archive does not have, for people.
    pub(crate) missing: Vec<String>,
    /// A warning about an unusual mount.
    pub(crate) warning: Option<String>,
}

/// Whether a restore may write into a directory, since it holds no data. `lost+found` and an empty `logs` do not count:
/// each start of `store-volume` makes them. What an interrupted unpacking has left does not count either.
pub(crate) async fn is_empty(remote: &dyn Remote, directory: &str) -> Result<bool> {
    let left_out = ["-type", "d", "(", "-name", "lost+found", "-o", "-name", UNPACKING, ")", "-prune"];
    // `-H`: the directory itself may be given by way of a link, and no other is followed.
    let find = [
        &["find", "-H", directory, "-mindepth", "1"],
        &left_out[..],
        &["-o", "-type", "d", "-name", "logs", "-o", "-print", "-quit"],
    ]
    .concat();
    Ok(done(remote, &find).await?.is_empty())
}

/// Removes what is in the directory, but for what each start of `store-volume` makes. Only for what we have unpacked ourselves.
pub(crate) async fn empty(remote: &dyn Remote, directory: &str) -> Result<()> {
    require_volume(remote, directory).await?;
    let each = [
        "-mindepth",
        "1",
        "-maxdepth",
        "1",
        "!",
        "-name",
        "lost+found",
        "-exec",
        "rm",
        "-rf",
        "--",
        "{}",
        "+",
    ];
    done(remote, &[&["find", "-H", directory], &each[..]].concat()).await.map(drop)
}

async fn require_empty(remote: &dyn Remote, directory: &str) -> Result<()> {
    if is_empty(remote, directory).await? {
        return Ok(());
    }
    Err(occupied(remote, directory, "the volume is not empty"))
}

/// Requires that what an empty volume has of itself gives way to what was unpacked: `mv` puts a directory over an empty one
/// alone, and would stop half-way.
async fn require_places(remote: &dyn Remote, directory: &str, fresh: &str) -> Result<()> {
    require_empty(remote, directory).await?;
    let named = ["-mindepth", "1", "-maxdepth", "1", "(", "-name", "lost+found", "-o", "-name", "logs", ")"];
    let ours = [&["find", fresh], &named[..], &["-printf", "%y %f\\n"]].concat();
    let ours = done(remote, &ours).await?;
    for line in String::from_utf8_lossy(&ours).lines() {
        let Some((kind, name)) = line.split_once(' ') else { continue };
        let of_name = ["find", "-H", directory, "-mindepth", "1", "-maxdepth", "1", "-name", name];
        let unless_it_gives_way: &[&str] =
            if kind == "d" { &["!", "(", "-type", "d", "-empty", ")"] } else { &[] };
        let theirs = [&of_name[..], unless_it_gives_way, &["-print"]].concat();
        if !done(remote, &theirs).await?.is_empty() {
            return Err(occupied(remote, directory, &format!("there is something in the place of '{name}'")));
        }
    }
    Ok(())
}

fn occupied(remote: &dyn Remote, directory: &str, what: &str) -> Error {
    Error::new(ErrorKind::Occupied, what)
        .at(At::Path, directory)
        .at(At::Host, remote.host())
        .todo("unpack into an empty volume, while nothing writes to it")
}

/// Has the host's tar unpack a fresh archive with the same entries.
async fn unpack(
    remote: &dyn Remote,
    directory: &str,
    reader: impl AsyncRead + Unpin,
    (policy, members): (Policy, Option<Members>),
) -> Result<Loaded> {
    let tar = tar(&["-xpf", "-", "--same-owner", "--numeric-owner", "-C", directory]);
    let command = privileged(remote, &tar).await?;
    let Child { mut stdout, stdin, process } =
        remote.spawn(&command, Input::Pipe).await?.idle_limited(remote.login().teller());
    let mut stdin = stdin.ok_or_else(|| Error::new(ErrorKind::Internal, "a command without input"))?;
    let members = Arc::new(Mutex::new(members));
    let wanted = Arc::clone(&members);
    let wants = move |path: &[u8]| {
        let mut members = wanted.lock().unwrap_or_else(PoisonError::into_inner);
        members.as_mut().is_none_or(|members| members.wants(path))
    };
    let mut reader = Rewritten::new(reader, policy, wants);
    let fed = async {
        let fed = feed(&mut reader, &mut stdin).await;
        drop(stdin);
        fed
    };
    // A login shell may greet: if nobody read that, the greeting would end the command. tar itself prints nothing, so that
    // a long silence is no error.
    let mut nowhere = tokio::io::sink();
    let (fed, _) = tokio::join!(fed, tokio::io::copy(&mut stdout, &mut nowhere));
    if let Err(Feed::Reader(error)) = fed {
        // tar ends too, since its input does. What it has unpacked is of no use.
        let _ = process.finish().await;
        let _ = done(remote, &["rm", "-rf", "--", directory]).await;
        return Err(read_error(error).at(At::Host, remote.host()));
    }
    // If tar gives up, writing to it fails, and tar's own message tells why.
    let exit = process.finish().await?;
    match fed {
        Err(Feed::Command(error)) if exit.success() => {
            return Err(Error::new(ErrorKind::Damaged, "tar stopped reading")
                .because(error)
                .at(At::Host, remote.host()));
        }
        // tar that takes nothing more does not end by itself either, and says nothing.
        Err(Feed::Command(error)) if error.kind() == io::ErrorKind::TimedOut => {
            return Err(Error::new(ErrorKind::Timeout, "tar stands still")
                .because(error)
                .at(At::Host, remote.host()));
        }
        _ => {}
    }
    if !exit.success() {
        // Nothing of it is of use; what tar says tells why, such as a file that is twice in the archive.
        let error = exit
            .failure(ErrorKind::Disk, remote.host())
            .todo("mend on the host what its tar complains of, then run it again");
        let _ = done(remote, &["rm", "-rf", "--", directory]).await;
        return Err(error);
    }
    let scanned = reader.scanned().cloned();
    let scanned = scanned.ok_or_else(|| Error::new(ErrorKind::Internal, "an archive without an end"))?;
    let members = members.lock().unwrap_or_else(PoisonError::into_inner);
    let missing = members.as_ref().map(Members::missing).unwrap_or_default();
    let (entries, file_bytes) = (reader.entries(), reader.file_bytes());
    Ok(Loaded { entries, file_bytes, scanned, missing, warning: None })
}

/// Gives the directory itself the owner, mode and time of the archive's own.
async fn dress(remote: &dyn Remote, directory: &str, root: &Entry) -> Result<()> {
    let owner = format!("{}:{}", root.owner.0, root.owner.1);
    let (mode, time) = (format!("{:o}", root.mode), format!("--date=@{}", root.modified));
    for command in [["chown", &owner], ["chmod", &mode], ["touch", &time]] {
        done(remote, &[&command[..], &["--", directory]].concat()).await?;
    }
    Ok(())
}

/// Removes the directory of which all was moved. It fails if something was not.
async fn remove(remote: &dyn Remote, fresh: &str) -> Result<()> {
    let command = privileged(remote, &["rmdir", "--", fresh]).await?;
    let removed = ask_long(remote, &command).await?;
    if !removed.exit.success() {
        // It is gone if the connection broke as it had just been removed.
        let test = ask(remote, &privileged(remote, &["test", "-e", fresh]).await?).await?;
        if test.exit.code == Some(1) && test.exit.stderr.is_empty() {
            return Ok(());
        }
    }
    successful(removed, remote).map(drop)
}

/// The output of a command that runs as root, may take long, may be run twice, and must succeed.
async fn done(remote: &dyn Remote, command: &[&str]) -> Result<Vec<u8>> {
    successful(ask_long(remote, &privileged(remote, command).await?).await?, remote)
}

fn successful(output: Output, remote: &dyn Remote) -> Result<Vec<u8>> {
    output.exit.require_success(ErrorKind::Disk, remote.host())?;
    Ok(output.stdout)
}

#[derive(Debug)]
enum Feed {
    Reader(io::Error),
    Command(io::Error),
}

async fn feed(
    reader: &mut (impl AsyncRead + Unpin),
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
