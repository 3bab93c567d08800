//! Our user on a host, and commands with the rights of root there.

use tokio::sync::OnceCell;

use super::{Remote, run};
use crate::error::{ErrorKind, Result};

/// The facts known about our user on a host. They are asked for once a connection.
#[derive(Debug, Default)]
pub struct Login {
    root: OnceCell<bool>,
}

/// A command with the rights of root: unchanged if our user is root, else through `sudo -n`, which never asks for a
/// password.
pub(crate) async fn privileged<'a>(remote: &dyn Remote, command: &[&'a str]) -> Result<Vec<&'a str>> {
    let root = remote.login().root.get_or_try_init(|| is_root(remote)).await?;
    let sudo: &[&str] = if *root { &[] } else { &["sudo", "-n"] };
    Ok([sudo, command].concat())
}

async fn is_root(remote: &dyn Remote) -> Result<bool> {
    let output = run(remote, &["id", "-u"]).await?;
    output.exit.require_success(ErrorKind::Unsupported, remote.host())?;
    Ok(output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::double::Double;

    #[tokio::test]
    async fn only_who_is_not_root_takes_sudo_and_it_is_asked_once() {
        let root = Double::new().answer(0, "0\n", "");
        assert_eq!(privileged(&root, &["tar"]).await.unwrap(), ["tar"]);
        assert_eq!(privileged(&root, &["tar"]).await.unwrap(), ["tar"]);
        let core = Double::new().answer(0, "500\n", "");
        assert_eq!(privileged(&core, &["tar", "-c"]).await.unwrap(), ["sudo", "-n", "tar", "-c"]);
        assert_eq!(*core.asked.lock().unwrap(), ["id -u"]);
    }
}
