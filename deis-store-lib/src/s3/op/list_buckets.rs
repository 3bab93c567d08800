//! `GET /`: the buckets of the user. It has no pages.

use super::{About, Head, Operation, Request, ServerTime, Target};
use crate::s3::{S3Error, xml};

/// Lists the buckets of the user.
#[derive(Clone, Copy, Debug)]
pub struct ListBuckets;

/// A bucket of the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created: ServerTime,
}

impl Operation for ListBuckets {
    type Output = Vec<Bucket>;

    fn request(&self) -> Request {
        Request::of_service()
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Vec<Bucket>, S3Error> {
        let (mut owner_id, mut name, mut created) = (String::new(), None, None);
        let (mut has_owner, mut has_buckets, mut buckets) = (false, false, Vec::new());
        xml::each_element(body, "ListAllMyBucketsResult", |path, text| {
            match path {
                "Owner/ID" => text.clone_into(&mut owner_id),
                "Buckets/Bucket/Name" => name = Some(text.to_owned()),
                "Buckets/Bucket/CreationDate" => created = Some(ServerTime::of_xml(text)),
                "Buckets/Bucket" => buckets.push(Bucket {
                    name: xml::required(name.take(), "Name")?,
                    created: xml::required(created.take(), "CreationDate")?,
                }),
                "Owner" => has_owner = true,
                "Buckets" => has_buckets = true,
                _ => {}
            }
            Ok(())
        })
        .map_err(|text| S3Error::unexpected(head, text))?;
        if !has_owner || !has_buckets {
            return Err(S3Error::unexpected(head, "the answer has no owner or no buckets"));
        }
        if owner_id == "anonymous" {
            // An unsigned request looks like an account without buckets.
            return Err(S3Error::unexpected(
                head,
                "the gateway saw an unsigned request: something took the signature away",
            ));
        }
        Ok(buckets)
    }
}

impl About for ListBuckets {
    fn target(&self) -> Target<'_> {
        Target::Service
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn parse(body: &str) -> Result<Vec<Bucket>, S3Error> {
        ListBuckets.parse(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    #[test]
    fn buckets_are_read() {
        let body = "<?xml version=\"1.0\"?><ListAllMyBucketsResult xmlns=\"x\"><Owner><ID>deis</ID><DisplayName/></Owner>\
                    <Buckets><Bucket><Name>db_wal</Name><CreationDate>2026-11-22T08:00:00.000Z</CreationDate></Bucket>\
                    </Buckets></ListAllMyBucketsResult>";
        assert_eq!(parse(body).unwrap()[0].name, "db_wal");
    }

    #[test]
    fn an_anonymous_answer_is_an_error_and_not_an_empty_account() {
        let body = "<ListAllMyBucketsResult><Owner><ID>anonymous</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>";
        assert!(parse(body).unwrap_err().finding.unwrap().contains("unsigned"));
    }
}
