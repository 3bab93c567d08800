//! The proof that an `ETag` is: the MD5 of an object of one part, or of the parts' MD5s.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use md5::Digest as _;

use crate::hash::{Md5, lower_hex};

const MIB: u64 = 1 << 20;

/// Part sizes in use: boto's and docker-registry's 5 MiB, the AWS tools' 8, s3cmd's 15, and other tools' defaults.
const PART_SIZES_BYTES: [u64; 9] =
    [5 * MIB, 8 * MIB, 10 * MIB, 15 * MIB, 16 * MIB, 32 * MIB, 50 * MIB, 64 * MIB, 100 * MIB];

/// Part sizes that are tried at once: each costs an MD5 of the object. Only an object of two or three parts has so many.
const MOST_CANDIDATES: usize = 6;

/// Part sizes of Docker's distribution, which puts a rest that is too small for a part into the last one.
const WITH_REST_BYTES: [u64; 2] = [5 * MIB, 10 * MIB];

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
    /// Reads an `ETag`, with or without quotes, also one that a proxy has made a weak one.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let text = value(text);
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

/// What proxies append to the `ETag` of what they compress.
const COMPRESSED: [&str; 6] = ["--gzip", "-gzip", ";gzip", "-br", "-deflate", "-zstd"];

/// An `ETag` as a value: without quotes, and without what a proxy has added because it changed the transfer of the bytes.
pub(crate) fn value(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix("W/").or_else(|| text.strip_prefix("w/")).unwrap_or(text).trim_matches('"');
    COMPRESSED.iter().find_map(|suffix| text.strip_suffix(suffix)).unwrap_or(text).trim_matches('"')
}

/// Whether the `ETag` of an answer, as it stands there, says that a proxy has compressed the bytes. One that is weak says so
/// only where the bytes are compressed at all.
pub(crate) fn says_compressed(text: &str, is_encoded: bool) -> bool {
    let (text, bare) = (text.trim(), text.trim_end_matches('"'));
    let is_weak = text.starts_with("W/") || text.starts_with("w/");
    is_encoded && (is_weak || COMPRESSED.iter().any(|suffix| bare.ends_with(suffix)))
}

/// Whether two `ETag`s are one: their hex digits have no case.
#[cfg(any(feature = "client", test))]
pub(crate) fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (value(one), value(other));
    one == other || (one.eq_ignore_ascii_case(other) && ETag::parse(one) != ETag::Opaque)
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
    count: u64,
    /// At least one, so that every byte is in some digest.
    candidates: Vec<Candidate>,
}

#[derive(Debug)]
struct Candidate {
    part_size_bytes: u64,
    /// How many parts there may be after this one: the last one takes all that is left.
    more_parts: u64,
    left_bytes: u64,
    part: Md5,
    whole: Md5,
}

/// The result of recomputing a multipart `ETag`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recomputed {
    /// Parts of this size in bytes give it.
    By(u64),
    /// It has one part, so that only one `ETag` is possible, and that is another one.
    Never,
    /// None of the part sizes in use gives it. A second reading of the same bytes has the same digest.
    No { digest: [u8; 16] },
}

impl PartsCheck {
    /// A check for an object of this size, or `None` if its `ETag` is not a multipart one.
    #[must_use]
    pub fn new(etag: &ETag, size_bytes: u64) -> Option<Self> {
        let ETag::Parts { md5, count } = *etag else { return None };
        let sizes = part_sizes(size_bytes, count);
        let mut candidates: Vec<_> = sizes.into_iter().map(|size| Candidate::new(size, count)).collect();
        if candidates.is_empty() {
            // It is no candidate, but a digest of the bytes.
            candidates.push(Candidate::new(u64::MAX, 1));
        }
        Some(Self { md5, count, candidates })
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
        match self.recompute() {
            Recomputed::By(part_size_bytes) => Some(part_size_bytes),
            Recomputed::Never | Recomputed::No { .. } => None,
        }
    }

    /// The same, and why not.
    pub(super) fn recompute(self) -> Recomputed {
        let (md5, count) = (self.md5, self.count);
        let mut first_digest = None;
        for candidate in self.candidates {
            let (part_size_bytes, digest) = candidate.finish();
            if digest == md5 {
                return Recomputed::By(part_size_bytes);
            }
            first_digest.get_or_insert(digest);
        }
        match first_digest {
            Some(digest) if count != 1 => Recomputed::No { digest },
            _ => Recomputed::Never,
        }
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
    let with_rest = WITH_REST_BYTES.into_iter().filter(|size| size_bytes / size == count);
    sizes.truncate(MOST_CANDIDATES - 1);
    sizes.extend(with_rest.filter(|size| seen.insert(*size)).take(1));
    sizes
}

impl Candidate {
    fn new(part_size_bytes: u64, count: u64) -> Self {
        let (part, whole) = (Md5::new(), Md5::new());
        let mut candidate = Self { part_size_bytes, more_parts: count, left_bytes: 0, part, whole };
        candidate.begin_part();
        candidate
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
            self.begin_part();
        }
        self.left_bytes
    }

