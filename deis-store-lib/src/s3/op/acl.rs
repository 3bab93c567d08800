//! `GET` and `PUT /BUCKET[/KEY]?acl`: who may do what.
//!
//! A list is given back to the byte as it came, so that one that was kept can be put back. radosgw refuses one of another owner.

use http::Method;

use super::request::{OfBucket, OfObject};
use super::{About, CannedAcl, Head, Operation, Request, Target, nothing};
use crate::error::{Error, ErrorKind, Result};
use crate::s3::{Advice, BucketName, ObjectKey, S3Error, xml};

/// An access control list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acl {
    xml: String,
    owner_id: String,
    grants: Vec<Grant>,
}

/// That somebody may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The one who may.
    pub grantee: Grantee,
    /// The right: `READ`, `WRITE`, `READ_ACP`, `WRITE_ACP` or `FULL_CONTROL`.
    pub permission: String,
}

/// Somebody who may do something.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Grantee {
    /// A user, by id.
    User(String),
    /// A group, by its URI.
    Group(String),
    /// A user, by address.
    Email(String),
}

impl Acl {
    /// Reads a list as XML, such as one that was kept.
    pub fn parse(xml: impl Into<String>) -> Result<Self> {
        Self::read(xml.into())
            .map_err(|text| Error::new(ErrorKind::Format, "this is no access control list").because(text))
    }

    /// The XML, as it came.
    #[must_use]
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The id of the owner.
    #[must_use]
    pub fn owner_id(&self) -> &str {
        &self.owner_id
    }

    /// The rights.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    fn read(xml: String) -> Result<Self, String> {
        let (mut owner_id, mut has_list, mut grants, mut given) = (None, false, Vec::new(), Given::default());
        xml::each_element(xml.as_bytes(), "AccessControlPolicy", |path, text| {
            match path {
                "Owner/ID" => owner_id = Some(text.to_owned()),
                "AccessControlList" => has_list = true,
                "AccessControlList/Grant" => grants.push(std::mem::take(&mut given).read()?),
                "AccessControlList/Grant/Permission" => given.permission = Some(text.to_owned()),
                "AccessControlList/Grant/Grantee/ID" => given.id = Some(text.to_owned()),
                "AccessControlList/Grant/Grantee/URI" => given.uri = Some(text.to_owned()),
                "AccessControlList/Grant/Grantee/EmailAddress" => given.email = Some(text.to_owned()),
                _ => {}
            }
            Ok(())
        })?;
        let owner_id = xml::required(owner_id.filter(|_| has_list), "Owner or AccessControlList")?;
        Ok(Self { xml, owner_id, grants })
    }

    fn answered(head: &Head, body: &[u8]) -> Result<Self, S3Error> {
        let text = String::from_utf8(body.to_vec()).map_err(|error| error.to_string());
        text.and_then(Self::read).map_err(|text| S3Error::unexpected(head, text))
    }
}

/// A list that is to be set.
#[derive(Clone, Copy, Debug)]
pub enum NewAcl<'a> {
    /// By its name.
    Canned(CannedAcl),
    /// As it was kept.
    Kept(&'a Acl),
}

impl NewAcl<'_> {
    fn write(self, mut request: Request) -> Request {
        match self {
            Self::Canned(acl) => acl.write(&mut request.headers),
            Self::Kept(acl) => request.body = acl.xml.clone().into(),
        }
        request
    }
}

/// Asks who may do what with a bucket.
#[derive(Clone, Debug)]
pub struct BucketAcl<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
}

impl Operation for BucketAcl<'_> {
    type Output = Acl;

    fn request(&self) -> Request {
        OfBucket::GET_ACL.request(self.bucket)
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Acl, S3Error> {
        Acl::answered(head, body)
    }
}

impl About for BucketAcl<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

/// Asks who may do what with an object.
#[derive(Clone, Debug)]
pub struct ObjectAcl<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
}

impl Operation for ObjectAcl<'_> {
    type Output = Acl;

    fn request(&self) -> Request {
        OfObject::GET_ACL.request(self.bucket, self.key, [])
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<Acl, S3Error> {
        Acl::answered(head, body)
    }
}

impl About for ObjectAcl<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }
}

