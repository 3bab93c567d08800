//! The mount at a directory of a host, read from `/proc/mounts`. Pure.

/// The mount exactly at a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// The file system's type.
    pub(crate) kind: String,
}

/// The mount at a directory: the last one, since it lies on top.
pub(super) fn at(directory: &str, proc_mounts: &[u8]) -> Option<Mount> {
    let directory = match directory.trim_end_matches('/') {
        "" => "/",
        directory => directory,
    };
    let mounts = String::from_utf8_lossy(proc_mounts);
    mounts.lines().rev().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        (unescaped(place) == directory.as_bytes()).then(|| Mount { kind: kind.to_owned() })
    })
}

/// A field without its escapes: `\040`, `\011`, `\012` and `\134` stand for space, tab, line feed and backslash.
fn unescaped(field: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let escape =
            after.get(..3).filter(|_| byte == b'\\').and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = escape.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(byte));
        rest = if escaped.is_some() { &after[3..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"/dev/sda9 / ext4 rw,relatime 0 0\n\
        10.21.12.1,10.21.12.2:/ /var/lib/deis/store ceph rw,name=admin,secret=<hidden> 0 0\n\
        tmpfs /mnt/a\\040b\\134c tmpfs rw 0 0\n\
        tmpfs /twice tmpfs rw 0 0\n/dev/sdb /twice xfs rw 0 0\n\n";

    fn kind(directory: &str) -> Option<String> {
        at(directory, MOUNTS).map(|mount| mount.kind)
    }

    #[test]
    fn only_the_mount_point_itself_counts_and_the_last_mount_on_it() {
        assert_eq!(kind("/var/lib/deis/store").unwrap(), "ceph");
        assert_eq!(kind("/var/lib/deis/store/").unwrap(), "ceph");
        assert_eq!(kind("/var/lib/deis/store/logs"), None);
        assert_eq!(kind("/var/lib/deis"), None);
        assert_eq!(kind("/twice").unwrap(), "xfs");
        assert_eq!(kind("/").unwrap(), "ext4");
    }

    #[test]
    fn octal_escapes_are_read() {
        assert_eq!(kind("/mnt/a b\\c").unwrap(), "tmpfs");
    }
}
