//! Buckets in memory and the honest answers about them, in radosgw's words.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Bound;

use md5::{Digest as _, Md5};

use super::{Answer, Asked, Operation};
use crate::http::encode;
use crate::random::base64;

/// When every object was written, as a listing says it.
pub const MODIFIED: &str = "2026-11-22T08:00:00.000Z";
/// The same as a header.
pub const LAST_MODIFIED: &str = "Sun, 22 Nov 2026 08:00:00 GMT";

/// The `ETag`, without quotes, of an object that was stored in one request.
#[must_use]
pub fn etag(body: &[u8]) -> String {
    hex(&Md5::digest(body))
}

#[derive(Debug)]
pub(super) struct Store {
    buckets: BTreeMap<String, BTreeMap<String, Object>>,
    uploads: BTreeMap<String, BTreeMap<u32, Vec<u8>>>,
    /// The bucket and key of each upload.
    begun: BTreeMap<String, (String, String)>,
    completed: BTreeSet<String>,
    /// A page of a listing has at most so many entries.
    pub(super) page_entries: usize,
}

#[derive(Debug)]
pub(super) struct Object {
    pub(super) body: Vec<u8>,
    etag: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            buckets: BTreeMap::new(),
            uploads: BTreeMap::new(),
            begun: BTreeMap::new(),
            completed: BTreeSet::new(),
            page_entries: 1000,
        }
    }
}

impl Store {
    pub(super) fn make_bucket(&mut self, bucket: &str) {
        self.buckets.entry(bucket.to_owned()).or_default();
    }

