//! The directory /var/lib/deis/store, which every host mounts its volume on, each in a namespace of its own.
//!
//! It is made when it is missing and removed after the last host: removing it earlier would take the mount from
//! under those that still run. They are counted by locks, which the kernel gives back whatever happens.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use crate::error::{Context, Result};

const STORE: &str = "/var/lib/deis/store";
const PARENT: &str = "/var/lib/deis";
/// Not empty if the directory was made by us.
const LOCK: &str = "/run/lock/deis-store-tests.lock";

/// As long as it is held, the directory stays.
#[derive(Debug)]
pub struct Lease(File);

impl Lease {
    /// Takes one, and makes the directory if there is none.
    pub fn take() -> Result<Self> {
        let mut lock = OpenOptions::new().create(true).append(true).read(true).open(LOCK).context(LOCK)?;
        lock.lock_shared().context(LOCK)?;
        if !fs::exists(STORE).context(STORE)? {
            fs::create_dir_all(STORE).context(STORE)?;
            lock.write_all(b"made\n").context(LOCK)?;
        }
        Ok(Self(lock))
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.0.unlock().is_ok() {
            tidy(&self.0);
        }
    }
}

/// Does what the last host could not do if it was killed.
pub fn tidy_up() {
    if let Ok(lock) = OpenOptions::new().read(true).append(true).open(LOCK) {
        tidy(&lock);
    }
}

/// Removes the directory if it was made by us, nobody holds a lease, and it is empty.
fn tidy(lock: &File) {
    if lock.try_lock().is_ok() && lock.metadata().is_ok_and(|lock| lock.len() > 0) {
        let _ = fs::remove_dir(STORE).and_then(|()| fs::remove_dir(PARENT));
        let _ = lock.set_len(0);
    }
}
