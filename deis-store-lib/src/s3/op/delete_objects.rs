//! `POST /BUCKET?delete`: deletes many objects in one request.
//!
//! Not every key can be named in XML: for one with a control character radosgw refuses the whole request, with an empty
//! 400. Such keys are for [`super::DeleteObject`].

use std::collections::BTreeSet;
use std::fmt::Write as _;

use md5::{Digest as _, Md5};

use super::request::OfBucket;
use super::{About, Head, Operation, Request, Target, object};
use crate::error::{At, Error, ErrorKind, Result};
use crate::s3::{BucketName, ObjectKey, S3Error, xml};

/// radosgw's `rgw_delete_multi_obj_max_num`.
const MOST_KEYS: usize = 1000;

/// radosgw's `rgw_max_put_param_size`: 1 MiB.
const MOST_BODY_BYTES: usize = 1 << 20;

/// Deletes objects; those that are not there are deleted too.
#[derive(Clone, Debug)]
pub struct DeleteObjects<'a> {
    bucket: &'a BucketName,
    keys: Vec<&'a ObjectKey>,
    body: String,
}

/// An object that the server did not delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotDeleted {
    /// The key.
    pub key: ObjectKey,
    /// The S3 error code.
    pub code: String,
}

impl<'a> DeleteObjects<'a> {
    /// Of these keys, as many as one request can carry; and the keys that are left.
    pub fn first(bucket: &'a BucketName, keys: &'a [ObjectKey]) -> Result<(Self, &'a [ObjectKey])> {
        let mut body = String::from("<Delete>");
        let mut taken = 0;
        for key in &keys[..keys.len().min(MOST_KEYS)] {
            if !Self::can_name(key) {
                let error = Error::new(ErrorKind::Usage, "XML cannot hold this key").at(At::Bucket, bucket);
                return Err(error.at(At::Key, key).todo("delete it by itself"));
            }
            let before = body.len();
            body.push_str("<Object><Key>");
            escape(key.as_str(), &mut body);
            body.push_str("</Key></Object>");
            if body.len() + "</Delete>".len() > MOST_BODY_BYTES {
                body.truncate(before);
                break;
            }
            taken += 1;
        }
        body.push_str("</Delete>");
        let (first, rest) = keys.split_at(taken);
        Ok((Self { bucket, keys: first.iter().collect(), body }, rest))
    }

    /// Whether XML 1.0 can hold this key.
    #[must_use]
    pub(crate) fn can_name(key: &ObjectKey) -> bool {
        xml::can_hold(key.as_str())
    }
}

impl Operation for DeleteObjects<'_> {
    /// The keys that were not deleted; all the others were.
    type Output = Vec<NotDeleted>;

    fn request(&self) -> Request {
        let mut request = OfBucket::DELETE_OBJECTS.request(self.bucket);
        // radosgw does not look at it; AWS asks for it.
        object::content_md5(&mut request.headers, Md5::digest(&self.body).into());
        request.body = self.body.clone().into();
        request
    }

    /// Every key that was asked for must be in the answer.
    fn parse(&self, head: &Head, body: &[u8]) -> Result<Vec<NotDeleted>, S3Error> {
        let unexpected = |text: String| S3Error::unexpected(head, text);
        let mut left: BTreeSet<&str> = self.keys.iter().map(|key| key.as_str()).collect();
        let (mut key, mut code, mut not_deleted) = (None, None, Vec::new());
        let about = |left: &mut BTreeSet<&str>, key: &str| {
            if left.remove(key) || self.keys.iter().any(|asked| asked.as_str() == key) {
                return Ok(());
            }
            Err(format!("the answer is about another key, `{}`", key.escape_debug()))
        };
        xml::each_element(body, "DeleteResult", |path, text| {
            match path {
                "Deleted/Key" | "Error/Key" => key = Some(text.to_owned()),
                "Error/Code" => code = Some(text.to_owned()),
                "Deleted" => about(&mut left, &xml::required(key.take(), "Key")?)?,
                "Error" => {
                    let key = xml::required(key.take(), "Key")?;
                    about(&mut left, &key)?;
                    let key = ObjectKey::listed(key);
                    not_deleted.push(NotDeleted { key, code: xml::required(code.take(), "Code")? });
                }
                _ => {}
            }
            Ok(())
        })
        .map_err(unexpected)?;
        match left.first() {
            Some(key) => Err(unexpected(format!("the answer says nothing of `{}`", key.escape_debug()))),
            None => Ok(not_deleted),
        }
    }
}

