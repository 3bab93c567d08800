//! Remembers whether a signal asked this process to stop. Every wait of this crate looks here, so that a start of half
//! a minute can be given up and cleaned away at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::error::{Context, Error, Result};

static SIGNAL: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// From now on SIGINT, SIGTERM and SIGHUP are remembered and no longer end the process.
pub fn remember_signals() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        let number = usize::try_from(signal).context("Signal number")?;
        signal_hook::flag::register_usize(signal, Arc::clone(flag()), number).context("Handle signals")?;
    }
    Ok(())
}

/// The last signal, if there was one.
#[must_use]
pub fn received() -> Option<usize> {
    Some(flag().load(Ordering::SeqCst)).filter(|&signal| signal != 0)
}

/// Returns an error once a signal has come.
pub fn check() -> Result<()> {
    received().map_or(Ok(()), |signal| Err(Error::new(format!("Interrupted by signal {signal}"))))
}

fn flag() -> &'static Arc<AtomicUsize> {
    SIGNAL.get_or_init(Arc::default)
}
