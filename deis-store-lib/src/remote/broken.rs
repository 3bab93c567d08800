//! A connection to a host that broke while something was under way, and what is begun again then.

use std::fmt;

use crate::error::{At, Error, ErrorKind};

/// How often something is begun in all if the connection breaks under it.
pub(crate) const AGAIN: u32 = 3;

/// Whether an error is that the connection broke under a command: what it has done is not known, and the next command goes
/// over a new connection.
pub(crate) fn connection_broke(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<Broke>)
}

/// The error of a connection that broke, with what is said of it.
#[cfg_attr(not(any(feature = "ssh", test)), expect(dead_code, reason = "nothing else breaks"))]
pub(super) fn broken(words: &str, host: &str) -> Error {
    let words = if words.is_empty() { String::new() } else { format!(": {words}") };
    Error::new(ErrorKind::Unreachable, format!("{BROKE}{words}"))
        .at(At::Host, host)
        .because(Broke)
        .todo("check the network, then run it again")
}

const BROKE: &str = "the ssh connection broke";

/// The cause that tells such an error from others.
#[derive(Debug)]
struct Broke;

impl fmt::Display for Broke {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(BROKE)
    }
}

impl std::error::Error for Broke {}
