//! What a careless operator meets: variables that are empty, outputs that nobody reads, a terminal that goes away.

use std::fs::{File, OpenOptions};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deis_store_tests::echo::{Echo, EchoServer};
use deis_store_tests::process::signal;

use crate::clusters::a;
use crate::program::{alone, command, path, ran};

#[test]
fn an_empty_variable_is_as_if_it_were_not_set() {
    let a = a();
    for empty in ["", " "] {
        let mut list = command();
        list.env("DEISCTL_TUNNEL", empty).env("DEIS_STORE_SSH_CONFIG", empty).env("DEIS_STORE_ETCD", &a.etcd);
        ran(list.args(["config", "router", "get", "bodySize"])).code(0);
        let mut list = command();
        list.env("DEIS_STORE_ETCD", empty).env("AWS_ACCESS_KEY_ID", &a.access_key);
        list.env("AWS_SECRET_ACCESS_KEY", &a.secret_key);
        ran(list.args(["--gateway", &a.gateways[0], "s3", "ls"])).code(0);
    }
    // Typed, it is a mistake.
    alone(&["--tunnel", "", "s3", "ls"]).code(2).says(&["not a tunnel"]);
}

#[test]
fn what_is_no_port_is_refused_by_name_wherever_it_is_given() {
    for option in ["--gateway", "--etcd"] {
        for port in ["99999", "0", "65536", "x", ""] {
            let url = format!("http://127.0.0.1:{port}");
            alone(&[option, &url, "s3", "ls"]).code(2).says(&[&url, "to do:"]);
        }
    }
    alone(&["--tunnel", "core@127.0.0.1:99999", "s3", "ls"]).code(2).says(&["not a tunnel", "99999"]);
}

#[test]
fn outputs_that_are_closed_or_full_end_nothing_badly_and_are_told_once() {
    let a = a();
    let words: [&[&str]; 5] = [
        &["restore", "/nonexistent", "--yes"],
        &["-v", "--progress", "plain", "s3", "ls", "s3://registry"],
        &["s3", "get", "s3://registry/none", "-"],
        &["nonsense"],
        &["--help"],
    ];
    for words in words {
        let mut closed = Command::new("sh");
        closed.args(["-c", r#"exec "$@" >&- 2>&-"#, "sh"]).arg(path()).args(words);
        let status = closed.env_clear().env("DEIS_STORE_ETCD", &a.etcd).status().unwrap();
        assert_ne!(status.code(), Some(101), "{words:?}");
        let (read, write) = std::io::pipe().unwrap();
        drop(read);
        let mut broken = command();
        broken.env("DEIS_STORE_ETCD", &a.etcd).args(words);
        let status = broken.stdout(write.try_clone().unwrap()).stderr(write).status().unwrap();
        assert!(status.code().is_some_and(|code| code != 101), "{words:?}: {status:?}");
    }
    let full = || OpenOptions::new().write(true).open("/dev/full").unwrap();
    for json in [&[][..], &["--json"]] {
        let mut list = command();
        list.env("DEIS_STORE_ETCD", &a.etcd).args(["s3", "la", "-r"]).args(json).stdout(full());
        let output = list.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), said.matches("standard output").count()), (Some(1), 1), "{said}");
    }
}

/// A run that waits for a gateway that does not answer, and what ends it.
fn ended_by(name: &str, words: &[&str], started_by: &[&str]) -> (Option<i32>, String) {
    let scratch = tempfile::tempdir().unwrap();
    let said = scratch.path().join("said");
    // A listener that never accepts.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let gateway = format!("http://{}", silent.local_addr().unwrap());
    let program = path();
    let mut waiting = Command::new(started_by.first().map_or(program.as_os_str(), |first| first.as_ref()));
    waiting
        .args(started_by.first().map(|_| &program))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_ACCESS_KEY_ID", "x");
    waiting.env("AWS_SECRET_ACCESS_KEY", "y").args(["--gateway", &gateway]).args(words);
    let mut child = waiting.stdout(Stdio::null()).stderr(File::create(&said).unwrap()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(500));
    signal(name, &child.id().to_string());
    let asked = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code();
        }
        if asked.elapsed() > Duration::from_secs(5) {
            child.kill().unwrap();
            break child.wait().unwrap().code();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (code, std::fs::read_to_string(said).unwrap())
}

#[test]
fn a_terminal_that_goes_away_stops_a_run_as_ctrl_c_does_and_it_says_how_to_go_on() {
    let scratch = tempfile::tempdir().unwrap();
    let repository = scratch.path().join("repository");
    let repository = repository.to_str().unwrap();
    for (words, says) in [
        (&["backup", repository][..], "earlier snapshots are as they were"),
        (&["s3", "sync", "s3://bucket", repository], "goes on where it stopped"),
        (&["s3", "put", "/etc/hostname", "s3://bucket/x"], "abortmp"),
        (&["s3", "get", "s3://bucket/x", repository], "--skip-existing"),
    ] {
        for name in ["HUP", "INT", "TERM"] {
            let (code, said) = ended_by(name, words, &[]);
            assert_eq!(code, Some(130), "{name} {words:?}: {said}");
            assert!(said.contains("interrupted") && said.contains(says), "{name} {words:?}: {said}");
        }
    }
    let (code, said) = ended_by("HUP", &["backup", repository], &["nohup"]);
    assert_eq!(code, None, "below nohup it goes on until it is killed: {said}");
}

#[test]
fn what_a_gateway_says_does_not_paint_the_terminal() {
    // Times and names with escapes come from a listing that is no real gateway's.
    let server = EchoServer::start(Echo::Listing).unwrap();
    let keys = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y")];
    for words in [&["s3", "ls"][..], &["s3", "ls", "s3://bucket"], &["s3", "listmp", "s3://bucket"]] {
        for json in [&[][..], &["--json"]] {
            let mut list = command();
            let ran = ran(list.envs(keys).args(["--gateway", server.url()]).args(words).args(json));
            let text = ran.stdout.clone() + &ran.stderr;
            assert!(text.contains("31m"), "{words:?}: {ran:?}");
            let paints = |char: char| char.is_control() && char != '\n' && char != '\t';
            assert!(!text.contains(paints) && !text.contains('\u{202e}'), "{words:?}: {ran:?}");
        }
    }
}
