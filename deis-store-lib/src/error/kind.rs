//! The kinds of error, and how far each reaches.

use std::fmt;

/// The kinds of error, each with what its user should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call itself is wrong. User action: correct the arguments.
    Usage,
    /// No connection to a server. User action: check the address, the network and that the server runs.
    Unreachable,
    /// The server rejected our credentials, or does not allow it. User action: check keys, clock and access rights.
    Denied,
    /// A bucket, object, etcd key, file or container is not there. User action: check the name.
    NotFound,
    /// A part of the cluster is not up yet. User action: wait or start it.
    NotReady,
    /// No answer in time. User action: try again, then look at the server.
    Timeout,
    /// The server is overloaded and stayed so. User action: try again later, or with more gateways.
    Busy,
    /// The thing that was looked at before is another one by now: an object was replaced, an etcd key was set. User action: look
    /// at it, then run it again.
    Changed,
    /// The object is as it was, so it was not sent (304). User action: none.
    NotModified,
    /// Something else stands where something of ours should be. User action: move it away, or choose another place.
    Occupied,
    /// A guard refused, to protect data. User action: read the reason, then confirm or choose another target.
    Guard,
    /// Another run holds the repository. User action: wait for it to end.
    Locked,
    /// The local disk: full, read-only, not permitted. User action: as the message says.
    Disk,
    /// A local file changed or became unreadable while it was sent. User action: run it again when nobody writes to it.
    SourceChanged,
    /// Bytes are not what they were or should be. User action: take another copy, and look for the cause.
    Damaged,
    /// A file or snapshot of a format that this version does not read. User action: use a newer version.
    Format,
    /// A server's answer is not what its protocol says. User action: check what stands between us and it.
    Protocol,
    /// Not built, or not possible with this transport. User action: as the message says.
    Unsupported,
    /// Stopped by its caller. User action: none; start it again.
    Interrupted,
    /// Our own bookkeeping does not add up. User action: report it, with the message.
    Internal,
}

impl ErrorKind {
    /// Its stable word, as `error.kind` of the JSON output has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Unreachable => "unreachable",
            Self::Denied => "denied",
            Self::NotFound => "notfound",
            Self::NotReady => "notready",
            Self::Timeout => "timeout",
            Self::Busy => "busy",
            Self::Changed => "changed",
            Self::NotModified => "notmodified",
            Self::Occupied => "occupied",
            Self::Guard => "guard",
            Self::Locked => "locked",
            Self::Disk => "disk",
            Self::SourceChanged => "sourcechanged",
            Self::Damaged => "damaged",
            Self::Format => "format",
            Self::Protocol => "protocol",
            Self::Unsupported => "unsupported",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How far an error reaches.
#[cfg(feature = "backup")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// This object or file alone: the next one may go well.
    Object,
    /// A server failed, perhaps at this object alone. If it fails object after object, it has ended the run.
    Server,
    /// The whole run: the disk or the caller has ended it, and the next object would meet the same.
    Run,
}
