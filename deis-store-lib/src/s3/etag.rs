//! The proof that an `ETag` is: the MD5 of an object of one part, or of the parts' MD5s.

use bytes::Bytes;
use md5::Digest as _;

use crate::hash::{Md5, lower_hex};

const MIB: u64 = 1 << 20;

/// Part sizes in use: boto's and docker-registry's 5 MiB, the AWS tools' 8, s3cmd's 15, and other tools' defaults.
const PART_SIZES_BYTES: [u64; 9] =
    [5 * MIB, 8 * MIB, 10 * MIB, 15 * MIB, 16 * MIB, 32 * MIB, 50 * MIB, 64 * MIB, 100 * MIB];

/// Part sizes that are tried at once: each costs an MD5 of the object. Only an object of two or three parts has so many.
const MOST_CANDIDATES: usize = 6;

/// An `ETag` without its quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ETag {
    /// 32 hex digits: the MD5 of the object, unless a gateway encrypts.
    Md5([u8; 16]),
    /// `MD5-N`: made of `count` parts.
    Parts {
        /// The MD5 of the concatenated MD5s of the parts.
        md5: [u8; 16],
        /// How many.
        count: u64,
    },
    /// Something else.
    Opaque,
}

impl ETag {
    /// Reads an `ETag`, with or without quotes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = text.trim_matches('"');
        let (hex, count) = match text.split_once('-') {
            Some((hex, count)) => (hex, count.parse().ok().filter(|count| (1..=10_000).contains(count))),
            None => (text, Some(0)),
        };
        match (from_hex(hex), count) {
            (Some(md5), Some(0)) => Self::Md5(md5),
            (Some(md5), Some(count)) => Self::Parts { md5, count },
            _ => Self::Opaque,
        }
    }
}

/// The `ETag` of an object of parts with these MD5s, without quotes.
#[must_use]
pub fn parts_etag(md5s: &[[u8; 16]]) -> String {
    format!("{}-{}", lower_hex(&md5::Md5::digest(md5s.as_flattened())), md5s.len())
}

/// Recomputes the `ETag` of a multipart object while its bytes go by, for every part size that would give its count.
#[derive(Debug)]
pub struct PartsCheck {
    md5: [u8; 16],
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    part_size_bytes: u64,
    left_bytes: u64,
    part: Md5,
    whole: Md5,
}

impl PartsCheck {
    /// A check for an object of this size, or `None` if its `ETag` is not a multipart one.
    #[must_use]
    pub fn new(etag: &ETag, size_bytes: u64) -> Option<Self> {
        let ETag::Parts { md5, count } = *etag else { return None };
        let sizes = part_sizes(size_bytes, count);
        let candidates = sizes.into_iter().map(Candidate::new).collect();
        Some(Self { md5, candidates })
    }

    /// The next bytes of the object.
    pub fn update(&mut self, bytes: &[u8]) {
        for candidate in &mut self.candidates {
            candidate.update(bytes);
        }
    }

    /// The same, in step with others: the candidates of one object already are some.
    pub(super) fn update_in_step(&mut self, mut bytes: Bytes) {
        while !bytes.is_empty() {
            // Up to where the first one of them has a part's end.
            let ends = self.candidates.iter_mut().map(Candidate::next_bytes);
            let here = ends.min().and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
            let piece = bytes.split_to(here.min(bytes.len()));
            let parts = self.candidates.iter_mut().map(|candidate| {
                candidate.left_bytes -= piece.len() as u64;
                (&mut candidate.part, piece.clone())
            });
            Md5::update_all(parts);
        }
    }

    /// The part size in bytes that gives this very `ETag`, if one of those in use does.
    #[must_use]
    pub fn finish(self) -> Option<u64> {
        let md5 = self.md5;
        self.candidates.into_iter().find_map(|candidate| candidate.finish(md5))
    }
}

/// The sizes that so many parts of an object may have: those in use, and others in whole MiB that give this very count.
fn part_sizes(size_bytes: u64, count: u64) -> Vec<u64> {
    if count == 1 {
        return vec![size_bytes.max(1)];
    }
    let equal = size_bytes.div_ceil(count);
    let whole_mib = equal.div_ceil(MIB).max(5) * MIB;
    let mut sizes = PART_SIZES_BYTES.to_vec();
    sizes.extend((0..MOST_CANDIDATES as u64).map(|more| whole_mib + more * MIB));
    sizes.push(equal);
    let mut seen = std::collections::BTreeSet::new();
    sizes.retain(|size| *size > 0 && size_bytes.div_ceil(*size) == count && seen.insert(*size));
    sizes.truncate(MOST_CANDIDATES);
    sizes
}