    pub(super) fn put(&mut self, bucket: &str, key: &str, body: Vec<u8>) {
        let object = Object { etag: etag(&body), body };
        self.buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), object);
    }

    pub(super) fn delete(&mut self, bucket: &str, key: &str) {
        self.buckets.entry(bucket.to_owned()).or_default().remove(key);
    }

    pub(super) fn object(&self, bucket: &str, key: &str) -> Option<&Object> {
        self.buckets.get(bucket)?.get(key)
    }

    pub(super) fn answer(&mut self, asked: &Asked, body: Vec<u8>) -> Answer {
        let (bucket, key) = (asked.bucket().unwrap_or_default(), asked.key().unwrap_or_default());
        let operation = asked.operation();
        if !matches!(operation, Operation::ListBuckets | Operation::CreateBucket)
            && !self.buckets.contains_key(&bucket)
        {
            return Answer::error(404, "NoSuchBucket");
        }
        match operation {
            Operation::ListBuckets => self.list_buckets(),
            Operation::CreateBucket => {
                self.make_bucket(&bucket);
                Answer::new(200, "")
            }
            Operation::List => self.list(&bucket, asked),
            Operation::Head | Operation::Get => match self.object(&bucket, &key) {
                Some(object) => object.answer(asked),
                None => Answer::error(404, "NoSuchKey"),
            },
            Operation::Put => {
                if asked.header("if-none-match") == Some("*") && self.object(&bucket, &key).is_some() {
                    return Answer::error(412, "PreconditionFailed");
                }
                let answer = received(asked, &body);
                if answer.status == 200 {
                    self.put(&bucket, &key, body);
                }
                answer
            }
            Operation::Delete => {
                self.delete(&bucket, &key);
                Answer::new(204, "")
            }
            Operation::Initiate => self.initiate(&bucket, &key),
            Operation::Part => self.part(asked, body),
            Operation::Complete => self.complete(&bucket, &key, asked, &body),
            Operation::Abort => match self.uploads.remove(&asked.query("uploadId").unwrap_or_default()) {
                Some(_) => Answer::new(204, ""),
                None => Answer::error(404, "NoSuchUpload"),
            },
            Operation::ListParts => self.list_parts(&key, &asked.query("uploadId").unwrap_or_default()),
            Operation::ListUploads => self.list_uploads(&bucket, &asked.query("prefix").unwrap_or_default()),
            Operation::Other => Answer::error(405, "MethodNotAllowed"),
        }
    }

    fn list_buckets(&self) -> Answer {
        let mut text = String::from("<Owner><ID>deis</ID><DisplayName>deis</DisplayName></Owner><Buckets>");
        for name in self.buckets.keys() {
            let _ =
                write!(text, "<Bucket><Name>{name}</Name><CreationDate>{MODIFIED}</CreationDate></Bucket>");
        }
        document("ListAllMyBucketsResult", &format!("{text}</Buckets>"))
    }

    fn list(&self, bucket: &str, asked: &Asked) -> Answer {
        let asked_for = |name| asked.query(name).unwrap_or_default();
        let (prefix, marker, delimiter) = (asked_for("prefix"), asked_for("marker"), asked_for("delimiter"));
        let most = asked_for("max-keys").parse().unwrap_or(1000).min(self.page_entries);
        let mut entries: Vec<(String, Option<&Object>)> = Vec::new();
        let Some(objects) = self.buckets.get(bucket) else { return Answer::error(404, "NoSuchBucket") };
        for (key, object) in objects.range::<str, _>((Bound::Excluded(marker.as_str()), Bound::Unbounded)) {
            if entries.len() > most {
                break;
            }
            let Some(rest) = key.strip_prefix(&prefix) else { continue };
            let folded = (!delimiter.is_empty()).then(|| rest.find(&delimiter)).flatten();
            let entry = match folded {
                Some(at) => (format!("{prefix}{}", &rest[..at + delimiter.len()]), None),
                None => (key.clone(), Some(object)),
            };
            if entry.0 > marker && entries.last().is_none_or(|(last, _)| *last != entry.0) {
                entries.push(entry);
            }
        }
        let truncated = entries.len() > most;
        entries.truncate(most);
        let mut text = format!(
            "<EncodingType>url</EncodingType><Name>{bucket}</Name><Prefix>{}</Prefix><MaxKeys>{most}</MaxKeys>\
             <IsTruncated>{truncated}</IsTruncated>",
            encode(&prefix, true)
        );
        for (name, object) in entries {
            let name = encode(&name, true);
            let _ = match object {
                Some(Object { body, etag }) => write!(
                    text,
                    "<Contents><Key>{name}</Key><LastModified>{MODIFIED}</LastModified><ETag>&quot;{etag}&quot;</ETag>\
                     <Size>{}</Size></Contents>",
                    body.len()
                ),
                None => write!(text, "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"),
            };
        }
        let _ = write!(text, "<Marker>{}</Marker>", encode(&marker, true));
        document("ListBucketResult", &text)
    }

    fn initiate(&mut self, bucket: &str, key: &str) -> Answer {
        let id = format!("2~{}", self.uploads.len() + self.completed.len());
        self.uploads.insert(id.clone(), BTreeMap::new());
        self.begun.insert(id.clone(), (bucket.to_owned(), key.to_owned()));
        let key = encode(key, true);
        let text = format!("<Bucket>{bucket}</Bucket><Key>{key}</Key><UploadId>{id}</UploadId>");
        document("InitiateMultipartUploadResult", &text)
    }

    fn part(&mut self, asked: &Asked, body: Vec<u8>) -> Answer {
        let number = asked.query("partNumber").and_then(|number| number.parse().ok());
        let upload = self.uploads.get_mut(&asked.query("uploadId").unwrap_or_default());
        let (Some(number), Some(upload)) = (number, upload) else {
            return Answer::error(404, "NoSuchUpload");
        };
        let answer = received(asked, &body);
        if answer.status == 200 {
            upload.insert(number, body);
        }
        answer
    }

    /// All on one page; keys that XML cannot hold as they are are not for here.
    fn list_uploads(&self, bucket: &str, prefix: &str) -> Answer {
        let mut text = format!("<Bucket>{bucket}</Bucket><IsTruncated>false</IsTruncated>");
        for id in self.uploads.keys() {
            let Some((_, key)) =
                self.begun.get(id).filter(|(of, key)| of == bucket && key.starts_with(prefix))
            else {
                continue;
            };
            let _ = write!(
                text,
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{MODIFIED}</Initiated></Upload>"
            );
        }
        document("ListMultipartUploadsResult", &text)
    }

    /// All on one page.
    fn list_parts(&self, key: &str, id: &str) -> Answer {
        let Some(parts) = self.uploads.get(id) else { return Answer::error(404, "NoSuchKey") };
        let mut text = format!("<Key>{key}</Key><UploadId>{id}</UploadId><IsTruncated>false</IsTruncated>");
        for (number, part) in parts {
            let _ = write!(
                text,
                "<Part><PartNumber>{number}</PartNumber><LastModified>{MODIFIED}</LastModified><ETag>{}</ETag>\
                 <Size>{}</Size></Part>",
                etag(part),
                part.len()
            );
        }
        document("ListPartsResult", &text)
    }

    /// All parts must be named; the first answer has an empty `ETag`, a repeated request is answered likewise.
    fn complete(&mut self, bucket: &str, key: &str, asked: &Asked, body: &[u8]) -> Answer {
        let id = asked.query("uploadId").unwrap_or_default();
        let result = format!("<Bucket>{bucket}</Bucket><Key>{}</Key><ETag></ETag>", encode(key, true));
        if self.completed.contains(&id) {
            return document("CompleteMultipartUploadResult", &result);
        }
        let Some(parts) = self.uploads.get(&id) else { return Answer::error(500, "InternalError") };
        let named = String::from_utf8_lossy(body);
        let whole = parts.iter().all(|(number, part)| {
            named.contains(&format!("<PartNumber>{number}</PartNumber><ETag>{}<", etag(part)))
        });
        if !whole || parts.is_empty() || named.matches("<PartNumber>").count() != parts.len() {
            return Answer::error(400, "InvalidPart");
        }
        let digests: Vec<u8> = parts.values().flat_map(Md5::digest).collect();
        let object = Object {
            etag: format!("{}-{}", etag(&digests), parts.len()),
            body: parts.values().flatten().copied().collect(),
        };
        self.buckets.entry(bucket.to_owned()).or_default().insert(key.to_owned(), object);
        self.uploads.remove(&id);
        self.completed.insert(id);
        document("CompleteMultipartUploadResult", &result)
    }
}

