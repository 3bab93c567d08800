//! Reads a tar archive as its bytes come by, checks each entry, and says up to where the bytes may be passed on. Pure.
//!
//! An entry's header, with the long names and pax headers before it, is cleared when the entry was checked, and its content
//! then. So a reader that is given cleared bytes alone sees no byte of an entry that is refused.

use super::TarSummary;
use super::fault::{Fault, Refused};
use super::header::{BLOCK_BYTES, Block, Header, Kind, more_map_follows};
use super::pax::Pax;
use super::rules::{Member, Rules};

/// The longest name that is no part of a header, and the longest pax header.
const MOST_EXTENSION_BYTES: u64 = 1 << 20;
/// From this size on a header has no room for it, and a pax header alone says it.
const SIZE_BEYOND_HEADERS: u64 = 1 << 33;
/// The most refused entries that are kept by name.
const MOST_REFUSED: usize = 1000;

/// The root of an archive: its mode, owner and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RootEntry {
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) modified_seconds: u64,
}

/// What becomes of an entry that must not be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    /// It ends the reading.
    Stop,
    /// It is kept by name.
    Note,
}

/// An archive that is being read.
#[derive(Debug)]
pub(crate) struct Scan {
    on_refusal: OnRefusal,
    state: State,
    block: Box<Block>,
    filled_bytes: usize,
    before: Before,
    rules: Rules,
    summary: TarSummary,
    /// All bytes before this place of the archive may be passed on.
    cleared_bytes: u64,
    root: Option<RootEntry>,
    refused: Vec<Refused>,
}

#[derive(Debug)]
enum State {
    Header,
    /// A long name or pax header: so many bytes of it, then padding.
    Extension {
        kind: Kind,
        text: Vec<u8>,
        text_bytes: usize,
        left_bytes: u64,
    },
    /// A block with more of a sparse file's map.
    Map {
        content_bytes: u64,
    },
    Content {
        left_bytes: u64,
    },
    /// So many blocks of zeros were read, and nothing else may follow.
    End {
        zeros: u64,
    },
}

/// What was said of the next entry before its header.
#[derive(Debug, Default)]
struct Before {
    name: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
    pax: Option<Pax>,
}

impl Scan {
    pub(crate) fn new(on_refusal: OnRefusal) -> Self {
        Self {
            on_refusal,
            state: State::Header,
            block: Box::new([0; BLOCK_BYTES]),
            filled_bytes: 0,
            before: Before::default(),
            rules: Rules::default(),
            summary: TarSummary::default(),
            cleared_bytes: 0,
            root: None,
            refused: Vec::new(),
        }
    }

    /// All bytes before this place of the archive may be passed on.
    pub(crate) fn cleared_bytes(&self) -> u64 {
        self.cleared_bytes
    }

    /// What the archive says of the directory itself.
    pub(crate) fn root(&self) -> Option<RootEntry> {
        self.root
    }

