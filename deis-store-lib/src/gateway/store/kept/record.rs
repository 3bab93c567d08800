//! A change as the journal has it. Pure.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::gateway::acl::Acl;
use crate::gateway::store::bucket::Part;
use crate::gateway::store::change::Change;
use crate::gateway::store::content::Content;
use crate::gateway::store::kept_file::{KeptFile, Place};
use crate::gateway::store::object::{Headers, Object};
use crate::gateway::store::snapshot::Sources;

/// A change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Record {
    CreateBucket { bucket: String, created: Time, acl: Acl },
    SetBucketAcl { bucket: String, acl: Acl },
    DeleteBucket { bucket: String },
    PutObject { bucket: String, key: String, object: ObjectRecord },
    DeleteObject { bucket: String, key: String },
    BeginUpload { bucket: String, key: String, id: String, initiated: Time, headers: HeadersRecord, acl: Acl },
    PutPart { bucket: String, key: String, id: String, number: u32, part: PartRecord },
    EndUpload { bucket: String, key: String, id: String },
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ObjectRecord {
    bytes: Vec<Piece>,
    etag: String,
    modified: Time,
    headers: HeadersRecord,
    acl: Acl,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upload: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PartRecord {
    bytes: Vec<Piece>,
    md5: [u8; 16],
    modified: Time,
}

/// A file, or a range of it.
#[derive(Debug, Serialize, Deserialize)]
struct Piece {
    of: Source,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    range: Option<(u64, u64)>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// A file of the directory.
    File { number: u64, size: u64 },
    /// An object of the snapshot.
    Snapshot {
        part: String,
        key: String,
        size: u64,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        path: Option<String>,
    },
}

/// A time to the nanosecond.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Time(String);

/// Names and values, of which each character is a byte: they need not be UTF-8.
type HeadersRecord = Vec<(String, String)>;

/// What the changes of a journal speak of.
pub(super) struct Known {
    pub(super) place: Arc<Place>,
    pub(super) sources: Sources,
    /// Each file once, since its last owner removes it.
    pub(super) files: BTreeMap<u64, Arc<KeptFile>>,
}

impl Record {
    /// `None` if it speaks of bytes that are kept nowhere.
    pub(super) fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::CreateBucket { bucket, created, acl } => {
                Self::CreateBucket { bucket: bucket.clone(), created: Time::of(*created), acl: acl.clone() }
            }
            Change::SetBucketAcl { bucket, acl } => {
                Self::SetBucketAcl { bucket: bucket.clone(), acl: acl.clone() }
            }
            Change::DeleteBucket { bucket } => Self::DeleteBucket { bucket: bucket.clone() },
            Change::PutObject { bucket, key, object } => Self::PutObject {
                bucket: bucket.clone(),
                key: key.clone(),
                object: ObjectRecord::of(object)?,
            },
            Change::DeleteObject { bucket, key } => {
                Self::DeleteObject { bucket: bucket.clone(), key: key.clone() }
            }
            Change::BeginUpload { bucket, key, id, initiated, headers, acl } => Self::BeginUpload {
                bucket: bucket.clone(),
                key: key.clone(),
                id: id.clone(),
                initiated: Time::of(*initiated),
                headers: written(headers),
                acl: acl.clone(),
            },
            Change::PutPart { bucket, key, id, number, part } => Self::PutPart {
                bucket: bucket.clone(),
                key: key.clone(),
                id: id.clone(),
                number: *number,
                part: PartRecord::of(part)?,
            },
            Change::EndUpload { bucket, key, id } => {
                Self::EndUpload { bucket: bucket.clone(), key: key.clone(), id: id.clone() }
            }
        })
    }

    /// `None` if it is not what this program writes.
    pub(super) fn change(self, known: &mut Known) -> Option<Change> {
        Some(match self {
            Self::CreateBucket { bucket, created, acl } => {
                Change::CreateBucket { bucket, created: created.read()?, acl }
            }
            Self::SetBucketAcl { bucket, acl } => Change::SetBucketAcl { bucket, acl },
            Self::DeleteBucket { bucket } => Change::DeleteBucket { bucket },
            Self::PutObject { bucket, key, object } => {
                Change::PutObject { bucket, key, object: Arc::new(object.read(known)?) }
            }
            Self::DeleteObject { bucket, key } => Change::DeleteObject { bucket, key },
            Self::BeginUpload { bucket, key, id, initiated, headers, acl } => Change::BeginUpload {
                bucket,
                key,
                id,
                initiated: initiated.read()?,
                headers: read(&headers)?,
                acl,
            },
            Self::PutPart { bucket, key, id, number, part } => {
                Change::PutPart { bucket, key, id, number, part: part.read(known)? }
            }
            Self::EndUpload { bucket, key, id } => Change::EndUpload { bucket, key, id },
        })
    }
}

