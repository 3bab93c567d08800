//! A finished snapshot as a store, read-only. Its lists are read once; the bytes stay where they are.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use http::{HeaderName, HeaderValue, header};

use super::bucket::Bucket;
use super::content::{Content, Stored};
use super::index::Store;
use super::object::Object;
use crate::error::{At, Error, ErrorKind, Result};
use crate::gateway::acl::Acl;
use crate::part::Part;
use crate::snapshot::{ListLine, SnapshotReader};

impl Store {
    /// The buckets of a snapshot, read-only. It reads all object lists: in async code, use it in a blocking task.
    pub fn of_snapshot(snapshot: &SnapshotReader) -> Result<Self> {
        let mut buckets = BTreeMap::new();
        for (part, entry) in &snapshot.manifest().parts {
            if part.as_bucket().is_none() || entry.lists.is_empty() {
                continue;
            }
            let mut bucket = Bucket::new(snapshot.manifest().started, Acl::private());
            for line in snapshot.lines(part)? {
                let line = line?;
                if line.outcome.is_on_disk() {
                    let key = line.key.clone();
                    bucket.objects.insert(key, Arc::new(object(snapshot, part, line)?));
                }
            }
            let name = entry.bucket.clone().unwrap_or_else(|| part.name().to_owned());
            buckets.insert(name, bucket);
        }
        Ok(Self { buckets: Mutex::new(buckets), writable: false, ..Self::in_memory() })
    }
}

fn object(snapshot: &SnapshotReader, part: &Part, line: ListLine) -> Result<Object> {
    let bad = |name: &str| {
        Error::new(ErrorKind::Damaged, "an object list has a header that cannot be sent")
            .at(At::Key, &line.key)
            .at(At::Header, name)
    };
    let mut headers = Vec::with_capacity(line.headers.len() + line.meta.len() + 1);
    let mut add = |name: &str, value: &str| {
        let header = HeaderName::try_from(name).map_err(|_| bad(name))?;
        headers.push((header, HeaderValue::from_bytes(value.as_bytes()).map_err(|_| bad(name))?));
        Ok::<_, Error>(())
    };
    if let Some(content_type) = &line.content_type {
        add(header::CONTENT_TYPE.as_str(), content_type)?;
    }
    for (name, value) in &line.headers {
        add(name, value)?;
    }
    for (name, value) in &line.meta {
        add(&format!("x-amz-meta-{name}"), value)?;
    }
    let (etag, modified) = (line.etag.clone(), line.modified);
    let mut found_by = ListLine::new(line.key, line.size_bytes, "", modified);
    found_by.other_path = line.other_path;
    let stored = Stored { snapshot: snapshot.clone(), part: part.clone(), line: found_by };
    let content = Content::Snapshot(Arc::new(stored));
    Ok(Object { content, etag, modified, headers, acl: Acl::private(), upload: None })
}