impl About for DeleteObjects<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

/// Also white space is written as references: a parser may change it otherwise.
fn escape(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\t' | '\n' | '\r' | '\u{7f}'..='\u{9f}' => {
                let _ = write!(out, "&#{};", u32::from(character));
            }
            _ => out.push(character),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    fn keys(keys: &[&str]) -> Vec<ObjectKey> {
        keys.iter().map(|key| ObjectKey::new(*key).unwrap()).collect()
    }

    fn parse(asked: &[&str], inner: &str) -> Result<Vec<NotDeleted>, S3Error> {
        let (bucket, keys) = (BucketName::new("abc").unwrap(), keys(asked));
        let (operation, rest) = DeleteObjects::first(&bucket, &keys).unwrap();
        assert!(rest.is_empty());
        let body = format!("<?xml version=\"1.0\"?><DeleteResult xmlns=\"x\">{inner}</DeleteResult>");
        operation.parse(&Head { status: StatusCode::OK, headers: HeaderMap::new() }, body.as_bytes())
    }

    #[test]
    fn keys_are_escaped_and_a_digest_goes_along() {
        let (bucket, keys) = (BucketName::new("abc").unwrap(), keys(&["<&>\"'", " a\n\r\t\u{7f}\u{85}é "]));
        let request = DeleteObjects::first(&bucket, &keys).unwrap().0.request();
        assert_eq!(request.target(), "/abc?delete");
        assert!(request.headers.contains_key("content-md5"));
        assert_eq!(
            request.body,
            "<Delete><Object><Key>&lt;&amp;&gt;\"'</Key></Object><Object><Key> a&#10;&#13;&#9;&#127;&#133;é </Key>\
             </Object></Delete>"
        );
    }

    #[test]
    fn every_key_that_was_asked_for_must_be_in_the_answer() {
        let deleted = "<Deleted><Key> b\n&#x0d;</Key></Deleted>";
        let refused = "<Error><Key>a</Key><Code>AccessDenied</Code><Message></Message></Error>";
        let not_deleted = parse(&["a", " b\n\r"], &format!("{deleted}{refused}")).unwrap();
        assert_eq!(
            not_deleted,
            [NotDeleted { key: ObjectKey::new("a").unwrap(), code: "AccessDenied".to_owned() }]
        );
        assert!(parse(&["a", " b\n\r"], deleted).unwrap_err().finding.unwrap().contains("nothing of `a`"));
        assert!(
            parse(&[" b\n\r"], &format!("{deleted}{refused}"))
                .unwrap_err()
                .finding
                .unwrap()
                .contains("another")
        );
        assert!(parse(&["a"], "").is_err());
    }

    #[test]
    fn a_request_holds_a_thousand_keys_and_a_mebibyte_at_most() {
        let bucket = BucketName::new("abc").unwrap();
        let short: Vec<_> = (0..1001).map(|number| ObjectKey::new(number.to_string()).unwrap()).collect();
        assert_eq!(DeleteObjects::first(&bucket, &short).unwrap().1.len(), 1);
        let long: Vec<_> = (0..1000).map(|_| ObjectKey::new("&".repeat(1024)).unwrap()).collect();
        let (first, rest) = DeleteObjects::first(&bucket, &long).unwrap();
        assert_eq!((first.keys.len(), rest.len()), (203, 797));
        assert!(first.request().body.len() <= 1 << 20);
    }

    #[test]
    fn a_key_that_xml_cannot_hold_is_refused() {
        let bucket = BucketName::new("abc").unwrap();
        for key in ["a\u{1}", "\u{1f}", "\u{ffff}"] {
            let error = DeleteObjects::first(&bucket, &keys(&["a", key])).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
        }
    }
}
