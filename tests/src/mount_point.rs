//! The directory /var/lib/deis/store. Every host mounts its volume there, each in a namespace of its own.
//!
//! The directory is made when it is missing, and removed after the last host. Removing it earlier would take the mount
//! away from the hosts that still run. The hosts are counted by locks, which the kernel gives back in any case.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use crate::error::{Context, Result};

/// The mount point.
pub(crate) const STORE: &str = "/var/lib/deis/store";
const PARENT: &str = "/var/lib/deis";
/// The lock file. It is not empty if we made the directory.
const LOCK: &str = "/run/lock/deis-store-tests.lock";

/// As long as a lease is held, the directory stays.
#[derive(Debug)]
pub struct Lease(File);

impl Lease {
    /// Takes a lease, and makes the directory if there is none.
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

/// Removes the directory if the last host was killed and could not do it.
pub fn tidy_up() {
    if let Ok(lock) = OpenOptions::new().read(true).append(true).open(LOCK) {
        tidy(&lock);
    }
}

/// Removes the directory if we made it, nobody holds a lease, and it is empty.
fn tidy(lock: &File) {
    if lock.try_lock().is_ok() && lock.metadata().is_ok_and(|lock| lock.len() > 0) {
        let _ = fs::remove_dir(STORE).and_then(|()| fs::remove_dir(PARENT));
        let _ = lock.set_len(0);
    }
}