impl Candidate {
    fn new(part_size_bytes: u64) -> Self {
        Self { part_size_bytes, left_bytes: part_size_bytes, part: Md5::new(), whole: Md5::new() }
    }

    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let here = usize::try_from(self.next_bytes()).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.part.update(&bytes[..here]);
            self.left_bytes -= here as u64;
            bytes = &bytes[here..];
        }
    }

    /// How many bytes of the part that comes next are to come. There is one: more bytes are there.
    fn next_bytes(&mut self) -> u64 {
        if self.left_bytes == 0 {
            self.end_part();
            self.left_bytes = self.part_size_bytes;
        }
        self.left_bytes
    }

    fn end_part(&mut self) {
        self.whole.update(&std::mem::replace(&mut self.part, Md5::new()).finish());
    }

    fn finish(mut self, md5: [u8; 16]) -> Option<u64> {
        self.end_part();
        (self.whole.finish() == md5).then_some(self.part_size_bytes)
    }
}

/// The MD5 that s3cmd left in `x-amz-meta-s3cmd-attrs` (`k:v` pairs between slashes).
#[must_use]
pub(crate) fn s3cmd_md5(attributes: &str) -> Option<[u8; 16]> {
    attributes.split('/').find_map(|pair| pair.strip_prefix("md5:")).and_then(from_hex)
}

fn from_hex(hex: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if hex.len() != 32 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multipart_etag(data: &[u8], part_size: usize) -> String {
        let digests: Vec<u8> = data.chunks(part_size).flat_map(md5::Md5::digest).collect();
        format!("\"{}-{}\"", lower_hex(&md5::Md5::digest(&digests)), data.chunks(part_size).count())
    }

    #[test]
    fn the_part_size_of_a_multipart_etag_is_found() {
        let data = vec![7_u8; 17_000_000];
        for size in [5 << 20, 8 << 20, 15 << 20] {
            let etag = ETag::parse(&multipart_etag(&data, size));
            let mut check = PartsCheck::new(&etag, data.len() as u64).unwrap();
            data.chunks(1_000_003).for_each(|piece| check.update(piece));
            assert_eq!(check.finish(), Some(size as u64));
        }
    }

    #[test]
    fn part_sizes_that_no_known_tool_uses_are_found_too() {
        for (size_bytes, part_size) in
            [(17_000_000, 6 << 20), (40_000_000, 13 << 20), (17_000_001, 5_666_667)]
        {
            let data = vec![7_u8; size_bytes];
            let etag = ETag::parse(&multipart_etag(&data, part_size));
            let mut check = PartsCheck::new(&etag, data.len() as u64).unwrap();
            check.update(&data);
            assert_eq!(check.finish(), Some(part_size as u64));
        }
    }

    #[test]
    fn many_parts_leave_few_sizes_to_try() {
        assert_eq!(part_sizes(1000 * MIB, 200), [5 * MIB]);
        assert_eq!(part_sizes(999 * MIB, 111), [9 * MIB]);
        assert!(part_sizes(u64::MAX, 2).len() <= MOST_CANDIDATES);
        assert!(part_sizes(1, 10_000).is_empty());
    }

    #[test]
    fn a_flipped_byte_in_a_multipart_object_is_seen() {
        let mut data = vec![7_u8; 11_000_000];
        let etag = ETag::parse(&multipart_etag(&data, 5 << 20));
        data[6_000_000] ^= 1;
        let mut check = PartsCheck::new(&etag, data.len() as u64).unwrap();
        check.update(&data);
        assert_eq!(check.finish(), None);
    }

    #[test]
    fn an_upload_of_one_part_has_its_own_etag() {
        let etag = ETag::parse(&multipart_etag(b"tiny", 5));
        let mut check = PartsCheck::new(&etag, 4).unwrap();
        check.update(b"tiny");
        assert_eq!(check.finish(), Some(4));
    }

    #[test]
    fn the_md5_that_s3cmd_left_is_read() {
        let attributes = "atime:1/ctime:1/gid:0/gname:root/md5:900150983cd24fb0d6963f7d28e17f72/mode:33188";
        assert_eq!(
            s3cmd_md5(attributes).map(|md5| lower_hex(&md5)).as_deref(),
            Some("900150983cd24fb0d6963f7d28e17f72")
        );
        assert_eq!(s3cmd_md5("md5:xyz"), None);
    }
}
