//! The host on which commands run: whether it answers, and what our user may do there.

use std::sync::Arc;

use super::check::{Check, bad, failed, good, told, unknown};
use crate::cluster::{ClusterOptions, docker, mounting_beyond};
use crate::error::Error;
use crate::etcd::Etcd;
use crate::remote::{Remote, ask, privileged};
use crate::volume;

/// The host, as far as it answers.
pub(super) enum Site {
    Answers(Arc<dyn Remote>),
    /// Why nothing can be asked there.
    Silent(&'static str),
}

const NO_HOST: &str = "no host of the cluster is known";
const NO_ANSWER: &str = "the host does not answer";
const NAME_A_HOST: &str = "go through a host of the cluster";
const MOUNT_IT: &str =
    "start it: deisctl start store-volume; it mounts once monitors, daemons and metadata are up";
const MEND_THE_HOST: &str = "mend what is said of the host, then run this again";

impl Site {
    /// Looks at the host, and at what our user may do there.
    pub(super) async fn look(cluster: Result<&ClusterOptions, &Error>, checks: &mut Vec<Check>) -> Self {
        let (site, check) = Self::of(cluster).await;
        checks.push(check);
        checks.push(site.sudo().await);
        checks.push(site.docker().await);
        site
    }

    async fn of(cluster: Result<&ClusterOptions, &Error>) -> (Self, Check) {
        const NAME: &str = "host";
        let cluster = match cluster {
            Ok(cluster) => cluster,
            Err(error) => {
                let todo = "check the host's name, the key and known_hosts by hand, with ssh";
                return (Self::Silent(NO_ANSWER), failed(NAME, error, todo));
            }
        };
        // With gateways and keys given, nothing says that this machine is one of the cluster.
        if !cluster.tunnelled && !cluster.asks_etcd() {
            return (Self::Silent(NO_HOST), unknown(NAME, NO_HOST, NAME_A_HOST));
        }
        let host = cluster.host.clone();
        let how = if cluster.tunnelled { "by ssh" } else { "this machine" };
        let answered = match ask(&*host, &["true"]).await {
            Ok(output) => output.exit.require_success(crate::ErrorKind::NotReady, host.host()).map(drop),
            Err(error) => Err(error),
        };
        match answered {
            Ok(()) => {
                let what = format!("{} answers commands ({how})", host.host());
                (Self::Answers(host), good(NAME, what))
            }
            Err(error) => {
                (Self::Silent(NO_ANSWER), failed(NAME, &error, "check by hand that ssh runs a command there"))
            }
        }
    }

    /// A check that needs the host and cannot be made.
    pub(super) fn silent(&self, name: &str) -> Result<&Arc<dyn Remote>, Check> {
        match self {
            Self::Answers(host) => Ok(host),
            Self::Silent(why) if *why == NO_HOST => Err(unknown(name, *why, NAME_A_HOST)),
            Self::Silent(_) => Err(without(name)),
        }
    }

    async fn sudo(&self) -> Check {
        const NAME: &str = "sudo";
        let host = match self.silent(NAME) {
            Ok(host) => host,
            Err(check) => return check,
        };
        match privileged(&**host, &["true"]).await {
            Ok(words) if words.len() == 1 => good(NAME, "our user is root"),
            Ok(_) => good(NAME, "sudo works without a password"),
            Err(error) => failed(NAME, &error, "allow sudo without a password there"),
        }
    }

    async fn docker(&self) -> Check {
        const NAME: &str = "docker";
        let host = match self.silent(NAME) {
            Ok(host) => host,
            Err(check) => return check,
        };
        match docker::answers(&**host).await {
            Ok(()) => good(NAME, format!("docker answers on {}", host.host())),
            Err(error) => failed(
                NAME,
                &error,
                "go through a host of the cluster on which docker runs; systemctl status docker",
            ),
        }
    }

    /// Whether the store volume is there, or on a host beyond: there it is read and written then.
    pub(super) async fn volume(&self, etcd: Option<&Etcd>) -> Check {
        const NAME: &str = "volume";
        let host = match self.silent(NAME) {
            Ok(host) => host,
            Err(check) => return check,
        };
        match volume::not_ceph(&**host).await {
            Ok(None) => good(NAME, format!("{} is a mount of ceph on {}", volume::STORE, host.host())),
            Ok(Some(why)) => {
                let why = format!("{} on {}", why.trim_end_matches(','), host.host());
                let beyond = match etcd {
                    Some(etcd) => mounting_beyond(&**host, etcd).await.ok().flatten(),
                    None => None,
                };
                match beyond {
                    Some(other) => {
                        good(NAME, format!("it is mounted on {}, and taken there; {why}", other.host()))
                    }
                    None => bad(NAME, why, MOUNT_IT),
                }
            }
            Err(error) => unknown(NAME, told(&error), "look at it by hand: grep ceph /proc/mounts"),
        }
    }
}

/// A check that cannot be made since the host does not answer.
pub(super) fn without(name: impl Into<String>) -> Check {
    unknown(name, NO_ANSWER, MEND_THE_HOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::remote::double::Double;

    async fn looked(host: Double) -> Vec<Check> {
        let cluster = ClusterOptions::new(Arc::new(host), true);
        let mut checks = Vec::new();
        let site = Site::look(Ok(&cluster), &mut checks).await;
        checks.push(site.volume(None).await);
        checks
    }

    fn states(checks: &[Check]) -> Vec<(&str, State)> {
        checks.iter().map(|check| (check.name.as_str(), check.state)).collect()
    }

    #[tokio::test]
    async fn each_thing_of_a_host_is_looked_at_whatever_the_others_are() {
        let core = Double::new()
            .answer(0, "", "")
            .answer(0, "500\n", "")
            .answer(1, "", "sudo: a password is required\n")
            .answer(0, "Docker version 1.6.2\n", "")
            .answer(0, "/dev/sda9 / ext4 rw 0 0\n", "");
        let checks = looked(core).await;
        let expected =
            [("host", State::Good), ("sudo", State::Bad), ("docker", State::Good), ("volume", State::Bad)];
        assert_eq!(states(&checks), expected, "{checks:#?}");
        assert!(checks[1].what.contains("a password is required"), "{checks:#?}");
        assert!(checks[3].what.contains("is not mounted on double"), "{checks:#?}");
        assert!(checks.iter().all(|check| (check.state == State::Good) == check.todo.is_none()));
    }

    #[tokio::test]
    async fn of_a_host_that_does_not_answer_nothing_is_said_but_that() {
        for checks in [looked(Double::new().answer(255, "", "ssh: x\n")).await, {
            let error = Error::new(crate::ErrorKind::Denied, "the login is refused");
            let mut checks = Vec::new();
            let site = Site::look(Err(&error), &mut checks).await;
            checks.push(site.volume(None).await);
            checks
        }] {
            let expected = [
                ("host", State::Bad),
                ("sudo", State::Unknown),
                ("docker", State::Unknown),
                ("volume", State::Unknown),
            ];
            assert_eq!(states(&checks), expected, "{checks:#?}");
        }
    }

    #[tokio::test]
    async fn with_gateways_and_keys_given_this_machine_is_not_taken_for_one_of_the_cluster() {
        let mut cluster = ClusterOptions::new(Arc::new(Double::new()), false);
        cluster.gateways = vec!["http://10.0.0.1:8888".to_owned()];
        cluster.credentials = Some(crate::secret::Credentials::new("AK", "SK"));
        let mut checks = Vec::new();
        Site::look(Ok(&cluster), &mut checks).await;
        assert!(checks.iter().all(|check| check.state == State::Unknown), "{checks:#?}");
    }
}
