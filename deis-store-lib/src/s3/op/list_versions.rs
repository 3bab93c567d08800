//! `GET /BUCKET?versions`: one page of the versions of a bucket's objects, and of its delete markers.
//!
//! Pages follow the last key and version id together: after a key alone, radosgw 16.2 lists that key's versions again,
//! and after an id that it does not know it skips them. Of `NextKeyMarker`, see `list_objects`.

use super::list_objects::{decode, is_encoded};
use super::request::{OfBucket, Parameter};
use super::{About, Head, Operation, Request, ServerTime, Target};
use crate::s3::{BucketName, ObjectKey, S3Error, etag, xml};

/// One page of versions, flat.
#[derive(Clone, Debug)]
pub struct ListVersions<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Only what comes after this key and version id, as the page before says.
    pub after: Option<&'a VersionMarker>,
    /// How many at most: 1 to 1000.
    pub max_keys: u16,
}

/// A page of versions, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionsPage {
    /// The versions and delete markers, sorted bytewise by key; those of one key from the newest to the oldest.
    pub versions: Vec<ListedVersion>,
    /// The key and version id that the next page follows, if there is one.
    pub next: Option<VersionMarker>,
}

/// The version that a page of a listing ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionMarker {
    /// Its key.
    pub key: ObjectKey,
    /// Its id.
    pub version_id: String,
}

/// A version in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedVersion {
    /// The key.
    pub key: ObjectKey,
    /// Its id; `null` for what was written while the bucket was not versioned.
    pub version_id: String,
    /// Whether it is what the key stands for now.
    pub is_latest: bool,
    /// When it was written, to the millisecond.
    pub modified: ServerTime,
    /// Its content; `None` for a delete marker.
    pub content: Option<VersionContent>,
}

/// The content of a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionContent {
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The `ETag` without quotes.
    pub etag: String,
}

impl VersionMarker {
    fn parts(&self) -> (&str, &str) {
        (&self.key, &self.version_id)
    }
}

impl Operation for ListVersions<'_> {
    type Output = VersionsPage;

    fn request(&self) -> Request {
        let (key, version_id) = self.after.map_or(("", ""), VersionMarker::parts);
        OfBucket::LIST_VERSIONS
            .request(self.bucket)
            .with(Parameter::ENCODING_TYPE, "url")
            .with(Parameter::MAX_KEYS, &self.max_keys.clamp(1, 1000).to_string())
            .with(Parameter::PREFIX, self.prefix)
            .with(Parameter::KEY_MARKER, key)
            .with(Parameter::VERSION_ID_MARKER, version_id)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<VersionsPage, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        let answer = Answer::read(body).map_err(unexpected)?;
        if answer.name != self.bucket.as_str() {
            return Err(unexpected(format!("the answer lists the bucket {}", answer.name)));
        }
        let truncated = answer
            .is_truncated
            .ok_or_else(|| unexpected("the answer does not say whether it is the last page".to_owned()))?;
        let mut page = VersionsPage { versions: answer.versions, next: None };
        if answer.encoded {
            for version in page.versions.iter_mut().filter(|version| is_encoded(&version.key)) {
                version.key = ObjectKey::listed(decode(&version.key).map_err(unexpected)?);
            }
        }
        self.check(&page).map_err(unexpected)?;
        if truncated {
            let last = page.versions.last();
            let last = last.ok_or_else(|| unexpected("the page is empty and yet not the last".to_owned()))?;
            page.next = Some(VersionMarker { key: last.key.clone(), version_id: last.version_id.clone() });
        }
        Ok(page)
    }
}

impl About for ListVersions<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

impl ListVersions<'_> {
    /// Keys must be sorted, and no version come twice. How the ids of one key are sorted, they do not show.
    fn check(&self, page: &VersionsPage) -> Result<(), String> {
        let mut before = self.after.map(VersionMarker::parts);
        for version in &page.versions {
            let (key, version_id) = (version.key.as_str(), version.version_id.as_str());
            if before.is_some_and(|(last, last_id)| key < last || (key, version_id) == (last, last_id)) {
                return Err(format!("the page does not go on after `{}`", key.escape_debug()));
            }
            if !key.starts_with(self.prefix) {
                return Err("the page lists keys of another prefix".to_owned());
            }
            before = Some((key, version_id));
        }
        let returns = |(key, version_id): (&str, &str)| {
            page.versions.iter().any(|version| version.key == key && version.version_id == version_id)
        };
        if self.after.map(VersionMarker::parts).is_some_and(returns) {
            return Err("the page begins anew".to_owned());
        }
        Ok(())
    }
}

/// A page as it stands in the answer. Versions and delete markers come mixed, in the order of the listing.
#[derive(Default)]
struct Answer {
    name: String,
    encoded: bool,
    is_truncated: Option<bool>,
    versions: Vec<ListedVersion>,
}

