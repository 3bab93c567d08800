//! Our user on a host, and commands with the rights of root there.

use std::sync::{Arc, OnceLock};

use tokio::sync::OnceCell;

use super::{Remote, ask};
use crate::error::{Context as _, ErrorKind, Result};
use crate::http::silence::Teller;
use crate::run::Run;

/// The facts known about our user on a host, which are asked for once a connection; and who is told of waits for it.
#[derive(Debug, Default)]
pub struct Login {
    root: OnceCell<bool>,
    teller: OnceLock<Arc<Teller>>,
}

impl Login {
    /// From now on this run's monitor is told of long waits for the host, unless another one is already.
    pub(crate) fn tells(&self, run: &Run) {
        self.teller.get_or_init(|| Arc::new(Teller::new(run)));
    }

    /// The login at another host, of whose waits the same one is told.
    #[cfg(feature = "ssh")]
    pub(super) fn beyond(&self) -> Self {
        Self { root: OnceCell::new(), teller: self.teller.clone() }
    }

    /// Somebody who is told of long waits.
    pub(crate) fn teller(&self) -> Option<Arc<Teller>> {
        self.teller.get().cloned()
    }
}

/// A command with the rights of root: unchanged if our user is root, else through `sudo -n`, which never asks for a
/// password. Whether sudo works is asked once, so that what it says of another command afterwards is no refusal.
pub(crate) async fn privileged<'a>(remote: &dyn Remote, command: &[&'a str]) -> Result<Vec<&'a str>> {
    let root = remote.login().root.get_or_try_init(|| is_root(remote)).await?;
    let sudo: &[&str] = if *root { &[] } else { &["sudo", "-n"] };
    Ok([sudo, command].concat())
}

async fn is_root(remote: &dyn Remote) -> Result<bool> {
    let output = ask(remote, &["id", "-u"]).await?;
    output.exit.require_success(ErrorKind::Unsupported, remote.host())?;
    let root = output.stdout.trim_ascii() == b"0";
    if !root {
        let exit = ask(remote, &["sudo", "-n", "true"]).await?.exit;
        exit.require_success(ErrorKind::Denied, remote.host()).todo(WITHOUT_PASSWORD)?;
    }
    Ok(root)
}

/// What to do if we may not be root.
pub(super) const WITHOUT_PASSWORD: &str =
    "allow sudo without a password there, or log in as a user who may (core, root)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::double::Double;

    #[tokio::test]
    async fn only_who_is_not_root_takes_sudo_and_it_is_asked_once() {
        let root = Double::new().answer(0, "0\n", "");
        assert_eq!(privileged(&root, &["tar"]).await.unwrap(), ["tar"]);
        assert_eq!(privileged(&root, &["tar"]).await.unwrap(), ["tar"]);
        let core = Double::new().answer(0, "500\n", "").answer(0, "", "sudo: unable to resolve host x\n");
        for _ in 0..2 {
            assert_eq!(privileged(&core, &["tar", "-c"]).await.unwrap(), ["sudo", "-n", "tar", "-c"]);
        }
        assert_eq!(*core.asked.lock().unwrap(), ["id -u", "sudo -n true"]);
    }

    #[tokio::test]
    async fn sudo_that_refuses_is_told_with_its_cause() {
        let warned = "sudo: unable to resolve host x\nsudo: a password is required\n";
        let core = Double::new().answer(0, "500\n", "").answer(1, "", warned);
        let error = privileged(&core, &["tar"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.what().ends_with("1: sudo: a password is required"), "{}", error.what());
        assert!(error.advice().unwrap().contains("without a password"));
    }
}