    fn begin_part(&mut self) {
        self.more_parts = self.more_parts.saturating_sub(1);
        self.left_bytes = if self.more_parts == 0 { u64::MAX } else { self.part_size_bytes };
    }

    fn end_part(&mut self) {
        self.whole.update(&std::mem::replace(&mut self.part, Md5::new()).finish());
    }

    fn finish(mut self) -> (u64, [u8; 16]) {
        self.end_part();
        (self.part_size_bytes, self.whole.finish())
    }
}

/// The MD5 that rclone left in `x-amz-meta-md5chksum`, in base64.
pub(super) fn rclone_md5(text: &str) -> Option<[u8; 16]> {
    STANDARD_NO_PAD.decode(text.trim().trim_end_matches('=')).ok()?.try_into().ok()
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
    fn a_rest_that_is_in_the_last_part_as_distribution_puts_it_there_is_found() {
        let data = vec![7_u8; (22 << 20) + 5];
        let ends = [0, 10 << 20, data.len()];
        let digests: Vec<u8> =
            ends.windows(2).flat_map(|ends| md5::Md5::digest(&data[ends[0]..ends[1]])).collect();
        let etag = ETag::parse(&format!("{}-2", lower_hex(&md5::Md5::digest(&digests))));
        let mut check = PartsCheck::new(&etag, data.len() as u64).unwrap();
        data.chunks(1_000_003).for_each(|piece| check.update(piece));
        assert_eq!(check.finish(), Some(10 << 20));
    }

    #[test]
    fn readings_of_the_same_bytes_have_the_same_digest_and_others_another_one_whatever_the_etag() {
        let digest = |count: u64, bytes: &[u8]| {
            let mut check =
                PartsCheck::new(&ETag::Parts { md5: [0; 16], count }, bytes.len() as u64).unwrap();
            check.update(bytes);
            match check.recompute() {
                Recomputed::No { digest } => digest,
                other => panic!("{other:?}"),
            }
        };
        for count in [2, 3, 9_999] {
            assert_eq!(digest(count, b"abcdef"), digest(count, b"abcdef"));
            assert_ne!(digest(count, b"abcdef"), digest(count, b"abcdeg"));
        }
    }

    #[test]
    fn the_md5_that_rclone_left_is_read() {
        let md5 = |text: &str| rclone_md5(text).map(|md5| lower_hex(&md5));
        assert_eq!(md5("kAFQmDzST7DWlj99KOF/cg==").as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
        assert_eq!(md5("kAFQmDzST7DWlj99KOF/cg").as_deref(), Some("900150983cd24fb0d6963f7d28e17f72"));
        for other in ["", "x", "900150983cd24fb0d6963f7d28e17f72", "kAFQmDzST7DWlj99KOF/"] {
            assert_eq!(md5(other), None, "{other}");
        }
    }

    #[test]
    fn an_etag_is_a_value_whatever_a_proxy_made_of_its_text() {
        let plain = "900150983cd24fb0d6963f7d28e17f72";
        for text in [
            "\"900150983cd24fb0d6963f7d28e17f72\"",
            "W/\"900150983CD24FB0D6963F7D28E17F72\"",
            " \"900150983cd24fb0d6963f7d28e17f72-gzip\" ",
            "W/\"900150983cd24fb0d6963f7d28e17f72--gzip\"",
        ] {
            assert!(is_same(text, plain), "{text}");
            assert_eq!(ETag::parse(text), ETag::parse(plain), "{text}");
        }
        assert!(is_same("\"900150983CD24fb0d6963f7d28e17f72-2\"", "900150983cd24fb0d6963f7d28e17f72-2"));
        assert!(!is_same("900150983cd24fb0d6963f7d28e17f72-2", "900150983cd24fb0d6963f7d28e17f72-3"));
        assert!(says_compressed("\"x-gzip\"", true) && says_compressed("W/\"x\"", true));
        assert!(!says_compressed("\"x-gzip\"", false) && !says_compressed("\"x\"", true));
        assert!(!is_same("Opaque", "opaque"), "nothing says that its case means nothing");
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
