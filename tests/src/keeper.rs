//! The activity in a cluster while tests use it: components publish their addresses, and a log grows.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::error::Result;
use crate::etcd::Client;
use crate::keys::{Key, TTL_SECONDS};

/// The time between two lines: shorter than a reading of the log, so that every reader sees the log change.
const LINE_EVERY: Duration = Duration::from_millis(20);
/// The time between two refreshes: half of the keys' time to live, as in Deis.
const REFRESH_EVERY: Duration = Duration::from_secs(TTL_SECONDS / 2);

/// A thread, which ends when this value is dropped.
#[derive(Debug)]
pub struct Keeper {
    // Dropping the sender tells the thread to stop.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    /// Publishes the keys at once, and from then on again and again.
    pub fn start(etcd: Client, presence: Vec<Key>, growing_log: Option<PathBuf>) -> Result<Self> {
        publish(&etcd, &presence)?;
        let (stop, stopped) = channel();
        let thread = std::thread::spawn(move || {
            let (mut published, mut line) = (Instant::now(), 0_u64);
            while stopped.recv_timeout(LINE_EVERY) == Err(RecvTimeoutError::Timeout) {
                if let Some(log) = &growing_log {
                    line += 1;
                    // A test may replace or remove the file. Then no line is written.
                    if let Ok(mut file) = OpenOptions::new().append(true).open(log) {
                        let _ = writeln!(
                            file,
                            "2015-09-04T00:00:00UTC deis-router[web.1]: GET / 200 line {line}"
                        );
                    }
                }
                if published.elapsed() >= REFRESH_EVERY {
                    published = Instant::now();
                    if let Err(error) = publish(&etcd, &presence) {
                        eprintln!("Keeper: {error}");
                    }
                }
            }
        });
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn publish(etcd: &Client, presence: &[Key]) -> Result<()> {
    for key in presence {
        etcd.set_for(&key.name, key.value.as_deref().unwrap_or_default(), TTL_SECONDS)?;
    }
    Ok(())
}
