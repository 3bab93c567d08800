//! The releases of PostgreSQL by the number at the head of each page of their log. Pure.

/// How the headers of pages and records are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Layout {
    /// 9.0 to 9.2. Of these only the header of a segment is read.
    V90,
    /// 9.3 and 9.4: records have a header of 32 bytes.
    V93,
    /// Since 9.5: records have a header of 24 bytes, and their data has a header too.
    V95,
}

impl Layout {
    /// By `XLOG_PAGE_MAGIC`.
    pub(super) fn of(magic: u16) -> Option<Self> {
        match magic {
            0xd064 | 0xd066 | 0xd071 => Some(Self::V90),
            0xd075 | 0xd07e => Some(Self::V93),
            // 9.5, 9.6, then 10 to 18.
            0xd087 | 0xd093 | 0xd097 | 0xd098 | 0xd101 | 0xd106 | 0xd10d | 0xd110 | 0xd113 | 0xd116
            | 0xd118 => Some(Self::V95),
            _ => None,
        }
    }

    /// The size of a record's header.
    pub(super) fn record_header_bytes(self) -> usize {
        match self {
            Self::V90 | Self::V93 => 32,
            Self::V95 => 24,
        }
    }
}
