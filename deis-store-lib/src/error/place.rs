//! Where an error happened.

use std::borrow::Cow;
use std::fmt;

use super::untrusted::{address_without_secrets, printable, without_secrets};

/// The sort of one part of a place: an endpoint, a bucket, a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum At {
    /// The address of a server, and through which host it is reached.
    Endpoint,
    /// A bucket.
    Bucket,
    /// A key of a bucket, or of etcd.
    Key,
    /// A path on this machine, or on the host if one is named.
    Path,
    /// A host of the cluster.
    Host,
    /// A part of a snapshot.
    Part,
    /// A unit of fleet.
    Unit,
    /// A step of a restore.
    Step,
    /// A snapshot's directory.
    Snapshot,
    /// A file of a snapshot, by its path there.
    File,
    /// An object list of a snapshot, by its path there.
    List,
    /// A line of a file, from 1 on.
    Line,
    /// A column of a line, from 1 on.
    Column,
    /// A header of a request or answer.
    Header,
    /// radosgw's id of the request, as its log has it.
    Request,
    /// A multipart upload that is still under way, by its id.
    Upload,
    /// An argument of the call.
    Argument,
    /// A name that the caller gave.
    Name,
    /// A proxy's URL.
    Proxy,
    /// A tunnel's far end, as it was given.
    Tunnel,
    /// An address to listen on.
    Address,
    /// The member of etcd that leads.
    Leader,
    /// A file of certificates.
    CaCertsFile,
    /// A limit on deletions.
    MaxDelete,
}

impl At {
    /// Its stable name, as `error.where` of the JSON output has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Endpoint => "endpoint",
            Self::Bucket => "bucket",
            Self::Key => "key",
            Self::Path => "path",
            Self::Host => "host",
            Self::Part => "part",
            Self::Unit => "unit",
            Self::Step => "step",
            Self::Snapshot => "snapshot",
            Self::File => "file",
            Self::List => "list",
            Self::Line => "line",
            Self::Column => "column",
            Self::Header => "header",
            Self::Request => "request",
            Self::Upload => "unfinished upload",
            Self::Argument => "argument",
            Self::Name => "name",
            Self::Proxy => "proxy",
            Self::Tunnel => "tunnel",
            Self::Address => "address",
            Self::Leader => "leader",
            Self::CaCertsFile => "ca_certs_file",
            Self::MaxDelete => "max-delete",
        }
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where an error happened: what is known of it, innermost first. Control characters in it are escaped, and passwords in
/// addresses left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Place(Vec<(At, String)>);

impl Place {
    /// One part of it.
    #[must_use]
    pub fn get(&self, at: At) -> Option<&str> {
        self.0.iter().find(|(known, _)| *known == at).map(|(_, value)| value.as_str())
    }

    /// The server's address.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.get(At::Endpoint)
    }

    /// The bucket.
    #[must_use]
    pub fn bucket(&self) -> Option<&str> {
        self.get(At::Bucket)
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.get(At::Key)
    }

    /// The path, on the host if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.get(At::Path)
    }

    /// The host of the cluster.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.get(At::Host)
    }

    /// All that is known of it, innermost first.
    pub fn iter(&self) -> impl Iterator<Item = (At, &str)> {
        self.0.iter().map(|(at, value)| (*at, value.as_str()))
    }

    /// Whether nothing is known of it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds a part, unless something closer to the cause has said it already.
    pub(super) fn add(&mut self, at: At, value: &str) {
        if self.get(at).is_none() {
            let shown = match at {
                At::Endpoint | At::Proxy | At::Tunnel | At::Address | At::Leader => {
                    address_without_secrets(value)
                }
                // They are data, and say nothing of how to reach anything.
                At::Bucket | At::Key => value.to_owned(),
                _ => without_secrets(value),
            };
            self.0.push((at, printable(&shown)));
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (at, value)) in self.iter().enumerate() {
            write!(f, "{}{at} {}", if index == 0 { "" } else { ", " }, shortened(value))?;
        }
        Ok(())
    }
}

/// More of a value is left out of a message, in its middle.
const SHOWN_BYTES: usize = 300;

/// A key or path as a message shows it: of kilobytes only the beginning and the end. [`Place::iter`] has all of it.
#[must_use]
pub fn shortened(value: &str) -> Cow<'_, str> {
    if value.len() <= SHOWN_BYTES {
        return Cow::Borrowed(value);
    }
    let (mut begin, mut end) = (SHOWN_BYTES / 2, value.len() - SHOWN_BYTES / 2);
    while !value.is_char_boundary(begin) {
        begin -= 1;
    }
    while !value.is_char_boundary(end) {
        end += 1;
    }
    Cow::Owned(format!("{}[… {} bytes …]{}", &value[..begin], end - begin, &value[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilobytes_of_path_are_shortened_in_a_message_and_nowhere_else() {
        let mut place = Place::default();
        let long = "é/".repeat(1000);
        place.add(At::Path, &long);
        let text = place.to_string();
        assert!(text.len() < 350 && text.starts_with("path é/") && text.ends_with("é/"), "{text}");
        assert!(text.contains("[… 2701 bytes …]") || text.contains("bytes …]"), "{text}");
        assert_eq!(place.path(), Some(&*long));
    }
}
