//! Access control lists: radosgw's canned ones, and the XML of both directions. Pure.
//!
//! They are kept and given back; who may do what does not depend on them, since there is one user.

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::xml::Xml;
use crate::s3::op::{self, Grantee};

/// The one user: id and display name.
pub(super) const OWNER: &str = "deis";

const ALL_USERS: &str = "http://acs.amazonaws.com/groups/global/AllUsers";
const AUTHENTICATED_USERS: &str = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers";

/// The rights to an object or a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Acl(Vec<Grant>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Grant {
    /// `None` for the owner.
    group: Option<String>,
    permission: String,
}

impl Acl {
    /// The owner alone: takes no room.
    pub(super) fn private() -> Self {
        Self(Vec::new())
    }

    /// A canned list by the value of `x-amz-acl`.
    pub(super) fn canned(name: &str) -> Result<Self, Failure> {
        let grants: &[(&str, &str)] = match name {
            "" | "private" | "bucket-owner-read" | "bucket-owner-full-control" => &[],
            "public-read" => &[(ALL_USERS, "READ")],
            "public-read-write" => &[(ALL_USERS, "READ"), (ALL_USERS, "WRITE")],
            "authenticated-read" => &[(AUTHENTICATED_USERS, "READ")],
            _ => return Err(Failure::InvalidArgument),
        };
        let mut list: Vec<_> =
            grants.iter().map(|(group, permission)| grant(Some(group), permission)).collect();
        if !list.is_empty() {
            list.insert(0, grant(None, "FULL_CONTROL"));
        }
        Ok(Self(list))
    }

    /// A list as XML. One of another owner is refused.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Failure> {
        let text = std::str::from_utf8(body).map_err(|_| Failure::InvalidArgument)?;
        let policy = op::Acl::parse(text).map_err(|_| Failure::InvalidArgument)?;
        if policy.owner_id() != OWNER {
            return Err(Failure::AccessDenied);
        }
        let grants = policy.grants().iter().map(|given| Grant {
            group: if let Grantee::Group(uri) = &given.grantee { Some(uri.clone()) } else { None },
            permission: given.permission.clone(),
        });
        Ok(Self(grants.collect()))
    }

    /// As XML.
    pub(super) fn to_xml(&self) -> String {
        let mut xml = Xml::of("AccessControlPolicy");
        owner(&mut xml);
        xml.open("AccessControlList");
        let private = [grant(None, "FULL_CONTROL")];
        for grant in if self.0.is_empty() { &private[..] } else { &self.0 } {
            let kind = if grant.group.is_some() { "Group" } else { "CanonicalUser" };
            xml.open("Grant").open(&format!(
                "Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:type=\"{kind}\""
            ));
            match &grant.group {
                Some(group) => xml.text("URI", group),
                None => xml.text("ID", OWNER).text("DisplayName", OWNER),
            };
            xml.close("Grantee").text("Permission", &grant.permission).close("Grant");
        }
        xml.close("AccessControlList");
        xml.finish("AccessControlPolicy")
    }
}

/// The element that names the owner.
pub(super) fn owner(xml: &mut Xml) {
    xml.open("Owner").text("ID", OWNER).text("DisplayName", OWNER).close("Owner");
}

fn grant(group: Option<&str>, permission: &str) -> Grant {
    Grant { group: group.map(str::to_owned), permission: permission.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_can_be_put_again() {
        for name in ["public-read", "public-read-write", "authenticated-read"] {
            let acl = Acl::canned(name).unwrap();
            assert_eq!(Acl::parse(acl.to_xml().as_bytes()), Ok(acl));
        }
        assert!(Acl::private().to_xml().contains("<Permission>FULL_CONTROL</Permission>"));
    }

    #[test]
    fn another_owner_and_other_names_are_refused() {
        let other = Acl::private().to_xml().replace("deis", "else");
        assert_eq!(Acl::parse(other.as_bytes()), Err(Failure::AccessDenied));
        assert_eq!(Acl::parse(b"<AccessControlPolicy>"), Err(Failure::InvalidArgument));
        assert_eq!(Acl::canned("log-delivery-write"), Err(Failure::InvalidArgument));
    }
}