impl Answer {
    fn read(body: &[u8]) -> Result<Self, String> {
        let (mut answer, mut entry) = (Self::default(), Entry::default());
        xml::each_element(body, "ListVersionsResult", |path, text| {
            match path.split_once('/') {
                Some(("Version" | "DeleteMarker", name)) => entry.element(name, text),
                None if path == "Version" || path == "DeleteMarker" => {
                    answer.versions.push(std::mem::take(&mut entry).version(path == "Version")?);
                }
                None if path == "Name" => text.clone_into(&mut answer.name),
                None if path == "EncodingType" => answer.encoded = text == "url",
                None if path == "IsTruncated" => answer.is_truncated = text.parse().ok(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(answer)
    }
}

#[derive(Default)]
struct Entry {
    key: Option<String>,
    version_id: Option<String>,
    is_latest: Option<bool>,
    modified: Option<ServerTime>,
    etag: Option<String>,
    size_bytes: Option<u64>,
}

impl Entry {
    fn element(&mut self, name: &str, text: &str) {
        match name {
            "Key" => self.key = Some(text.to_owned()),
            "VersionId" => self.version_id = Some(text.to_owned()),
            "IsLatest" => self.is_latest = text.parse().ok(),
            "LastModified" => self.modified = Some(ServerTime::of_xml(text)),
            "ETag" => self.etag = Some(etag::value(text).to_owned()),
            "Size" => self.size_bytes = text.parse().ok(),
            _ => {}
        }
    }

    fn version(self, has_content: bool) -> Result<ListedVersion, String> {
        let content = match (has_content, self.size_bytes, self.etag) {
            (false, _, _) => None,
            (true, Some(size_bytes), Some(etag)) => Some(VersionContent { size_bytes, etag }),
            (true, _, _) => return Err("a version has no size or no ETag".to_owned()),
        };
        Ok(ListedVersion {
            key: ObjectKey::listed(xml::required(self.key, "Key")?),
            version_id: xml::required(self.version_id, "VersionId")?,
            is_latest: xml::required(self.is_latest, "IsLatest")?,
            modified: xml::required(self.modified, "LastModified")?,
            content,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn entry(kind: &str, key: &str, version_id: &str) -> String {
        let content = if kind == "Version" { "<ETag>&quot;e&quot;</ETag><Size>3</Size>" } else { "" };
        format!(
            "<{kind}><Key>{key}</Key><VersionId>{version_id}</VersionId><IsLatest>false</IsLatest>\
             <LastModified>2026-11-23T21:30:05.911Z</LastModified>{content}<StorageClass>STANDARD</StorageClass>\
             <Owner><ID>deis</ID><DisplayName>deis</DisplayName></Owner><Type>Normal</Type></{kind}>"
        )
    }

    fn marker(key: &str, version_id: &str) -> VersionMarker {
        VersionMarker { key: ObjectKey::new(key).unwrap(), version_id: version_id.to_owned() }
    }

    fn parse(
        after: Option<(&str, &str)>,
        entries: &[String],
        truncated: bool,
    ) -> Result<VersionsPage, S3Error> {
        let body = format!(
            "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"x\"><EncodingType>url</EncodingType><Name>abc</Name>\
             <Prefix></Prefix><MaxKeys>2</MaxKeys><IsTruncated>{truncated}</IsTruncated><KeyMarker></KeyMarker>\
             <VersionIdMarker></VersionIdMarker><NextKeyMarker>a\n&#x01;</NextKeyMarker>{}</ListVersionsResult>",
            entries.concat()
        );
        let bucket = BucketName::new("abc").unwrap();
        let after = after.map(|(key, id)| marker(key, id));
        let op = ListVersions { bucket: &bucket, prefix: "", after: after.as_ref(), max_keys: 1000 };
        op.parse(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    #[test]
    fn versions_and_delete_markers_come_mixed_and_the_next_page_follows_key_and_id() {
        let entries = [
            entry("DeleteMarker", "a%20b", "v3"),
            entry("Version", "a%20b", "v2"),
            entry("DeleteMarker", "c", "v1"),
        ];
        let page = parse(None, &entries, true).unwrap();
        let seen: Vec<_> =
            page.versions.iter().map(|version| (version.key.as_str(), version.content.is_none())).collect();
        assert_eq!(seen, [("a b", true), ("a b", false), ("c", true)]);
        assert_eq!(page.next, Some(marker("c", "v1")));
        let content = page.versions[1].content.clone().unwrap();
        assert_eq!((content.size_bytes, content.etag.as_str()), (3, "e"));
    }

    #[test]
    fn a_page_that_does_not_advance_is_an_error() {
        let (v2, v1, b) =
            (entry("Version", "a", "v2"), entry("Version", "a", "v1"), entry("Version", "b", "v1"));
        assert!(parse(Some(("a", "v2")), &[v1.clone(), b.clone()], true).is_ok());
        assert!(parse(Some(("a", "v2")), &[v2.clone(), v1.clone()], true).is_err());
        assert!(parse(Some(("a", "v1")), &[v2.clone(), v1.clone()], true).is_err());
        assert!(parse(Some(("b", "v1")), std::slice::from_ref(&v1), false).is_err());
        assert!(parse(None, &[b, v1], false).is_err());
        assert!(parse(None, &[v2.clone(), v2], false).is_err());
        assert!(parse(None, &[], true).is_err());
    }

    #[test]
    fn a_bucket_without_versions_has_an_empty_page() {
        assert_eq!(parse(None, &[], false).unwrap(), VersionsPage::default());
    }
}
