//! Ports on which no server listens.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Result};
use crate::random;

/// The first port, below the range from which the kernel gives ports to outgoing connections. So no such connection
/// takes a port between our check and the server's start.
const FIRST: u16 = 20_000;
const COUNT: u16 = 10_000;

/// A port that is free on all loopback addresses and that this process has not given out before.
pub fn free() -> Result<u16> {
    static GIVEN: Mutex<Option<HashSet<u16>>> = Mutex::new(None);
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = given.get_or_insert_default();
    for _ in 0..1000 {
        // At random, because other processes choose ports at the same time.
        let port = FIRST + u16::try_from(random::below(u64::from(COUNT))?).unwrap_or(0);
        if TcpListener::bind(("0.0.0.0", port)).is_ok() && given.insert(port) {
            return Ok(port);
        }
    }
    Err(Error::new(format!("No free port among {FIRST}..{}", FIRST + COUNT)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_port_is_given_twice() {
        let ports: std::collections::HashSet<_> = (0..100).map(|_| super::free().unwrap()).collect();
        assert_eq!(ports.len(), 100);
    }
}
