//! docker on a host: with our own rights where they are enough, else with those of root.
//!
//! On `CoreOS` the user `core` may use docker; elsewhere root may be needed.

use crate::error::{Error, ErrorKind, Result};
use crate::remote::{self, Exit, Output, Remote, privileged};

/// Whether docker needs the rights of root.
#[derive(Clone, Copy, Debug)]
pub(super) enum Docker {
    Plain,
    Privileged,
}

/// The output of a short command of docker, and with which rights it was had.
pub(super) async fn ask(remote: &dyn Remote, arguments: &[&str]) -> Result<(Output, Docker)> {
    let words = [&["docker"], arguments].concat();
    let plain = remote::ask(remote, &words).await?;
    if is_denied(&plain.exit) {
        return Ok((remote::ask(remote, &privileged(remote, &words).await?).await?, Docker::Privileged));
    }
    Ok((plain, Docker::Plain))
}

/// A command of docker, with the rights that it needs.
pub(crate) async fn command(remote: &dyn Remote, arguments: &[&str]) -> Result<Vec<String>> {
    let words = [&["docker"], arguments].concat();
    let (_, docker) = ask(remote, &["version"]).await?;
    let words = match docker {
        Docker::Plain => words,
        Docker::Privileged => privileged(remote, &words).await?,
    };
    Ok(words.into_iter().map(str::to_owned).collect())
}

/// Whether docker itself answers.
pub(crate) async fn answers(remote: &dyn Remote) -> Result<()> {
    let (output, _) = ask(remote, &["version"]).await?;
    output.exit.require_success(ErrorKind::NotReady, remote.host()).map(drop)
}

/// Whether a container runs; nothing if there is none of this name.
pub(crate) async fn runs(remote: &dyn Remote, container: &str) -> Result<Option<bool>> {
    let (output, _) = ask(remote, &["inspect", "--format", "{{.State.Running}}", container]).await?;
    if is_missing(&output.exit) {
        return Ok(None);
    }
    output.exit.require_success(ErrorKind::NotReady, remote.host())?;
    // Docker, sudo and a login shell may warn before it.
    let stdout = String::from_utf8_lossy(&output.stdout);
    Ok(Some(stdout.lines().map(str::trim).rfind(|line| !line.is_empty()) == Some("true")))
}

/// Whether a container is there, running or not.
pub(crate) async fn exists(remote: &dyn Remote, container: &str) -> Result<bool> {
    let (output, _) = ask(remote, &["inspect", "--format", "{{.Name}}", container]).await?;
    if output.exit.success() {
        return Ok(true);
    }
    if is_missing(&output.exit) {
        return Ok(false);
    }
    Err(output.exit.failure(ErrorKind::NotReady, remote.host()))
}

/// Whether docker says that there is no such container. "No such file" is docker
/// itself, or its socket.
pub(super) fn is_missing(exit: &Exit) -> bool {
    const SAID: [&str; 4] = ["no such image", "no such container", "no such id", "no such object"];
    let stderr = exit.stderr.to_ascii_lowercase();
    exit.code == Some(1) && SAID.iter().any(|said| stderr.contains(said))
}

fn is_denied(exit: &Exit) -> bool {
    !exit.success()
        && ["permission denied", "Cannot connect to the Docker daemon"]
            .iter()
            .any(|text| exit.stderr.contains(text))
}

/// What a command in a container printed; if it failed, an error of this kind with its words.
pub(super) async fn output_of(remote: &dyn Remote, arguments: &[&str], kind: ErrorKind) -> Result<String> {
    let (output, _) = ask(remote, arguments).await?;
    output.exit.require_success(kind, remote.host())?;
    String::from_utf8(output.stdout)
        .map_err(|_| Error::new(ErrorKind::Protocol, "what was printed in the container is no UTF-8"))
}