impl Object {
    fn answer(&self, asked: &Asked) -> Answer {
        let quoted = format!("\"{}\"", self.etag);
        if asked.header("if-match").is_some_and(|wanted| wanted != quoted) {
            return Answer::error(412, "PreconditionFailed");
        }
        let size_bytes = self.body.len();
        let answer = match asked.header("range") {
            None => Answer::new(200, self.body.clone()),
            Some(range) => {
                let first = asked.from_byte();
                let last = range.rsplit('-').next().and_then(|last| last.parse().ok());
                let end = last.map_or(size_bytes, |last: usize| (last + 1).min(size_bytes));
                if first >= end {
                    return Answer::error(416, "InvalidRange");
                }
                let range = format!("bytes {first}-{}/{size_bytes}", end - 1);
                Answer::new(206, &self.body[first..end]).header("Content-Range", &range)
            }
        };
        answer
            .header("ETag", &quoted)
            .header("Last-Modified", LAST_MODIFIED)
            .header("Content-Type", "text/plain")
    }
}

/// The answer to a body that came: it is checked against `Content-MD5`.
fn received(asked: &Asked, body: &[u8]) -> Answer {
    let digest = Md5::digest(body);
    match asked.header("content-md5") {
        Some(md5) if md5 != base64(&digest) => Answer::error(400, "BadDigest"),
        _ => Answer::new(200, "").header("ETag", &format!("\"{}\"", hex(&digest))),
    }
}

fn document(root: &str, text: &str) -> Answer {
    let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    Answer::xml(
        200,
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?><{root} xmlns=\"{namespace}\">{text}</{root}>"),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
