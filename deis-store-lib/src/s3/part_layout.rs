//! How an object is cut into parts. Pure.

use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "backup")]
use crate::s3::{Checked, etag::ETag};

const MIB: u64 = 1 << 20;

/// S3's least size of all parts but the last.
const LEAST_PART_BYTES: u64 = 5 * MIB;

/// S3's largest object; radosgw's `rgw_multipart_part_upload_limit` is 10,000 parts.
const MOST_BYTES: u64 = 5 << 40;
const MOST_PARTS: u64 = 10_000;

/// Parts of this size where nothing else is asked for: four of radosgw's stripes, and few enough bytes to send again.
const USUAL_PART_BYTES: u64 = 16 * MIB;

/// The cut of an object of known size: parts of one size, and the last one smaller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartLayout {
    size_bytes: u64,
    part_size_bytes: u64,
}

impl PartLayout {
    /// The usual cut of so many bytes, or that into parts of a given size, if these can be uploaded. Over 5 TiB is an
    /// [`ErrorKind::Unsupported`].
    pub fn new(size_bytes: u64, part_size_bytes: Option<u64>) -> Result<Self> {
        if size_bytes > MOST_BYTES {
            return Err(Error::new(ErrorKind::Unsupported, "an object has at most 5 TiB")
                .todo("split it, and upload the pieces"));
        }
        let fits = |size: &u64| {
            let count = size_bytes.div_ceil((*size).max(1));
            (*size > 0 && count <= 1) || (*size >= LEAST_PART_BYTES && count <= MOST_PARTS)
        };
        let usual =
            || size_bytes.div_ceil(MOST_PARTS).div_ceil(MIB).saturating_mul(MIB).max(USUAL_PART_BYTES);
        let part_size_bytes = part_size_bytes.filter(fits).unwrap_or_else(usual);
        Ok(Self { size_bytes, part_size_bytes })
    }

    /// The cut of an object whose parts were found, if it can be uploaded so again and has the same `ETag` then.
    #[cfg(feature = "backup")]
    pub(crate) fn of_checked(checked: Checked, size_bytes: u64, etag: &str) -> Option<Self> {
        let (Checked::Parts(part_size_bytes), ETag::Parts { count, .. }) = (checked, ETag::parse(etag))
        else {
            return None;
        };
        let layout = Self::new(size_bytes, Some(part_size_bytes)).ok()?;
        (layout.part_size_bytes == part_size_bytes && layout.count() == count).then_some(layout)
    }

    /// The size of all parts but the last.
    #[must_use]
    pub fn part_size_bytes(&self) -> u64 {
        self.part_size_bytes
    }

    /// How many parts: one at least, and of an empty object it is empty.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.size_bytes.div_ceil(self.part_size_bytes).max(1)
    }

    /// Where a part begins and how long it is; `None` if there is no part of this number, counted from 1.
    #[must_use]
    pub fn part(&self, number: u64) -> Option<(u64, u64)> {
        if !(1..=self.count()).contains(&number) {
            return None;
        }
        let offset = (number - 1) * self.part_size_bytes;
        Some((offset, self.part_size_bytes.min(self.size_bytes - offset)))
    }

    /// The size of a part.
    #[must_use]
    pub fn part_bytes(&self, number: u16) -> Option<u64> {
        self.part(number.into()).map(|(_, bytes)| bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_largest_object_has_ten_thousand_parts_and_no_larger_one_any() {
        let cut = PartLayout::new(MOST_BYTES, None).unwrap();
        assert_eq!((cut.count(), cut.part_size_bytes()), (9_987, 525 * MIB));
        assert_eq!(PartLayout::new(MOST_BYTES + 1, None).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_part_size_is_kept_where_it_can_be() {
        let part_size = |size, wanted| PartLayout::new(size, Some(wanted)).unwrap().part_size_bytes();
        assert_eq!(part_size(20 * MIB, 15 * MIB), 15 * MIB);
        assert_eq!(part_size(3, 3), 3);
        assert_eq!(part_size(20 * MIB, MIB), USUAL_PART_BYTES);
        assert_eq!(part_size(1 << 40, 5 * MIB), 105 * MIB);
        assert_eq!(part_size(0, 0), USUAL_PART_BYTES);
    }

    proptest! {
        #[test]
        fn parts_are_the_whole_and_nothing_else(size in 0..=MOST_BYTES, wanted in proptest::option::of(0..MOST_BYTES)) {
            let cut = PartLayout::new(size, wanted).unwrap();
            prop_assert!(cut.count() <= MOST_PARTS);
            let mut end = 0;
            for number in 1..=cut.count() {
                let (offset, bytes) = cut.part(number).unwrap();
                prop_assert!(offset == end && (number == cut.count() || bytes == cut.part_size_bytes()));
                prop_assert!(cut.count() == 1 || number == cut.count() || bytes >= LEAST_PART_BYTES);
                end += bytes;
            }
            prop_assert_eq!(end, size);
            prop_assert!(cut.part(0).is_none() && cut.part(cut.count() + 1).is_none());
        }
    }
}
