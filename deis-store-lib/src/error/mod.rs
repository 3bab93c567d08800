//! The library's one error: what failed, where, and what to do now.
//!
//! Damage that was looked for and found is not an error but a finding in a report; an error is what kept us from
//! knowing. No message ever holds a key, a signature or a value from etcd.

pub(crate) mod kind;
mod place;
mod untrusted;

use std::fmt;

pub use place::{At, Place, shortened};
#[cfg(feature = "client")]
pub(crate) use untrusted::without_signatures;
#[cfg(feature = "backup")]
pub(crate) use untrusted::words_without_secrets;
pub use untrusted::{printable, printable_lines, without_secrets};

pub(crate) use kind::ErrorKind;
#[cfg(feature = "backup")]
pub(crate) use kind::Scope;

/// The result of everything that can fail in this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// A failure: the problem, its place, and the next step.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    what: String,
    place: Place,
    todo: Option<String>,
    source: Option<Source>,
    /// Whether it is known to befall the whole run, whatever its kind.
    #[cfg(feature = "backup")]
    of_run: bool,
}

impl Error {
    /// An error of a kind; `what` is a clause without a full stop.
    pub fn new(kind: ErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            what: what.into(),
            place: Place::default(),
            todo: None,
            source: None,
            #[cfg(feature = "backup")]
            of_run: false,
        }))
    }

    /// Adds where it happened, unless something closer to the cause has said so already.
    #[must_use]
    pub fn at(mut self, at: At, value: impl fmt::Display) -> Self {
        self.0.place.add(at, &value.to_string());
        self
    }

    /// Adds what to do now, unless something closer to the cause has said so already.
    #[must_use]
    pub fn todo(mut self, todo: impl Into<String>) -> Self {
        self.0.todo.get_or_insert_with(|| todo.into());
        self
    }

    /// The same with other advice, which knows more.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn todo_instead(mut self, todo: &str) -> Self {
        self.0.todo = Some(todo.to_owned());
        self
    }

    /// The same, with what was asked for when it happened.
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn about(mut self, asked: &str) -> Self {
        self.0.what = format!("{} ({asked})", self.0.what);
        self
    }

    /// Adds the error below this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The problem, with the causes below it, in one line.
    #[must_use]
    pub fn what(&self) -> String {
        let mut what = self.0.what.clone();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let text = error.to_string();
            if !what.contains(&text) {
                what.push_str(": ");
                what.push_str(&text);
            }
            cause = error.source();
        }
        what
    }

    /// Where it happened.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The same once more, for another one who is told. The errors below it are in its text.
    #[cfg(feature = "backup")]
    pub(crate) fn again(&self) -> Self {
        let Inner { kind, place, todo, of_run, .. } = &*self.0;
        let (place, todo, what) = (place.clone(), todo.clone(), self.what());
        Self(Box::new(Inner { kind: *kind, what, place, todo, source: None, of_run: *of_run }))
    }

    /// The same error, which befalls the whole run although its kind would be of one object: the next one would meet the
    /// same.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn of_run(mut self) -> Self {
        self.0.of_run = true;
        self
    }

    /// Whether it befalls this object alone, or the whole run.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn scope(&self) -> Scope {
        match self.kind() {
            _ if self.0.of_run => Scope::Run,
            ErrorKind::Usage
            | ErrorKind::Denied
            | ErrorKind::NotFound
            | ErrorKind::Changed
            | ErrorKind::NotModified
            | ErrorKind::Occupied
            | ErrorKind::Guard
            | ErrorKind::Locked
            | ErrorKind::SourceChanged
            | ErrorKind::Damaged
            | ErrorKind::Format
            | ErrorKind::Unsupported => Scope::Object,
            ErrorKind::Disk if self.is_of_one_path() => Scope::Object,
            ErrorKind::Unreachable
            | ErrorKind::NotReady
            | ErrorKind::Timeout
            | ErrorKind::Busy
            | ErrorKind::Protocol => Scope::Server,
            ErrorKind::Disk | ErrorKind::Interrupted | ErrorKind::Internal => Scope::Run,
        }
    }

    /// Whether a disk or its file system does not give what was written, in contrast to what we may not do, or lack.
    #[cfg(feature = "backup")]
    pub(crate) fn is_of_the_disk_itself(&self) -> bool {
        let cause = std::error::Error::source(self).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        // EIO, EBADMSG and EUCLEAN, of which none has a kind of its own.
        cause.is_some_and(|cause| matches!(cause.raw_os_error(), Some(5 | 74 | 117)))
    }

    /// Whether an error of [`ErrorKind::Disk`] is about its path alone, and not about the disk.
    #[cfg(feature = "backup")]
    fn is_of_one_path(&self) -> bool {
        use std::io::ErrorKind as Io;
        let cause = std::error::Error::source(self).and_then(|cause| cause.downcast_ref::<std::io::Error>());
        cause.is_some_and(|cause| {
            matches!(
                cause.kind(),
                Io::PermissionDenied
                    | Io::NotFound
                    | Io::AlreadyExists
                    | Io::NotADirectory
                    | Io::IsADirectory
                    | Io::DirectoryNotEmpty
                    | Io::InvalidFilename
                    | Io::ExecutableFileBusy
            )
        })
    }

    /// The next step, if there is one.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.0.todo.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if self.0.place.is_empty() { Ok(()) } else { write!(f, " ({})", self.0.place) }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {self}", self.0.kind)?;
        if let Some(source) = &self.0.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// Adds context to the error of a result.
