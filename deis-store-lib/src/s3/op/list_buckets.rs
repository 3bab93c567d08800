//! `GET /`: the buckets of the user. It has no pages. Some servers do not say whose they are.

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

/// The owner of unsigned requests, by radosgw and by AWS.
const ANONYMOUS: [&str; 2] = ["anonymous", "65a011a29cdf8ec533ec3d1ccaae921c"];

impl Operation for ListBuckets {
    type Output = Vec<Bucket>;

    fn request(&self) -> Request {
        Request::of_service()
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Vec<Bucket>, S3Error> {
        let (mut owner_id, mut name, mut created) = (String::new(), None, None);
        let (mut has_buckets, mut buckets) = (false, Vec::new());
        xml::each_element(body, "ListAllMyBucketsResult", |path, text| {
            match path {
                "Owner/ID" => text.clone_into(&mut owner_id),
                "Buckets/Bucket/Name" => name = Some(text.to_owned()),
                "Buckets/Bucket/CreationDate" => created = Some(ServerTime::of_xml(text)),
                "Buckets/Bucket" => buckets.push(Bucket {
                    name: xml::required(name.take(), "Name")?,
                    created: xml::required(created.take(), "CreationDate")?,
                }),
                "Buckets" => has_buckets = true,
                _ => {}
            }
            Ok(())
        })
        .map_err(|text| S3Error::unexpected(head, text))?;
        if !has_buckets {
            return Err(S3Error::unexpected(head, "the answer has no list of buckets"));
        }
        if ANONYMOUS.contains(&owner_id.as_str()) {
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
    fn a_list_need_not_say_whose_it_is_but_must_be_a_list() {
        let bucket = "<Bucket><Name>abc</Name><CreationDate>2009-02-03T16:45:09.000Z</CreationDate></Bucket>";
        for owner in ["", "<Owner/>", "<Owner><DisplayName>x</DisplayName></Owner>"] {
            let body = format!(
                "<ListAllMyBucketsResult>{owner}<Buckets>{bucket}</Buckets></ListAllMyBucketsResult>"
            );
            assert_eq!(parse(&body).unwrap()[0].name, "abc", "{owner}");
        }
        assert_eq!(parse("<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>").unwrap(), []);
        for other in
            ["<ListAllMyBucketsResult/>", "<ListAllMyBucketsResult><Owner/></ListAllMyBucketsResult>"]
        {
            assert!(parse(other).is_err(), "{other}");
        }
    }

    #[test]
    fn an_anonymous_answer_is_an_error_and_not_an_empty_account() {
        for id in ANONYMOUS {
            let body = format!(
                "<ListAllMyBucketsResult><Owner><ID>{id}</ID></Owner><Buckets></Buckets></ListAllMyBucketsResult>"
            );
            assert!(parse(&body).unwrap_err().finding.unwrap().contains("unsigned"));
        }
    }
}
