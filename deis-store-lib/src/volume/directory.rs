//! A directory that is saved or loaded.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::remote::Remote;

/// A directory, such as the store volume of a platform: on this machine, or on a host.
#[derive(Clone, Debug)]
pub enum Directory {
    /// On this machine.
    Here(PathBuf),
    /// On a host, which has GNU tar.
    On {
        /// The host.
        host: Arc<dyn Remote>,
        /// The directory, with its whole path.
        path: String,
    },
}

impl Directory {
    /// A directory of this machine.
    pub fn here(path: impl AsRef<Path>) -> Self {
        Self::Here(path.as_ref().to_owned())
    }

    /// A directory of a host.
    pub fn on(host: Arc<dyn Remote>, path: impl Into<String>) -> Self {
        Self::On { host, path: path.into() }
    }
}
