//! `GET /BUCKET?uploads`: one page of the multipart uploads that are under way in a bucket.
//!
//! `encoding-type=url` is not asked for: radosgw 16.2 then encodes the keys and does not say so. Pages follow the last
//! key and id together, since after a key alone its uploads come again; whether there is another page only `IsTruncated`
//! says. The order is that of radosgw's own names, `KEY.ID.meta`, so it is not checked.

use super::request::{OfBucket, Parameter};
use super::{About, Head, Operation, Request, ServerTime, Target};
use crate::s3::{BucketName, ObjectKey, S3Error, xml};

/// One page of the uploads under way.
#[derive(Clone, Debug)]
pub struct ListUploads<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// Only keys that begin so.
    pub prefix: &'a str,
    /// Only what comes after this key and upload id, as the page before says.
    pub after: Option<&'a UploadMarker>,
    /// How many at most: 1 to 1000.
    pub max_uploads: u16,
}

/// A page of uploads, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadsPage {
    /// The uploads.
    pub uploads: Vec<ListedUpload>,
    /// The key and upload id that the next page follows, if there is one.
    pub next: Option<UploadMarker>,
}

/// The upload that a page of a listing ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadMarker {
    /// Its key.
    pub key: ObjectKey,
    /// Its id.
    pub upload_id: String,
}

/// An upload in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUpload {
    /// The key that it is for.
    pub key: ObjectKey,
    /// Its id.
    pub upload_id: String,
    /// When it began, to the millisecond.
    pub initiated: ServerTime,
}

impl UploadMarker {
    fn parts(&self) -> (&str, &str) {
        (&self.key, &self.upload_id)
    }
}

impl Operation for ListUploads<'_> {
    type Output = UploadsPage;

    fn request(&self) -> Request {
        let (key, upload_id) = self.after.map_or(("", ""), UploadMarker::parts);
        OfBucket::LIST_UPLOADS
            .request(self.bucket)
            .with(Parameter::MAX_UPLOADS, &self.max_uploads.clamp(1, 1000).to_string())
            .with(Parameter::PREFIX, self.prefix)
            .with(Parameter::KEY_MARKER, key)
            .with(Parameter::UPLOAD_ID_MARKER, upload_id)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<UploadsPage, S3Error> {
        let unexpected = |text: &str| S3Error::unexpected(head, text);
        let answer = Answer::read(body).map_err(|text| S3Error::unexpected(head, text))?;
        if answer.bucket != self.bucket.as_str() {
            return Err(unexpected("the answer lists another bucket"));
        }
        if !answer.uploads.iter().all(|upload| upload.key.starts_with(self.prefix)) {
            return Err(unexpected("the page lists keys of another prefix"));
        }
        let returns = |(key, upload_id): (&str, &str)| {
            answer.uploads.iter().any(|upload| upload.key == key && upload.upload_id == upload_id)
        };
        if self.after.map(UploadMarker::parts).is_some_and(returns) {
            return Err(unexpected("the page does not go on after the one before"));
        }
        let mut page = UploadsPage { uploads: answer.uploads, next: None };
        if answer.is_truncated {
            let last = page.uploads.last();
            let last = last.ok_or_else(|| unexpected("the page is empty and yet not the last"))?;
            page.next = Some(UploadMarker { key: last.key.clone(), upload_id: last.upload_id.clone() });
        }
        Ok(page)
    }
}

impl About for ListUploads<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

/// A page as it stands in the answer.
struct Answer {
    bucket: String,
    is_truncated: bool,
    uploads: Vec<ListedUpload>,
}

impl Answer {
    fn read(body: &[u8]) -> Result<Self, String> {
        let (mut bucket, mut is_truncated, mut uploads) = (None, None, Vec::new());
        let (mut key, mut upload_id, mut initiated) = (None, None, None);
        xml::each_element(body, "ListMultipartUploadsResult", |path, text| {
            match path {
                "Upload/Key" => key = Some(text.to_owned()),
                "Upload/UploadId" => upload_id = Some(text.to_owned()),
                "Upload/Initiated" => initiated = Some(ServerTime::of_xml(text)),
                "Upload" => uploads.push(ListedUpload {
                    key: ObjectKey::listed(xml::required(key.take(), "Key")?),
                    upload_id: xml::required(upload_id.take(), "UploadId")?,
                    initiated: xml::required(initiated.take(), "Initiated")?,
                }),
                "Bucket" => bucket = Some(text.to_owned()),
                "IsTruncated" => is_truncated = text.parse().ok(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            bucket: xml::required(bucket, "Bucket")?,
            is_truncated: xml::required(is_truncated, "IsTruncated")?,
            uploads,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn marker(key: &str, upload_id: &str) -> UploadMarker {
        UploadMarker { key: ObjectKey::new(key).unwrap(), upload_id: upload_id.to_owned() }
    }

    fn parse(
        after: Option<(&str, &str)>,
        uploads: &[(&str, &str)],
        truncated: bool,
    ) -> Result<UploadsPage, S3Error> {
        let upload = |(key, id): &(&str, &str)| {
            format!(
                "<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiator><ID>deis</ID></Initiator>\
                 <Initiated>2026-11-23T21:31:47.632Z</Initiated></Upload>"
            )
        };
        let uploads: String = uploads.iter().map(upload).collect();
        let body = format!(
            "<ListMultipartUploadsResult xmlns=\"x\"><Bucket>abc</Bucket><NextKeyMarker>z</NextKeyMarker>\
             <NextUploadIdMarker>z</NextUploadIdMarker><MaxUploads>2</MaxUploads><IsTruncated>{truncated}</IsTruncated>\
             {uploads}</ListMultipartUploadsResult>"
        );
        let bucket = BucketName::new("abc").unwrap();
        let after = after.map(|(key, id)| marker(key, id));
        let op = ListUploads { bucket: &bucket, prefix: "", after: after.as_ref(), max_uploads: 2 };
        op.parse(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    #[test]
    fn keys_are_taken_as_they_stand_and_only_is_truncated_counts() {
        let page = parse(None, &[("a-", "2~a"), ("a", "2~b"), (" %20\n&#x01; ", "2~c")], true).unwrap();
        assert_eq!(page.uploads[2].key, " %20\n\u{1} ");
        assert_eq!(page.next, Some(marker(" %20\n\u{1} ", "2~c")));
        assert_eq!(parse(None, &[("a", "2~a")], false).unwrap().next, None);
    }

    #[test]
    fn a_page_that_does_not_advance_is_an_error() {
        assert!(parse(Some(("a", "2~a")), &[("a", "2~b")], true).is_ok());
        assert!(parse(Some(("a", "2~a")), &[("a", "2~a"), ("b", "2~b")], true).is_err());
        assert!(parse(Some(("a", "2~a")), &[], true).is_err());
    }
}