/// Says who may do what with a bucket.
#[derive(Clone, Debug)]
pub struct PutBucketAcl<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The list.
    pub acl: NewAcl<'a>,
}

impl Operation for PutBucketAcl<'_> {
    type Output = ();

    fn request(&self) -> Request {
        self.acl.write(OfBucket::PUT_ACL.request(self.bucket))
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}

impl About for PutBucketAcl<'_> {
    fn target(&self) -> Target<'_> {
        Target::Bucket(self.bucket)
    }
}

/// Says who may do what with an object.
#[derive(Clone, Debug)]
pub struct PutObjectAcl<'a> {
    /// The bucket.
    pub bucket: &'a BucketName,
    /// The key.
    pub key: &'a ObjectKey,
    /// The list.
    pub acl: NewAcl<'a>,
}

impl Operation for PutObjectAcl<'_> {
    type Output = ();

    fn request(&self) -> Request {
        self.acl.write(OfObject::PUT_ACL.request(self.bucket, self.key, []))
    }

    fn parse(&self, head: &Head, body: &[u8]) -> Result<(), S3Error> {
        nothing(head, body)
    }
}

impl About for PutObjectAcl<'_> {
    fn target(&self) -> Target<'_> {
        Target::Object { bucket: self.bucket, key: self.key }
    }

    /// A `NoSuchKey` is about the object.
    fn advice(&self, error: &S3Error, _: &Method) -> Advice {
        error.advice(&Method::GET)
    }
}

/// A right of somebody, as it stands in the document.
#[derive(Default)]
struct Given {
    id: Option<String>,
    uri: Option<String>,
    email: Option<String>,
    permission: Option<String>,
}

impl Given {
    fn read(self) -> Result<Grant, String> {
        let grantee = match self {
            Self { uri: Some(uri), .. } => Grantee::Group(uri),
            Self { id: Some(id), .. } => Grantee::User(id),
            Self { email: Some(email), .. } => Grantee::Email(email),
            _ => return Err("a grantee has neither id, URI nor address".to_owned()),
        };
        Ok(Grant { grantee, permission: xml::required(self.permission, "Permission")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, StatusCode};

    const PUBLIC: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><AccessControlPolicy xmlns=\"x\"><Owner><ID>deis</ID>\
        <DisplayName>deis</DisplayName></Owner><AccessControlList><Grant><Grantee \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"Group\"><URI>all</URI></Grantee>\
        <Permission>READ</Permission></Grant><Grant><Grantee xsi:type=\"CanonicalUser\"><ID>deis</ID></Grantee>\
        <Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>";

    #[test]
    fn a_list_is_read_and_goes_back_to_the_byte_as_it_came() {
        let (bucket, key) = (BucketName::new("abc").unwrap(), ObjectKey::new("k").unwrap());
        let head = Head { status: StatusCode::OK, headers: HeaderMap::new() };
        let acl = ObjectAcl { bucket: &bucket, key: &key }.parse(&head, PUBLIC.as_bytes()).unwrap();
        assert_eq!(acl.owner_id(), "deis");
        let grantees: Vec<_> = acl.grants().iter().map(|grant| grant.grantee.clone()).collect();
        assert_eq!(grantees, [Grantee::Group("all".to_owned()), Grantee::User("deis".to_owned())]);
        let request = PutObjectAcl { bucket: &bucket, key: &key, acl: NewAcl::Kept(&acl) }.request();
        assert_eq!((request.target().as_str(), &request.body[..]), ("/abc/k?acl", PUBLIC.as_bytes()));
    }

    #[test]
    fn what_is_no_list_is_refused() {
        assert_eq!(Acl::parse("<Error/>").unwrap_err().kind(), ErrorKind::Format);
        assert!(Acl::parse(PUBLIC.replace("URI", "Unknown")).is_err());
        assert!(Acl::parse(&PUBLIC[..PUBLIC.len() - 9]).is_err());
    }

    #[test]
    fn a_canned_list_goes_in_the_header_without_a_body() {
        let bucket = BucketName::new("abc").unwrap();
        let acl = NewAcl::Canned(CannedAcl::PublicRead);
        let request = PutBucketAcl { bucket: &bucket, acl }.request();
        assert_eq!((&request.headers["x-amz-acl"], request.body.len()), (&"public-read".parse().unwrap(), 0));
    }
}