pub trait Context<T> {
    /// Adds where it happened, as [`Error::at`].
    fn at(self, at: At, value: impl fmt::Display) -> Result<T>;
    /// Adds what to do now, as [`Error::todo`].
    fn todo(self, todo: &str) -> Result<T>;
}

impl<T> Context<T> for Result<T> {
    fn at(self, at: At, value: impl fmt::Display) -> Self {
        self.map_err(|error| error.at(at, value))
    }

    fn todo(self, todo: &str) -> Self {
        self.map_err(|error| error.todo(todo))
    }
}

/// Turns an error of the operating system on a local file into ours, with what to do about the common ones.
pub fn disk_error(what: &str, path: impl fmt::Display, error: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let todo = match error.kind() {
        Io::StorageFull => Some("free some space, then run it again"),
        Io::FileTooLarge => {
            Some("raise the limit for the size of files (ulimit -f), or use another file system")
        }
        _ if is_out_of_files(&error) => Some(RAISE_OPEN_FILES),
        Io::QuotaExceeded => Some("raise the quota, then run it again"),
        Io::PermissionDenied => Some("check owner and mode of it and of the directories above"),
        Io::ReadOnlyFilesystem => Some("the file system is mounted read-only: choose another target"),
        Io::NotFound => Some("check the path"),
        Io::AlreadyExists | Io::NotADirectory => {
            Some("a file is where a directory should be: choose another path")
        }
        _ => None,
    };
    let path = path.to_string();
    // Where a word does not begin with it, the shell leaves it as it is.
    let todo = if path.starts_with("~/") {
        Some("write the whole path: the shell has not put your home directory in place of ~")
    } else {
        todo
    };
    let error = Error::new(ErrorKind::Disk, format!("cannot {what}")).at(At::Path, path).because(error);
    match todo {
        Some(todo) => error.todo(todo),
        None => error,
    }
}

/// Whether this process, or the whole machine, has as many files and connections open as it may.
pub(crate) fn is_out_of_files(error: &std::io::Error) -> bool {
    // EMFILE and ENFILE, which have no kind of their own.
    matches!(error.raw_os_error(), Some(24 | 23))
}

/// What to do then.
pub(crate) const RAISE_OPEN_FILES: &str = "raise the limit for open files: ulimit -n 4096";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_the_shell_is_named_with_what_raises_it() {
        for (number, command) in [(24, "ulimit -n"), (23, "ulimit -n"), (27, "ulimit -f")] {
            let error = disk_error("write", "x", std::io::Error::from_raw_os_error(number));
            assert!(error.advice().is_some_and(|advice| advice.contains(command)), "{number}: {error:?}");
        }
    }

    #[test]
    fn an_error_says_what_where_and_what_to_do() {
        let io = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = disk_error("write", "/backup/x", io);
        assert_eq!(error.to_string(), "cannot write (path /backup/x)");
        assert_eq!(error.what(), "cannot write: no storage space");
        assert_eq!(error.advice(), Some("free some space, then run it again"));
    }

    #[test]
    fn the_advice_closest_to_the_cause_is_kept() {
        let error = Error::new(ErrorKind::Denied, "no").todo("first").todo("second");
        assert_eq!(error.advice(), Some("first"));
    }

    #[test]
    fn a_key_with_control_characters_cannot_paint_the_terminal() {
        let error = Error::new(ErrorKind::NotFound, "no such key").at(At::Key, "a\u{1b}[31m\nb");
        assert_eq!(error.to_string(), "no such key (key a\\u{1b}[31m\\nb)");
    }
}
