//! `GET /BUCKET/KEY?uploadId=U`: one page of the parts of an upload. Of an upload that it does not know, radosgw says
//! `NoSuchKey`.

use super::request::{OfObject, Parameter};
use super::{About, Head, Operation, Request, ServerTime, Target};
use crate::s3::etag::ETag;
use crate::s3::{BucketName, ObjectKey, S3Error, xml};

/// One page of the parts of an upload.
#[derive(Clone, Debug)]
pub struct ListParts<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The upload's id.
    pub upload_id: &'a str,
    /// Only parts with a number over this one; 0 for the first page.
    pub after: u16,
    /// How many at most: 1 to 1000.
    pub max_parts: u16,
}

/// A page of parts, read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartsPage {
    /// The parts, by number.
    pub parts: Vec<ListedPart>,
    /// The number that the next page follows, if there is one.
    pub next: Option<u16>,
}

/// A part in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number, from 1.
    pub number: u16,
    /// Its size in bytes.
    pub size_bytes: u64,
    /// The MD5 of its bytes.
    pub md5: [u8; 16],
    /// When it was written, to the millisecond.
    pub modified: ServerTime,
}

impl Operation for ListParts<'_> {
    type Output = PartsPage;

    fn request(&self) -> Request {
        let after = if self.after == 0 { String::new() } else { self.after.to_string() };
        OfObject::LIST_PARTS
            .request(self.bucket, self.key, [self.upload_id])
            .with(Parameter::MAX_PARTS, &self.max_parts.clamp(1, 1000).to_string())
            .with(Parameter::PART_NUMBER_MARKER, &after)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<PartsPage, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        let answer = Answer::read(body).map_err(unexpected)?;
        if (answer.key.as_str(), answer.upload_id.as_str()) != (self.key.as_str(), self.upload_id) {
            return Err(unexpected("the answer is about another upload".to_owned()));
        }
        let mut page = PartsPage::default();
        let mut last = self.after;
        for part in answer.parts {
            if part.number <= last {
                return Err(unexpected(format!("the page does not go on after part {last}")));
            }
            last = part.number;
            page.parts.push(part);
        }
        if answer.is_truncated {
            if page.parts.is_empty() {
                return Err(unexpected("the page is empty and yet not the last".to_owned()));
            }
            page.next = Some(last);
        }
        Ok(page)
    }
}

impl About for ListParts<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}

/// A page as it stands in the answer.
struct Answer {
    key: String,
    upload_id: String,
    is_truncated: bool,
    parts: Vec<ListedPart>,
}

impl Answer {
    fn read(body: &[u8]) -> Result<Self, String> {
        let (mut key, mut upload_id, mut is_truncated) = (None, None, None);
        let (mut part, mut parts) = (Part::default(), Vec::new());
        xml::each_element(body, "ListPartsResult", |path, text| {
            match path {
                "Part/PartNumber" => part.number = text.parse().ok(),
                "Part/LastModified" => part.modified = Some(ServerTime::of_xml(text)),
                "Part/ETag" => part.etag = Some(text.to_owned()),
                "Part/Size" => part.size_bytes = text.parse().ok(),
                "Part" => parts.push(std::mem::take(&mut part).read()?),
                "Key" => key = Some(text.to_owned()),
                "UploadId" => upload_id = Some(text.to_owned()),
                "IsTruncated" => is_truncated = text.parse().ok(),
                _ => {}
            }
            Ok(())
        })?;
        Ok(Self {
            key: xml::required(key, "Key")?,
            upload_id: xml::required(upload_id, "UploadId")?,
            is_truncated: xml::required(is_truncated, "IsTruncated")?,
            parts,
        })
    }
}

#[derive(Default)]
struct Part {
    number: Option<u16>,
    modified: Option<ServerTime>,
    etag: Option<String>,
    size_bytes: Option<u64>,
}

impl Part {
    fn read(self) -> Result<ListedPart, String> {
        let number = xml::required(self.number, "PartNumber")?;
        let etag = xml::required(self.etag, "ETag")?;
        let ETag::Md5(md5) = ETag::parse(&etag) else {
            return Err(format!("part {number} has the ETag {etag}"));
        };
        Ok(ListedPart {
            number,
            size_bytes: xml::required(self.size_bytes, "Size")?,
            md5,
            modified: xml::required(self.modified, "LastModified")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn parse(after: u16, numbers: &[u16], truncated: bool) -> Result<PartsPage, S3Error> {
        let part = |number: &u16| {
            format!(
                "<Part><LastModified>2026-11-23T21:31:47.672Z</LastModified><PartNumber>{number}</PartNumber>\
                 <ETag>&quot;6dbf9ac2da09ee1d3debf5a51873ec6d&quot;</ETag><Size>2</Size></Part>"
            )
        };
        let parts: String = numbers.iter().map(part).collect();
        // On the last page, radosgw's `NextPartNumberMarker` may be 0.
        let body = format!(
            "<ListPartsResult xmlns=\"x\"><Bucket>abc</Bucket><Key> k\n</Key><UploadId>2~a</UploadId>\
             <PartNumberMarker>{after}</PartNumberMarker><NextPartNumberMarker>0</NextPartNumberMarker>\
             <MaxParts>2</MaxParts><IsTruncated>{truncated}</IsTruncated><Owner><ID></ID></Owner>{parts}</ListPartsResult>"
        );
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new(" k\n").unwrap());
        let op = ListParts { bucket: &bucket, key: &key, upload_id: "2~a", after, max_parts: 2 };
        op.parse(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    #[test]
    fn the_next_page_follows_the_last_part() {
        let page = parse(0, &[1, 7], true).unwrap();
        assert_eq!((page.next, page.parts[1].number, page.parts[1].md5[0]), (Some(7), 7, 0x6d));
        assert_eq!(parse(7, &[8], false).unwrap().next, None);
        assert_eq!(parse(8, &[], false).unwrap(), PartsPage::default());
    }

    #[test]
    fn a_page_that_does_not_advance_is_an_error() {
        assert!(parse(7, &[7, 8], true).is_err());
        assert!(parse(0, &[2, 1], false).is_err());
        assert!(parse(0, &[0], false).is_err());
        assert!(parse(0, &[], true).is_err());
    }

    #[test]
    fn the_first_page_follows_no_part() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let mut op = ListParts { bucket: &bucket, key: &key, upload_id: "2~a", after: 0, max_parts: 5000 };
        assert_eq!(op.request().target(), "/abc/k?uploadId=2~a&max-parts=1000");
        op.after = 9;
        assert_eq!(op.request().target(), "/abc/k?uploadId=2~a&max-parts=1000&part-number-marker=9");
    }
}