    /// Reads the next bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            let taken = match &mut self.state {
                State::Content { left_bytes } => {
                    let taken = at_most(bytes.len(), *left_bytes);
                    *left_bytes -= taken as u64;
                    self.cleared_bytes += taken as u64;
                    if *left_bytes == 0 {
                        self.state = State::Header;
                    }
                    taken
                }
                State::Extension { text, text_bytes, left_bytes, .. } => {
                    let taken = at_most(bytes.len(), *left_bytes);
                    *left_bytes -= taken as u64;
                    text.extend_from_slice(&bytes[..taken.min(*text_bytes - text.len())]);
                    if *left_bytes == 0 {
                        self.extension()?;
                    }
                    taken
                }
                State::Header | State::Map { .. } | State::End { .. } => self.fill(bytes)?,
            };
            self.summary.archive_bytes += taken as u64;
            bytes = &bytes[taken..];
        }
        Ok(())
    }

    /// The totals of an archive that was read to its end, and the entries that must not be unpacked.
    pub(crate) fn finish(self) -> Result<(TarSummary, Vec<Refused>), Fault> {
        match self.state {
            State::End { zeros: 2.. } if self.block[..self.filled_bytes].iter().all(|byte| *byte == 0) => {
                Ok((self.summary, self.refused))
            }
            _ => Err(Fault::Malformed("the archive was cut off before its end")),
        }
    }

    /// Completes a block, and reads it if it is whole.
    fn fill(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let taken = bytes.len().min(BLOCK_BYTES - self.filled_bytes);
        self.block[self.filled_bytes..][..taken].copy_from_slice(&bytes[..taken]);
        self.filled_bytes += taken;
        if self.filled_bytes == BLOCK_BYTES {
            self.filled_bytes = 0;
            self.whole_block(self.summary.archive_bytes + taken as u64)?;
        }
        Ok(taken)
    }

    fn whole_block(&mut self, end: u64) -> Result<(), Fault> {
        let zeros = self.block.iter().all(|byte| *byte == 0);
        match self.state {
            State::End { zeros: before } if zeros => self.state = State::End { zeros: before + 1 },
            State::End { .. } => return Err(Fault::Malformed("more data follows the archive's end")),
            State::Map { content_bytes } => {
                if !more_map_follows(&self.block) {
                    self.state = content(content_bytes);
                }
            }
            _ if zeros && self.before.is_empty() => self.state = State::End { zeros: 1 },
            _ if zeros => return Err(Fault::Malformed("an entry is missing after its name")),
            _ => return self.header(end),
        }
        self.cleared_bytes = end;
        Ok(())
    }

    fn header(&mut self, end: u64) -> Result<(), Fault> {
        let header = Header::parse(&self.block)?;
        if let Kind::LongName | Kind::LongLink | Kind::Pax | Kind::GlobalPax = header.kind {
            if header.size_bytes > MOST_EXTENSION_BYTES {
                return Err(Fault::Malformed("a name or pax header has more than 1 MiB"));
            }
            let text_bytes = usize::try_from(header.size_bytes).unwrap_or(usize::MAX);
            let left_bytes = header.size_bytes.next_multiple_of(BLOCK_BYTES as u64);
            self.state = State::Extension { kind: header.kind, text: Vec::new(), text_bytes, left_bytes };
            return if left_bytes == 0 { self.extension() } else { Ok(()) };
        }
        let before = std::mem::take(&mut self.before);
        let (content_bytes, real_bytes) = sizes(&header, before.pax.as_ref())?;
        let (pax_name, pax_link) = before.pax.map(|pax| (pax.path, pax.link)).unwrap_or_default();
        let name = before.name.or(pax_name).unwrap_or(header.name);
        let link = before.link.or(pax_link).unwrap_or(header.link);
        let member = Member { kind: header.kind, name: &name, link: &link, mode: header.mode };
        match (self.rules.check(&member), self.on_refusal) {
            (Err(Fault::Refused(refused)), OnRefusal::Note) => {
                if self.refused.len() < MOST_REFUSED {
                    self.refused.push(refused);
                }
            }
            (checked, _) => checked?,
        }
        if header.kind == Kind::Directory && name.iter().all(|byte| b"./".contains(byte)) {
            let Header { mode, owner, modified_seconds, .. } = header;
            self.root = Some(RootEntry { mode, owner, modified_seconds });
        }
        self.summary.entries += 1;
        self.summary.file_bytes = self.summary.file_bytes.saturating_add(real_bytes);
        self.state = if header.more_map { State::Map { content_bytes } } else { content(content_bytes) };
        self.cleared_bytes = end;
        Ok(())
    }

    /// Takes a long name or pax header that is whole.
    fn extension(&mut self) -> Result<(), Fault> {
        let State::Extension { kind, text, .. } = std::mem::replace(&mut self.state, State::Header) else {
            return Ok(());
        };
        let up_to_nul = || text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec();
        let twice = match kind {
            Kind::LongName => self.before.name.replace(up_to_nul()).is_some(),
            Kind::LongLink => self.before.link.replace(up_to_nul()).is_some(),
            Kind::Pax => self.before.pax.replace(Pax::parse(&text)?).is_some(),
            _ => {
                Pax::check_global(&text)?;
                false
            }
        };
        if twice || self.before.says_twice() {
            return Err(Fault::Malformed("an entry is given two names or targets"));
        }
        Ok(())
    }
}

impl Before {
    fn is_empty(&self) -> bool {
        self.name.is_none() && self.link.is_none() && self.pax.is_none()
    }

    fn says_twice(&self) -> bool {
        self.pax.as_ref().is_some_and(|pax| {
            pax.path.is_some() && self.name.is_some() || pax.link.is_some() && self.link.is_some()
        })
    }
}

/// How many bytes of content follow a header, and how large the file is.
fn sizes(header: &Header, pax: Option<&Pax>) -> Result<(u64, u64), Fault> {
    let stored = match pax.and_then(|pax| pax.size_bytes) {
        Some(size) if size != header.size_bytes && size < SIZE_BEYOND_HEADERS => {
            return Err(Fault::Malformed("an entry is given two sizes"));
        }
        Some(size) => size,
        None => header.size_bytes,
    };
    if i64::try_from(stored).is_err() {
        return Err(Fault::Malformed("an entry has more bytes than a file can have"));
    }
    match header.kind {
        Kind::File => Ok((stored, pax.and_then(|pax| pax.real_size_bytes).unwrap_or(stored))),
        Kind::Sparse => Ok((stored, header.real_size_bytes)),
        _ if stored == 0 => Ok((0, 0)),
        _ => Err(Fault::Malformed("an entry that is no file has content")),
    }
}

fn content(bytes: u64) -> State {
    match bytes {
        0 => State::Header,
        _ => State::Content { left_bytes: bytes.next_multiple_of(BLOCK_BYTES as u64) },
    }
}

fn at_most(available: usize, wanted: u64) -> usize {
    usize::try_from(wanted).map_or(available, |wanted| wanted.min(available))
}
