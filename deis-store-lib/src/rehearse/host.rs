//! A made host: it answers the commands that the verbs run on a host of a cluster, from the made cluster's data.

use std::io::{self, Cursor, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::DuplexStream;
use tokio_util::io::SyncIoBridge;

use super::entries::{Digest, EntriesDigest};
use super::internal::internal;
use super::made::Sample;
use super::pieces::each_piece;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{BoxFuture, Dial};
use crate::remote::{Child, Host, Input, Login, Process, Remote, Stdin, Stdout};

/// How much of a stream is between its two ends.
const PIPE_BYTES: usize = 64 << 10;

/// A host of the old cluster, which has a volume and a database, or of the new one, which has neither yet.
#[derive(Clone, Debug)]
pub(super) struct MadeHost {
    sample: Option<Sample>,
    login: Arc<Login>,
    received: Arc<Mutex<Option<Digest>>>,
}

impl MadeHost {
    pub(super) fn old(sample: Sample) -> Self {
        Self { sample: Some(sample), login: Arc::default(), received: Arc::default() }
    }

    pub(super) fn new() -> Self {
        Self { sample: None, login: Arc::default(), received: Arc::default() }
    }

    /// The digest of what is in the volume of a made cluster.
    pub(super) fn sent(sample: Sample) -> Result<Digest> {
        let failed = |error: io::Error| internal("the volume cannot be made").because(error);
        let mut entries = EntriesDigest::new();
        sample.volume(&mut entries).map_err(failed)?;
        entries.finish().map_err(failed)
    }

    /// The digest of what was unpacked here.
    pub(super) fn received(&self) -> Option<Digest> {
        *self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, command: &[&str], input: Input) -> Result<Child> {
        let text = |code, stdout: &str, stderr: &str| Ok(answer(command, code, stdout, stderr));
        let words = command.strip_prefix(&["env", "LC_ALL=C"]).unwrap_or(command);
        match (words, self.sample) {
            (["id", "-u"], _) => text(0, "0\n", ""),
            (["cat", "/proc/mounts"], _) => text(0, "10.0.0.1:/ /var/lib/deis/store ceph rw 0 0\n", ""),
            (["test", "-d", _], _)
            | (["find" | "mkdir" | "rm" | "rmdir" | "chown" | "chmod" | "touch", ..], None) => {
                text(0, "", "")
            }
            (["nproc"], Some(_)) => text(0, "1\n", ""),
            (["tar", "--version"], Some(_)) => text(0, "tar (GNU tar) 1.27\n", ""),
            (["docker", "inspect", ..], Some(_)) => text(0, "true\n", ""),
            (["docker", "exec", .., "pg_dumpall"], Some(sample)) => text(0, &sample.dump(), ""),
            (["tar", "-S", "--anchored", _, "-cpf", "-", ..], Some(sample)) => Ok(pack(command, sample)),
            (["tar", "-xpf", "-", ..], None) if input == Input::Pipe => Ok(self.unpack(command)),
            _ => text(127, "", "the made host does not know this command\n"),
        }
    }

    fn unpack(&self, command: &[&str]) -> Child {
        let (near, mut far) = tokio::io::duplex(PIPE_BYTES);
        let received = self.received.clone();
        let reading = tokio::spawn(async move {
            let mut entries = EntriesDigest::new();
            each_piece(&mut far, |piece| entries.write_all(piece)).await?;
            *received.lock().unwrap_or_else(PoisonError::into_inner) = Some(entries.finish()?);
            Ok::<(), io::Error>(())
        });
        let code = async move { Ok(Some(i32::from(!matches!(reading.await, Ok(Ok(())))))) };
        child(command, Box::pin(Cursor::new(Vec::new())), Some(Box::pin(near)), "", Box::pin(code))
    }
}

fn pack(command: &[&str], sample: Sample) -> Child {
    let (near, far): (DuplexStream, DuplexStream) = tokio::io::duplex(PIPE_BYTES);
    let packing = tokio::task::spawn_blocking(move || sample.volume(&mut SyncIoBridge::new(far)));
    let code = async move { Ok(Some(i32::from(!matches!(packing.await, Ok(Ok(())))))) };
    child(command, Box::pin(near), None, "", Box::pin(code))
}

fn answer(command: &[&str], code: i32, stdout: &str, stderr: &str) -> Child {
    let stdout = Box::pin(Cursor::new(stdout.as_bytes().to_vec()));
    child(command, stdout, None, stderr, Box::pin(async move { Ok(Some(code)) }))
}

fn child(
    command: &[&str],
    stdout: Stdout,
    stdin: Option<Stdin>,
    stderr: &str,
    code: BoxFuture<'static, Result<Option<i32>>>,
) -> Child {
    let stderr = Cursor::new(stderr.as_bytes().to_vec());
    Child { stdout, stdin, process: Process::new(command, stderr, code) }
}

impl Host for MadeHost {
    fn host(&self) -> &str {
        if self.sample.is_some() { "the old host" } else { "the new host" }
    }

    fn spawn<'a>(&'a self, command: &'a [&'a str], input: Input) -> BoxFuture<'a, Result<Child>> {
        Box::pin(async move { self.start(command, input) })
    }

    fn forward<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, Result<Dial>> {
        Box::pin(async { Err(Error::new(ErrorKind::Unsupported, "a made host forwards nothing")) })
    }

    fn beyond<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Arc<dyn Remote>>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Remote>) })
    }

    fn login(&self) -> &Login {
        &self.login
    }
}
