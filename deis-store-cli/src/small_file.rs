//! Files that are named in arguments and read whole: keys, certificates, patterns. Anything that could let us wait for ever
//! or never end is refused.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// None of them has as much: etcd takes no longer value either.
const MOST_BYTES: u64 = 1 << 20;

/// The bytes of a small file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    rest_of(open(path)?)
}

/// The text of a small file.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text_of(open(path)?)
}

/// What is left of a small file, as text.
pub(crate) fn text_of(file: File) -> io::Result<String> {
    let text = String::from_utf8(rest_of(file)?);
    text.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

/// Opens a regular file, or a pipe that the shell has opened for us, as by `<(…)`.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    // Asked before: to open a named pipe would wait for its writer.
    if !std::fs::metadata(path)?.is_file() && !is_pipe_of_the_shell(path) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    File::open(path)
}

/// What is left of a small file.
fn rest_of(file: File) -> io::Result<Vec<u8>> {
    // Of a length that it never outgrows: a vector that grows leaves its old bytes behind, and they may be a key.
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(MOST_BYTES);
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or_default() + 1);
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 1 MiB"));
    }
    Ok(bytes)
}

/// Whether it is an anonymous pipe that is open already, `/dev/fd/N` or `/dev/stdin`.
fn is_pipe_of_the_shell(path: &Path) -> bool {
    let number = match path.to_str() {
        Some("/dev/stdin") => "0",
        Some(path) => match path.strip_prefix("/dev/fd/").or(path.strip_prefix("/proc/self/fd/")) {
            Some(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => number,
            _ => return false,
        },
        None => return false,
    };
    let target = std::fs::read_link(format!("/proc/self/fd/{number}"));
    target.is_ok_and(|target| target.to_string_lossy().starts_with("pipe:["))
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn only_a_small_regular_file_or_a_pipe_of_the_shell_is_read() {
        let kind = |path: &Path| read(path).unwrap_err().kind();
        let place = tempfile::tempdir().unwrap();
        let (small, large) = (place.path().join("small"), place.path().join("large"));
        std::fs::write(&small, "PEM").unwrap();
        std::fs::write(&large, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert_eq!(read(&small).unwrap(), b"PEM");
        assert_eq!(kind(&large), io::ErrorKind::FileTooLarge);
        let fifo = place.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status().unwrap();
        assert!(made.success());
        let socket = place.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for odd in [
            Path::new("/dev/zero"),
            &fifo,
            place.path(),
            &socket,
            Path::new("/proc/self/fd/../../../dev/zero"),
        ] {
            assert_eq!(kind(odd), io::ErrorKind::InvalidInput, "{}", odd.display());
        }
        let (reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, b"PEM").unwrap();
        drop(writer);
        assert_eq!(read(Path::new(&format!("/dev/fd/{}", reader.as_raw_fd()))).unwrap(), b"PEM");
    }
}
