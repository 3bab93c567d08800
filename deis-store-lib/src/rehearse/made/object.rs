//! An object of the made cluster: its description, and its bytes when they are asked for. Pure.
//!
//! An object must not hold bytes that it can make, so that a bucket's description stays small.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

/// The type that boto sends for bytes of an unknown type. WAL-E and docker-registry write with boto.
const BOTO_TYPE: &str = "application/octet-stream";

/// The parts in which docker-registry uploads a layer.
pub(super) const PART_SIZE_BYTES: u64 = 5 << 20;

/// An object to be stored.
#[derive(Clone)]
#[non_exhaustive]
pub struct SampleObject {
    /// The object's key.
    pub key: String,
    /// `Content-Type`; none if its writer sent none.
    pub content_type: Option<String>,
    /// Other headers that are stored with it, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Metadata, by name without `x-amz-meta-`.
    pub meta: BTreeMap<String, String>,
    /// The time of writing in whole seconds. Each object of a bucket is later than the one before.
    pub modified: Timestamp,
    /// The size of the parts, if its writer used a multipart upload. That is so even where one part was enough.
    pub part_size_bytes: Option<u64>,
    body: Arc<dyn Fn() -> Vec<u8> + Send + Sync>,
}

impl SampleObject {
    /// Makes the object's bytes, 12 MiB at most. They are the same each time, and none of them is kept.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        (self.body)()
    }

    pub(super) fn new(key: impl Into<String>, body: impl Fn() -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self {
            key: key.into(),
            content_type: Some(BOTO_TYPE.to_owned()),
            headers: BTreeMap::new(),
            meta: BTreeMap::new(),
            modified: Timestamp::UNIX_EPOCH,
            part_size_bytes: None,
            body: Arc::new(body),
        }
    }

    pub(super) fn text(key: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        let text = text.into();
        Self::new(key, move || text.clone())
    }

    pub(super) fn of_type(mut self, content_type: Option<&str>) -> Self {
        self.content_type = content_type.map(str::to_owned);
        self
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    pub(super) fn with_meta(mut self, name: &str, value: &str) -> Self {
        self.meta.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Uploaded in parts, as docker-registry does it. boto sends no type when it begins such an upload.
    pub(super) fn in_parts(mut self) -> Self {
        self.content_type = None;
        self.part_size_bytes = Some(PART_SIZE_BYTES);
        self
    }
}

impl fmt::Debug for SampleObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SampleObject").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Gives objects their times, in the order in which they stand.
pub(super) fn dated(mut objects: Vec<SampleObject>, start: i64, step_seconds: i64) -> Vec<SampleObject> {
    for (second, object) in (0..).map(|place| start + place * step_seconds).zip(&mut objects) {
        object.modified = Timestamp::from_second(second).unwrap_or_default();
    }
    objects
}
