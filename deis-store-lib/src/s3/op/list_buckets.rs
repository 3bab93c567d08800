//! `GET /`: the buckets of the user. It has no pages.

use serde::Deserialize;

use super::{Head, Operation, Request};
use crate::s3::{S3Error, xml};

/// Lists the buckets of the user.
#[derive(Clone, Copy, Debug)]
pub struct ListBuckets;

/// A bucket of the user.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// When it was made: RFC 3339.
    #[serde(rename = "CreationDate")]
    pub created: String,
}

impl Operation for ListBuckets {
    type Output = Vec<Bucket>;

    fn request(&self) -> Request {
        Request::of_service()
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Vec<Bucket>, S3Error> {
        let answer: Answer =
            xml::parse(body, "ListAllMyBucketsResult").map_err(|text| S3Error::unexpected(head, text))?;
        if answer.owner.id == "anonymous" {
            // An unsigned request looks like an account without buckets.
            return Err(S3Error::unexpected(
                head,
                "the gateway saw an unsigned request: something took the signature away",
            ));
        }
        Ok(answer.buckets.bucket)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    owner: Owner,
    buckets: Buckets,
}

#[derive(Deserialize)]
struct Owner {
    #[serde(rename = "ID", default)]
    id: String,
}

#[derive(Deserialize)]
struct Buckets {
    #[serde(rename = "Bucket", default)]
    bucket: Vec<Bucket>,
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