impl ObjectRecord {
    fn of(object: &Object) -> Option<Self> {
        Some(Self {
            bytes: pieces(&object.content)?,
            etag: object.etag.clone(),
            modified: Time::of(object.modified),
            headers: written(&object.headers),
            acl: object.acl.clone(),
            upload: object.upload.clone(),
        })
    }

    fn read(self, known: &mut Known) -> Option<Object> {
        Some(Object {
            content: known.content(self.bytes)?,
            etag: self.etag,
            modified: self.modified.read()?,
            headers: read(&self.headers)?,
            acl: self.acl,
            upload: self.upload,
        })
    }
}

impl PartRecord {
    fn of(part: &Part) -> Option<Self> {
        Some(Self { bytes: pieces(&part.content)?, md5: part.md5, modified: Time::of(part.modified) })
    }

    fn read(self, known: &mut Known) -> Option<Part> {
        let (content, modified) = (known.content(self.bytes)?, self.modified.read()?);
        Some(Part { content, md5: self.md5, modified })
    }
}

impl Time {
    fn of(time: Timestamp) -> Self {
        Self(time.to_string())
    }

    fn read(&self) -> Option<Timestamp> {
        self.0.parse().ok()
    }
}

fn pieces(content: &Content) -> Option<Vec<Piece>> {
    let of = match content {
        Content::Joined(parts) => {
            let pieces: Option<Vec<_>> = parts.iter().map(pieces).collect();
            return pieces.map(|pieces| pieces.into_iter().flatten().collect());
        }
        Content::Slice(whole, range) => {
            let mut pieces = pieces(whole)?;
            // A slice is of one file alone.
            let [Piece { range: none @ None, .. }] = &mut pieces[..] else { return None };
            *none = Some((range.start, range.end));
            return Some(pieces);
        }
        Content::Kept(file) => Source::File { number: file.number(), size: file.size_bytes() },
        Content::Snapshot(stored) => Source::Snapshot {
            part: stored.part().to_owned(),
            key: stored.key().to_owned(),
            size: stored.size_bytes(),
            path: stored.other_path().map(str::to_owned),
        },
        Content::Bytes(_) | Content::Spooled(_) => return None,
    };
    Some(vec![Piece { of, range: None }])
}

impl Known {
    fn content(&mut self, pieces: Vec<Piece>) -> Option<Content> {
        let mut contents = Vec::with_capacity(pieces.len());
        let mut length_bytes = 0_u64;
        for Piece { of, range } in pieces {
            let whole = match of {
                Source::File { number, size } => Content::Kept(self.file(number, size)?),
                Source::Snapshot { part, key, size, path } => {
                    Content::Snapshot(Arc::new(self.sources.stored(&part, &key, size, path.as_deref())?))
                }
            };
            let content = match range {
                Some((start, end)) if start <= end && end <= whole.length_bytes() => {
                    whole.slice(Range { start, end })
                }
                Some(_) => return None,
                None => whole,
            };
            length_bytes = length_bytes.checked_add(content.length_bytes())?;
            contents.push(content);
        }
        Some(match contents.pop() {
            Some(only) if contents.is_empty() => only,
            last => Content::join(contents.into_iter().chain(last).collect()),
        })
    }

    fn file(&mut self, number: u64, size_bytes: u64) -> Option<Arc<KeptFile>> {
        let known = || Arc::new(KeptFile::known(&self.place, number, size_bytes));
        let file = self.files.entry(number).or_insert_with(known).clone();
        (file.size_bytes() == size_bytes && number < u64::MAX).then_some(file)
    }
}

fn written(headers: &Headers) -> HeadersRecord {
    let text = |value: &HeaderValue| value.as_bytes().iter().copied().map(char::from).collect();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}

fn read(headers: &[(String, String)]) -> Option<Headers> {
    let header = |(name, value): &(String, String)| {
        let bytes: Option<Vec<u8>> = value.chars().map(|byte| u8::try_from(u32::from(byte)).ok()).collect();
        Some((HeaderName::try_from(name).ok()?, HeaderValue::from_bytes(&bytes?).ok()?))
    };
    headers.iter().map(header).collect()
}
