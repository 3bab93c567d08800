//! The buckets of a finished snapshot. Its lists are read once; the bytes stay where they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::{HeaderName, HeaderValue, header};

use super::bucket::{Bucket, Buckets};
use super::content::Content;
use super::failures::Failures;
use super::object::{Headers, Object};
use super::stored::{Source, Stored};
use crate::error::{At, Error, ErrorKind, Result};
use crate::gateway::acl::Acl;
use crate::part::Part;
use crate::restorable::HeldBack;
use crate::snapshot::{ListLine, SnapshotReader};

/// So many sets of headers are looked at for one that an object shares with an earlier one.
const RECENT: usize = 8;

/// What of the parts of a snapshot is not served, since something that it needs is lost.
pub(crate) type HeldBackParts = BTreeMap<Part, HeldBack>;

/// The buckets of a snapshot, by the names of their parts.
pub(super) struct Sources {
    snapshot: SnapshotReader,
    sources: BTreeMap<String, Arc<Source>>,
}

impl Sources {
    pub(super) fn new(snapshot: &SnapshotReader, failures: &Arc<Failures>) -> Self {
        let buckets = snapshot.manifest().parts.keys().filter(|part| part.as_bucket().is_some());
        let source = |part: &Part| {
            let source =
                Source { snapshot: snapshot.clone(), part: part.clone(), failures: failures.clone() };
            (part.name().to_owned(), Arc::new(source))
        };
        Self { snapshot: snapshot.clone(), sources: buckets.map(source).collect() }
    }

    /// All of them with their objects, but for what is held back.
    pub(super) fn buckets(&self, held: &HeldBackParts) -> Result<Buckets> {
        let (manifest, mut buckets) = (self.snapshot.manifest(), Buckets::new());
        for source in self.sources.values() {
            let Some(entry) = manifest.parts.get(&source.part).filter(|entry| !entry.lists.is_empty()) else {
                continue;
            };
            let mut bucket = Bucket::new(manifest.started, Acl::private());
            let mut recent = Vec::with_capacity(RECENT);
            let held = held.get(&source.part);
            for line in self.snapshot.lines(&source.part)? {
                let line = line?;
                let is_held = held.is_some_and(|held| held.lost(&line.key).is_some());
                if line.outcome.is_on_disk() && !is_held {
                    let key = line.key.clone();
                    bucket.objects.insert(key, Arc::new(object(source, line, &mut recent)?));
                }
            }
            let name = entry.bucket.clone().unwrap_or_else(|| source.part.name().to_owned());
            if let Some(_twin) = buckets.insert(name.clone(), bucket) {
                let error = Error::new(ErrorKind::Damaged, "the manifest has two parts of one bucket");
                return Err(error.at(At::Bucket, name));
            }
        }
        Ok(buckets)
    }

    /// An object, by the name of its part; `None` if there is no such part.
    pub(super) fn stored(
        &self,
        part: &str,
        key: &str,
        size_bytes: u64,
        path: Option<&str>,
    ) -> Option<Stored> {
        let source = self.sources.get(part)?.clone();
        Some(Stored { source, key: key.into(), size_bytes, other_path: path.map(Into::into) })
    }
}

fn object(source: &Arc<Source>, line: ListLine, recent: &mut Vec<Headers>) -> Result<Object> {
    let headers = shared(headers(&line)?, recent);
    let stored = Stored {
        source: source.clone(),
        key: line.key.into(),
        size_bytes: line.size_bytes,
        other_path: line.other_path.map(Into::into),
    };
    let content = Content::Snapshot(Arc::new(stored));
    let (etag, modified) = (line.etag, line.modified);
    Ok(Object { content, etag, modified, headers, acl: Acl::private(), upload: None })
}

/// The headers that an object is given with.
fn headers(line: &ListLine) -> Result<Vec<(HeaderName, HeaderValue)>> {
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
    Ok(headers)
}

/// The same headers as an object before it had, if there is one: most objects of a bucket have equal ones.
fn shared(headers: Vec<(HeaderName, HeaderValue)>, recent: &mut Vec<Headers>) -> Headers {
    if let Some(known) = recent.iter().find(|known| known[..] == headers[..]) {
        return known.clone();
    }
    let headers: Headers = headers.into();
    if recent.len() == RECENT {
        recent.remove(0);
    }
    recent.push(headers.clone());
    headers
}
