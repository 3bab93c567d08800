//! Limits that radosgw has as options.

/// Limits that radosgw has as options; by default they are as there. Small ones make a test small.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// A page of a listing of objects has at most so many entries, also where more are asked for
    /// (`rgw_max_listing_results`).
    pub page_entries: usize,
    /// Every part of an upload but the last one has at least so many bytes (`rgw_multipart_min_part_size`).
    pub least_part_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { page_entries: 1000, least_part_bytes: 5 << 20 }
    }
}
