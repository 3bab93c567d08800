//! Whether an object's bytes are those that were stored: what its `ETag` and metadata tell of them. Pure.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

use super::content_encoding::{encoding_of, perhaps_compressed};
use super::etag::{ETag, PartsCheck, Recomputed, rclone_md5, s3cmd_md5};
use super::op::{ListedObject, ObjectInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{Md5, lower_hex};

/// The proof that an object's bytes were checked against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Their MD5, which is the `ETag`.
    Md5,
    /// The MD5 of the MD5s of parts of so many bytes, which is the `ETag` of a multipart upload.
    Parts(u64),
    /// The MD5 that s3cmd left in the metadata.
    S3cmdMd5,
    /// The MD5 that rclone left in the metadata.
    RcloneMd5,
    /// Nothing but their number.
    None,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Md5 => f.write_str("md5"),
            Self::Parts(bytes) => write!(f, "parts:{bytes}"),
            Self::S3cmdMd5 => f.write_str("s3cmd-md5"),
            Self::RcloneMd5 => f.write_str("rclone-md5"),
            Self::None => f.write_str("none"),
        }
    }
}

impl FromStr for Checked {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "md5" => Some(Self::Md5),
            "s3cmd-md5" => Some(Self::S3cmdMd5),
            "rclone-md5" => Some(Self::RcloneMd5),
            "none" => Some(Self::None),
            _ => text.strip_prefix("parts:").and_then(|bytes| bytes.parse().ok()).map(Self::Parts),
        }
        .ok_or_else(|| Error::new(ErrorKind::Format, format!("unknown check {text:?}")))
    }
}

/// Checks an object's bytes while they go by.
#[derive(Debug)]
pub struct Check {
    etag: String,
    size_bytes: u64,
    seen_bytes: u64,
    /// The `Content-Encoding` that came with the object.
    encoding: Option<String>,
    by: By,
}

#[derive(Debug)]
enum By {
    Md5 { expected: [u8; 16], seen: Md5 },
    Parts { parts: Option<PartsCheck>, stored: Option<StoredMd5> },
}

/// An MD5 of the whole object that the tool of its upload left in the metadata.
#[derive(Debug)]
struct StoredMd5 {
    expected: [u8; 16],
    seen: Md5,
    tool: &'static str,
    proof: Checked,
}

/// What is known of bytes that have all come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conclusion {
    /// They agree with this; [`Checked::None`] where nothing says anything of them.
    Checked(Checked),
    /// They disagree with a multipart `ETag`, as far as its part size can be guessed: another part size may give it, or
    /// they are damaged. A second reading of the same bytes has the same digest.
    Doubtful { digest: [u8; 16] },
}

impl Check {
    /// A check against what is stored with a whole object.
    #[must_use]
    pub fn new(info: &ObjectInfo) -> Self {
        let etag = ETag::parse(&info.etag);
        let by = if let ETag::Md5(expected) = etag {
            By::Md5 { expected, seen: Md5::new() }
        } else {
            By::Parts { parts: PartsCheck::new(&etag, info.total_bytes), stored: StoredMd5::of(info) }
        };
        let encoding = encoding_of(info);
        Self { etag: info.etag.clone(), size_bytes: info.total_bytes, seen_bytes: 0, encoding, by }
    }

    /// A check against what a listing says of an object, for bytes that did not come from it.
    #[must_use]
    pub fn listed(listed: &ListedObject) -> Self {
        let (etag, total_bytes) = (listed.etag.clone(), listed.size_bytes);
        Self::new(&ObjectInfo { total_bytes, etag, ..ObjectInfo::default() })
    }

    /// The next bytes of the object, in step with other objects': for threads that may wait.
    #[cfg_attr(not(feature = "backup"), expect(dead_code, reason = "only writers of files wait"))]
    pub(crate) fn update_piece(&mut self, bytes: &Bytes) {
        self.seen_bytes += bytes.len() as u64;
        match &mut self.by {
            By::Md5 { seen, .. } => seen.update_piece(bytes.clone()),
            By::Parts { parts, stored } => {
                if let Some(parts) = parts {
                    parts.update_in_step(bytes.clone());
                }
                if let Some(stored) = stored {
                    stored.seen.update_piece(bytes.clone());
                }
            }
        }
    }

    /// The next bytes of the object.
    pub fn update(&mut self, bytes: &[u8]) {
        self.seen_bytes += bytes.len() as u64;
        match &mut self.by {
            By::Md5 { seen, .. } => seen.update(bytes),
            By::Parts { parts, stored } => {
                if let Some(parts) = parts {
                    parts.update(bytes);
                }
                if let Some(stored) = stored {
                    stored.seen.update(bytes);
                }
            }
        }
    }

    /// Whether the bytes were found to agree with anything.
    #[cfg(feature = "backup")]
    #[must_use]
    pub(crate) fn agrees(self) -> bool {
        !matches!(self.finish(), Ok(Checked::None) | Err(_))
    }

    /// The proof that the bytes agree with, or an [`ErrorKind::Damaged`] that says how they differ.
    pub fn finish(self) -> Result<Checked> {
        Ok(match self.conclude()? {
            Conclusion::Checked(checked) => checked,
            Conclusion::Doubtful { .. } => Checked::None,
        })
    }

    /// The same, for a reader that can read again where it must.
    pub(crate) fn conclude(mut self) -> Result<Conclusion> {
        let encoding = self.encoding.take();
        self.judge().map_err(|error| perhaps_compressed(error, encoding.as_deref()))
    }

