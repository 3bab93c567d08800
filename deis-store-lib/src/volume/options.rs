//! The options of the volume's three verbs.

use std::path::PathBuf;

/// Where the archive of a host's directory is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compress {
    /// On the host, by one core of it: less goes over the connection, and the archive is larger.
    There,
    /// Here, by all cores.
    Here,
}

/// How a directory is saved.
#[derive(Clone, Copy, Debug, Default)]
pub struct SaveOptions {
    /// Where the archive is compressed; by default where it takes less time, by the connection's speed and the cores. What is on
    /// this machine is compressed here.
    pub compress: Option<Compress>,
}

/// How an archive is loaded.
#[derive(Clone, Debug, Default)]
pub struct LoadOptions {
    /// Keep setuid, setgid and sticky bits of files, and setuid bits of directories: they give the rights of their owners to
    /// whoever runs them. Else they are dropped, and each such entry is named.
    pub keep_special_modes: bool,
    /// Load only these, and what is below them; all if there are none. Each is a path as the list gives it.
    pub members: Vec<String>,
    /// Load an archive however much longer it is than its compressed form. Else more than two hundred times is refused.
    pub any_ratio: bool,
    /// The index of the archive, such as a snapshot has it: with it, nothing but the members is read.
    pub index: Option<PathBuf>,
}

/// What of an archive is listed.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// List only these, and what is below them; all if there are none.
    pub members: Vec<String>,
    /// List an archive however much longer it is than its compressed form. Else more than two hundred times is refused.
    pub any_ratio: bool,
}
