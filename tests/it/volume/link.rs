//! A link of 20 MB/s between a host and here is kept busy, wherever the archive is compressed.

use std::fmt::Write as _;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use deis_store_tests::random::Sequence;

use crate::program::ran;
use crate::reaching::site::{STORE, Site};

const BYTES_PER_MILLISECOND: u64 = 20_000;
/// What is sent late is caught up with for so long: a scheduler's pause is no pause of the link.
const CATCHES_UP: Duration = Duration::from_millis(50);
/// So much has passed when the volume flows: what comes before is the greeting, and a probe of the link.
const FLOWS_AFTER_BYTES: u64 = 24 << 20;

/// What has come from the host.
#[derive(Clone, Copy, Debug, Default)]
struct Passed {
    bytes: u64,
    /// When the volume flowed, and how many bytes had passed then.
    flows: Option<(Instant, u64)>,
    last: Option<Instant>,
}

impl Passed {
    /// How many of a hundred bytes were used that the link could have carried while the volume flowed.
    fn busy_percent(&self) -> u128 {
        let ((since, before), last) = (self.flows.unwrap(), self.last.unwrap());
        let carried = (last - since).as_millis() * u128::from(BYTES_PER_MILLISECOND);
        u128::from(self.bytes - before) * 100 / carried
    }
}

/// Listens before a server, and gives what comes from it no faster than the link is.
fn before(server: String) -> (u16, Arc<Mutex<Passed>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let passed = Arc::new(Mutex::new(Passed::default()));
    let counts = Arc::clone(&passed);
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let (mut up, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            thread::spawn(move || {
                let _ = std::io::copy(&mut up, &mut up_to);
                let _ = up_to.shutdown(Shutdown::Write);
            });
            let counts = Arc::clone(&counts);
            thread::spawn(move || slowly(server, client, &counts));
        }
    });
    (port, passed)
}

fn slowly(mut from: TcpStream, mut to: TcpStream, passed: &Mutex<Passed>) {
    let (mut piece, mut free_at) = (vec![0; 32 << 10], Instant::now());
    let takes = |bytes: usize| Duration::from_micros(bytes as u64 * 1000 / BYTES_PER_MILLISECOND);
    while let Ok(count @ 1..) = from.read(&mut piece) {
        let now = Instant::now();
        if now > free_at + CATCHES_UP {
            free_at = now;
        }
        thread::sleep(free_at.saturating_duration_since(now));
        free_at += takes(count);
        if to.write_all(&piece[..count]).is_err() {
            break;
        }
        let (mut passed, now) = (passed.lock().unwrap(), Instant::now());
        passed.bytes += count as u64;
        if passed.bytes > FLOWS_AFTER_BYTES && passed.flows.is_none() {
            passed.flows = Some((now, passed.bytes));
        }
        passed.last = Some(now);
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Logs with an id in each line, so that gzip makes half of them. One core packs them faster than the link carries them.
fn fill(directory: &Path) {
    let mut numbers = Sequence::new(15);
    for file in 0..400 {
        let mut text = String::new();
        while text.len() < 1 << 20 {
            let (second, [id, session]) = (text.len() / 100, [(); 2].map(|()| numbers.next_number()));
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let path = numbers.choose(&["/", "/login", "/v1/apps", "/healthz"]);
            let _ = writeln!(
                text,
                "2015-09-03T{hour:02}:{minute:02}:{second:02}UTC shop[web.1]: GET {path} 200 id={id:016x} session={session:016x}"
            );
        }
        fs::write(directory.join(format!("{file}.log")), text).unwrap();
    }
}

#[test]
#[ignore = "tests/run --all runs it: tests beside it take the processors that fill the link"]
fn a_link_of_20_mb_a_second_is_kept_busy_wherever_it_is_compressed() {
    let site = Site::start(STORE);
    let directory = site.scratch.path().join("logs");
    fs::create_dir(&directory).unwrap();
    fill(&directory);
    let tunnel = site.host.tunnel();
    let port = tunnel.rsplit_once(':').unwrap().1;
    let configuration = fs::read_to_string(site.host.ssh_config()).unwrap();
    for options in [&["--compress", "here"][..], &["--compress", "there"], &[]] {
        let (proxy, passed) = before(format!("127.0.0.1:{port}"));
        // The host is known by the name that its key is kept under, whatever its port is.
        let known = format!("HostKeyAlias [127.0.0.1]:{port}\n");
        let slow = site.scratch.path().join("slow_ssh_config");
        fs::write(&slow, known + &configuration).unwrap();
        let archive = site.scratch.path().join(options.concat() + "archive");
        let mut save = site.command(&["volume", "save", archive.to_str().unwrap()]);
        save.env("DEISCTL_TUNNEL", format!("root@127.0.0.1:{proxy}")).env("DEIS_STORE_SSH_CONFIG", &slow);
        save.args(options).arg("--path").arg(&directory);
        ran(&mut save).code(0);
        let passed = *passed.lock().unwrap();
        let busy = passed.busy_percent();
        println!("{options:?}: {} MB have passed, {busy} % of the link were used", passed.bytes / 1_000_000);
        assert!(busy >= 90, "{options:?}: {busy}, {passed:?}");
    }
}