    fn judge(self) -> Result<Conclusion> {
        if self.seen_bytes != self.size_bytes {
            return damaged(format!("{} of its {} bytes have come", self.seen_bytes, self.size_bytes));
        }
        let etag = self.etag;
        let (parts, stored) = match self.by {
            By::Md5 { expected, seen } => {
                let md5 = seen.finish();
                if md5 == expected {
                    return Ok(Conclusion::Checked(Checked::Md5));
                }
                return damaged(format!("its bytes have MD5 {} and its ETag is {etag}", lower_hex(&md5)));
            }
            By::Parts { parts, stored } => (parts.map(PartsCheck::recompute), stored),
        };
        if let Some(Recomputed::By(part_size_bytes)) = parts {
            return Ok(Conclusion::Checked(Checked::Parts(part_size_bytes)));
        }
        if let Some(stored) = stored {
            return stored.finish().map(Conclusion::Checked);
        }
        match parts {
            Some(Recomputed::Never) => damaged(format!(
                "its bytes do not give its ETag {etag}, which is that of an upload of one part"
            )),
            Some(Recomputed::No { digest }) => Ok(Conclusion::Doubtful { digest }),
            _ => Ok(Conclusion::Checked(Checked::None)),
        }
    }
}

impl StoredMd5 {
    fn of(info: &ObjectInfo) -> Option<Self> {
        let of_s3cmd = info.meta.get("s3cmd-attrs").and_then(|attributes| s3cmd_md5(attributes));
        let of_rclone = info.meta.get("md5chksum").and_then(|text| rclone_md5(text));
        let new = |expected, tool, proof| Self { expected, seen: Md5::new(), tool, proof };
        of_s3cmd
            .map(|expected| new(expected, "s3cmd", Checked::S3cmdMd5))
            .or_else(|| of_rclone.map(|expected| new(expected, "rclone", Checked::RcloneMd5)))
    }

    fn finish(self) -> Result<Checked> {
        let Self { expected, seen, tool, proof } = self;
        let md5 = seen.finish();
        if md5 == expected {
            return Ok(proof);
        }
        let (md5, expected) = (lower_hex(&md5), lower_hex(&expected));
        damaged(format!("its bytes have MD5 {md5} and {tool} stored {expected}"))
    }
}

fn damaged<T>(what: String) -> Result<T> {
    Err(Error::new(ErrorKind::Damaged, what).todo("look at the gateway and the network"))
}

#[cfg(test)]
mod tests {
    use md5::Digest as _;

    use super::*;

    fn checked(etag: &str, attributes: Option<&str>, bytes: &[u8]) -> Result<Checked> {
        let mut info = ObjectInfo { etag: etag.to_owned(), total_bytes: 3, ..ObjectInfo::default() };
        info.meta.extend(attributes.map(|text| ("s3cmd-attrs".to_owned(), text.to_owned())));
        let mut check = Check::new(&info);
        bytes.chunks(2).for_each(|piece| check.update(piece));
        check.finish()
    }

    const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";

    #[test]
    fn bytes_are_checked_against_the_best_there_is() {
        assert_eq!(checked(ABC, None, b"abc").unwrap(), Checked::Md5);
        assert_eq!(checked("x", None, b"abc").unwrap(), Checked::None);
        assert_eq!(checked("x", Some(&format!("md5:{ABC}/uid:0")), b"abc").unwrap(), Checked::S3cmdMd5);
        let parts = format!("{}-1", lower_hex(&md5::Md5::digest(md5::Md5::digest(b"abc"))));
        assert_eq!(checked(&parts, None, b"abc").unwrap(), Checked::Parts(3));
    }

    #[test]
    fn an_upload_of_one_part_with_other_bytes_is_damage_and_one_of_several_is_doubtful() {
        let one = format!("{}-1", lower_hex(&md5::Md5::digest(md5::Md5::digest(b"abc"))));
        assert_eq!(checked(&one, None, b"abd").unwrap_err().kind(), ErrorKind::Damaged);
        assert_eq!(
            checked(&one, Some(&format!("md5:{ABC}")), b"abd").unwrap_err().kind(),
            ErrorKind::Damaged
        );
        let several = one.replace("-1", "-2");
        assert_eq!(checked(&several, None, b"abd").unwrap(), Checked::None);
        let mut check = Check::new(&ObjectInfo { etag: several, total_bytes: 3, ..ObjectInfo::default() });
        check.update(b"abd");
        assert!(matches!(check.conclude().unwrap(), Conclusion::Doubtful { .. }));
    }

    #[test]
    fn the_md5_that_rclone_stored_proves_parts_of_an_odd_size() {
        let checked = |bytes: &[u8]| {
            let meta = [("md5chksum".to_owned(), "kAFQmDzST7DWlj99KOF/cg==".to_owned())].into();
            let etag = format!("{}-2", "0".repeat(32));
            let mut check = Check::new(&ObjectInfo { etag, meta, total_bytes: 3, ..ObjectInfo::default() });
            check.update(bytes);
            check.finish()
        };
        assert_eq!(checked(b"abc").unwrap(), Checked::RcloneMd5);
        assert_eq!("rclone-md5".parse::<Checked>().unwrap(), Checked::RcloneMd5);
        assert!(checked(b"abd").unwrap_err().what().contains("rclone stored"));
    }

    #[test]
    fn other_bytes_and_fewer_are_damage() {
        for bytes in [&b"abd"[..], b"ab", b"abcd", b""] {
            assert_eq!(checked(ABC, None, bytes).unwrap_err().kind(), ErrorKind::Damaged);
        }
        assert!(checked("x", None, b"ab").is_err());
        assert!(checked("x", Some(&format!("md5:{ABC}")), b"abd").is_err());
    }
}
