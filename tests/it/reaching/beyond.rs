//! Hosts beyond the tunnel's: the database may be on one of them.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use deis_store::ErrorKind;
use deis_store::remote::{Remote, Ssh, SshOptions};
use deis_store::run::Run;

use super::site::{PLATFORM, STORE, Site, wait_until};
use crate::program::ran;

/// A site whose database is on another host, `10.0.0.3`, as etcd says.
struct Two {
    near: Site,
    far: Site,
}

impl Two {
    fn start() -> Self {
        let (near, far) = (Site::start(STORE), Site::start(PLATFORM));
        near.etcd.client().set("/deis/database/host", "10.0.0.3").unwrap();
        let port = far.host.tunnel().rsplit_once(':').unwrap().1.to_owned();
        let place = far.host.directory().display();
        let of_far = format!(
            "Host 10.0.0.3\n    HostName 127.0.0.1\n    Port {port}\n    IdentityFile {place}/login_key\n    \
             UserKnownHostsFile {place}/known_hosts\n"
        );
        let of_near = fs::read_to_string(near.host.ssh_config()).unwrap();
        fs::write(near.host.ssh_config(), of_far + &of_near).unwrap();
        Self { near, far }
    }

    fn backup(&self) -> std::process::Command {
        let repository = self.near.scratch.path().join("repository");
        self.near.command(&["backup", repository.to_str().unwrap(), "--only", "sql", "--progress", "plain"])
    }

    /// Puts another key in the place of the one by which a host is known.
    fn forge(site: &Site) {
        let known = fs::read_to_string(site.host.directory().join("known_hosts")).unwrap();
        let host = known.split_whitespace().next().unwrap().to_owned();
        let other = fs::read_to_string(site.host.directory().join("login_key.pub")).unwrap();
        fs::write(site.host.directory().join("known_hosts"), format!("{host} {other}")).unwrap();
    }
}

#[test]
fn a_database_on_another_host_is_dumped_through_the_tunnel_also_when_a_connection_breaks() {
    let mut two = Two::start();
    ran(&mut two.backup()).code(0);
    for breaks in ["the far one", "the near one"] {
        two.far.stall("dump");
        let mut backup = two.backup();
        std::thread::scope(|threads| {
            let running = threads.spawn(move || ran(&mut backup));
            wait_until("the dump has begun", || two.far.is_stalled("dump"));
            let site = if breaks == "the far one" { &mut two.far } else { &mut two.near };
            site.restart(Duration::from_millis(700));
            let told = running.join().unwrap().code(0);
            told.says(&["broke: it is made anew", "is there again after"]);
        });
        fs::remove_file(two.far.host.directory().join("stalled-dump")).unwrap();
    }
}

#[test]
fn a_program_on_a_host_of_the_cluster_reaches_the_others_as_core() {
    let far = Site::start_for_core("core ALL=(ALL) NOPASSWD: ALL\n");
    far.etcd.client().set("/deis/database/host", "10.0.0.3").unwrap();
    let port = far.host.tunnel().rsplit_once(':').unwrap().1.to_owned();
    let of_far = format!("Host 10.0.0.3\n    HostName 127.0.0.1\n    Port {port}\n");
    let shared = fs::read_to_string(far.host.ssh_config()).unwrap();
    fs::write(far.host.ssh_config(), of_far + &shared).unwrap();
    let repository = far.scratch.path().join("repository");
    let mut backup = far.command(&["backup", repository.to_str().unwrap(), "--only", "sql"]);
    ran(backup.env_remove("DEISCTL_TUNNEL")).code(0);
    // A host that is down is named, and why it was tried.
    let command = |site: &Site| {
        let mut backup = site.command(&["backup", repository.to_str().unwrap(), "--only", "sql"]);
        ran(backup.env_remove("DEISCTL_TUNNEL"))
    };
    far.etcd.client().set("/deis/database/host", "127.0.0.9").unwrap();
    command(&far).code(6).says(&["no ssh server answers there", "host core@127.0.0.9", "docker"]);
}

#[test]
fn a_host_whose_key_is_another_one_or_unknown_is_refused_by_name_near_and_far() {
    let two = Two::start();
    let near = two.near.host.tunnel();
    fs::write(two.far.host.directory().join("known_hosts"), "").unwrap();
    let by_hand = format!("ssh -J {near} root@10.0.0.3");
    ran(&mut two.backup()).code(1).says(&["key is not known", "host root@10.0.0.3", &near, &by_hand]);
    let two = Two::start();
    Two::forge(&two.far);
    ran(&mut two.backup()).code(1).says(&[
        "differs from the known one",
        "host root@10.0.0.3",
        "ssh-keygen -R",
    ]);
    Two::forge(&two.near);
    ran(&mut two.backup()).code(1).says(&[
        "differs from the known one",
        &two.near.host.tunnel(),
        "ssh-keygen -R",
    ]);
}

#[test]
fn a_far_host_that_is_down_or_takes_no_key_is_named() {
    let two = Two::start();
    let [login, other] = ["login_key.pub", "host_key.pub"].map(|name| two.far.host.directory().join(name));
    fs::copy(other, login).unwrap();
    let told = ran(&mut two.backup());
    told.says(&["does not accept our key", "host root@10.0.0.3", "ssh-add -l"]);
    let Two { near, far } = two;
    drop(far);
    let repository = near.scratch.path().join("repository");
    near.on(&["backup", repository.to_str().unwrap(), "--only", "sql"])
        .code(6)
        .says(&["no ssh server answers there", "host root@10.0.0.3"]);
}

#[test]
fn a_host_that_stays_away_is_given_up_after_its_limit_and_then_at_once() {
    let Site { host, scratch, .. } = Site::start(STORE);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut options = SshOptions::default();
        options.config_file = Some(host.ssh_config());
        options.reconnect_limit = Duration::from_secs(3);
        let tunnel = host.tunnel();
        let ssh = Ssh::connect(&tunnel.parse().unwrap(), &options, &Run::silent()).await.unwrap();
        let near: Arc<dyn Remote> = Arc::new(ssh);
        drop(host);
        let start = Instant::now();
        let waits = (0..3).map(|_| near.beyond("10.0.0.3"));
        for ended in futures_util::future::join_all(waits).await {
            let error = ended.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unreachable);
            assert!(error.to_string().contains("there was no other within"), "{error}");
            assert_eq!(error.place().host(), Some(&tunnel[..]));
        }
        let waited = start.elapsed();
        // It does not begin an attempt that would end after the limit.
        assert!((1..6).contains(&waited.as_secs()), "{waited:?}");
        let start = Instant::now();
        near.beyond("10.0.0.3").await.unwrap_err();
        assert!(start.elapsed() < Duration::from_secs(1));
    });
    drop(scratch);
}
