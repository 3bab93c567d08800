//! What was said of an entry before its header, and what comes of both. Pure.

use super::entry::Modified;
use super::fault::{Wrong, once};
use super::header::{Header, Kind};
use super::number;
use super::oddity::Unheeded;
use super::pax::Pax;
use super::pax_sparse::Form;

/// From this size on a header has no room for it but in GNU tar's form, and says nothing, so that a pax header alone says it.
const SIZE_BEYOND_HEADERS: u64 = 1 << 33;
/// The user that is none: whoever sets an owner by this number leaves it as it is.
const NOBODY: u64 = 0xffff_ffff;

const TWICE: Wrong = "an entry is given two names or targets";

/// What was said of the next entry before its header.
#[derive(Debug, Default)]
pub(super) struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
    /// The keywords of global headers that are not heeded.
    global: Unheeded,
}

/// An entry, with all that was said of it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) link: Vec<u8>,
    pub(super) mode: u32,
    pub(super) owner: (u64, u64),
    pub(super) modified: Modified,
    /// How many bytes of content follow.
    pub(super) stored_bytes: u64,
    /// Of a file that has its map in its pax header or at the head of its content.
    pub(super) form: Form,
    /// The keywords of its own and of global headers that are not heeded.
    pub(super) unheeded: [Unheeded; 2],
}

impl Before {
    pub(super) fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.pax.is_none()
    }

    /// Takes a long name or pax header that is whole.
    pub(super) fn take(&mut self, kind: Kind, text: &[u8]) -> Result<(), Wrong> {
        match kind {
            Kind::LongName => once(&mut self.name, up_to_nul(text)?).map_err(|_| TWICE)?,
            Kind::LongLink => once(&mut self.link, up_to_nul(text)?).map_err(|_| TWICE)?,
            Kind::Pax => once(&mut self.pax, Pax::parse(text)?).map_err(|_| TWICE)?,
            _ if self.is_empty() => self.global.append(Pax::parse_global(text)?),
            _ => return Err("a global header stands between an entry and what was said of it"),
        }
        let is_twice = self.pax.as_ref().is_some_and(|pax| {
            pax.names() && self.name.is_some() || pax.link.is_some() && self.link.is_some()
        });
        if is_twice { Err(TWICE) } else { Ok(()) }
    }

    /// The entry of a header. If that is wrong, its name is given, as far as it is known.
    pub(super) fn member(self, header: Header) -> Result<Member, (Wrong, Vec<u8>)> {
        let mut pax = self.pax.unwrap_or_default();
        let form = pax.take_sparse().map_err(|wrong| (wrong, header.name.clone()))?;
        let name = self.name.or(pax.path.take()).unwrap_or(header.name);
        let member = Member {
            kind: header.kind,
            link: self.link.or(pax.link.take()).unwrap_or(header.link),
            mode: header.mode,
            owner: (pax.user.unwrap_or(header.owner.0), pax.group.unwrap_or(header.owner.1)),
            modified: pax.modified.unwrap_or(Modified { seconds: header.modified_seconds, nanoseconds: 0 }),
            stored_bytes: pax.size_bytes.unwrap_or(header.size_bytes),
            form,
            unheeded: [pax.unheeded, self.global],
            name,
        };
        let is_beyond = member.stored_bytes >= SIZE_BEYOND_HEADERS && header.size_bytes == 0;
        if member.stored_bytes != header.size_bytes && !is_beyond {
            return Err(("an entry is given two sizes", member.name));
        }
        member.checked()
    }
}

impl Member {
    fn checked(mut self) -> Result<Self, (Wrong, Vec<u8>)> {
        // GNU tar makes a directory of a file whose name ends in a slash.
        if self.kind == Kind::File && self.name.ends_with(b"/") {
            self.kind = Kind::Directory;
        }
        let may_have_content = matches!(self.kind, Kind::File | Kind::Sparse | Kind::Unread(_));
        let may_be_sparse = matches!(self.kind, Kind::File | Kind::Unread(_));
        let wrong = if i64::try_from(self.stored_bytes).is_err() {
            "an entry has more bytes than a file can have"
        } else if self.stored_bytes > 0 && !may_have_content {
            "an entry that is no file has content"
        } else if !may_be_sparse && !matches!(self.form, Form::NotSparse) {
            "a map is given to what is no file, or has one of its own"
        } else if self.owner.0 >= NOBODY || self.owner.1 >= NOBODY {
            "an owner's number is one that no user or group can have"
        } else {
            return Ok(self);
        };
        Err((wrong, self.name))
    }
}

/// A name that ends with NULs, and has none within it.
fn up_to_nul(text: &[u8]) -> Result<Vec<u8>, Wrong> {
    let name = number::text(text);
    if text[name.len()..].iter().any(|byte| *byte != 0) {
        return Err("a long name holds a NUL");
    }
    Ok(name.to_vec())
}
