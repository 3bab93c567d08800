//! Reads a tar archive as its bytes come by, checks each entry, and gives those that pass to a sink. Pure.
//!
//! An entry is given when its header, with the long names, pax headers and maps around it, was checked; then its content as
//! it comes, without a copy.

use std::borrow::Cow;
use std::io;

use super::TarSummary;
use super::before::{Before, Member};
use super::entry::{Entry, Sink};
use super::fault::{Fault, Malformed, Refused, Wrong, for_people};
use super::header::{BLOCK_BYTES, Block, Header, Kind};
use super::names::Names;
use super::oddity::Oddities;
use super::pending::Pending;
use super::policy::{OnRefusal, Policy};
use super::rules::{Checked, Rules};

/// The longest name that is no part of a header, and the longest pax header.
const MOST_EXTENSION_BYTES: u64 = 1 << 20;
/// The most refused entries that are kept by name.
const MOST_REFUSED: usize = 1000;

/// What was seen of an archive.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scanned {
    pub(crate) summary: TarSummary,
    /// What the archive says of the directory itself.
    pub(crate) root: Option<Entry>,
    /// The first entries that must not be unpacked, if they do not end the reading.
    pub(crate) refused: Vec<Refused>,
    /// What is left out, or not unpacked as it was.
    pub(crate) oddities: Oddities,
}

/// An archive that is being read.
#[derive(Debug)]
pub(crate) struct Scan {
    policy: Policy,
    rules: Rules,
    /// The names so far, if they are heeded.
    names: Option<Names>,
    state: State,
    block: Box<Block>,
    filled_bytes: usize,
    before: Before,
    /// Where the entry begins that is being read, up to its content.
    entry_at_bytes: Option<u64>,
    scanned: Scanned,
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
    /// Blocks with a sparse file's map.
    Map(Box<Pending>),
    /// The content of an entry that was given.
    Content {
        name: Vec<u8>,
        left_bytes: u64,
    },
    /// Padding, and the content of an entry that was not given.
    Skip {
        left_bytes: u64,
    },
    /// So many blocks of zeros were read, and nothing else may follow.
    End {
        zeros: u64,
    },
    /// Something was wrong.
    Failed,
}

impl Scan {
    /// Of an archive of which a name may come twice, since who unpacks it takes the last one.
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            policy,
            rules: Rules::new(policy.special, policy.limits),
            names: None,
            state: State::Header,
            block: Box::new([0; BLOCK_BYTES]),
            filled_bytes: 0,
            before: Before::default(),
            entry_at_bytes: None,
            scanned: Scanned::default(),
        }
    }

    /// Of an archive that is to be loaded. A name that comes twice, or a hard link to nothing, must not be unpacked either.
    pub(crate) fn with_names(policy: Policy) -> Self {
        Self { names: Some(Names::default()), ..Self::new(policy) }
    }

    /// Reads the next bytes. After an error the archive is given up: nothing more of it is read, and it has no end.
    pub(crate) fn push(&mut self, bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        let pushed = self.push_limited(bytes, sink);
        if pushed.is_err() {
            self.state = State::Failed;
        }
        pushed
    }

    /// What was seen of an archive that was read to its end.
    pub(crate) fn finish(self) -> io::Result<Scanned> {
        match &self.state {
            State::End { zeros: 2.. } if self.block[..self.filled_bytes].iter().all(|byte| *byte == 0) => {
                Ok(self.scanned)
            }
            State::Content { name, .. } => {
                Err(self.malformed_entry("the archive was cut off within a file", name))
            }
            _ => Err(self.malformed("the archive was cut off before its end")),
        }
    }

    fn push_limited(&mut self, mut bytes: &[u8], sink: &mut impl Sink) -> io::Result<()> {
        let most = self.policy.limits.archive_bytes;
        let allowed = at_most(bytes.len(), most.saturating_sub(self.scanned.summary.archive_bytes));
        let is_beyond = allowed < bytes.len();
        bytes = &bytes[..allowed];
        while !bytes.is_empty() {
            let taken = self.step(bytes, sink)?;
            self.scanned.summary.archive_bytes += taken as u64;
            bytes = &bytes[taken..];
        }
        if is_beyond {
            return Err(self.malformed(format!("the archive has more than {most} bytes, which is the limit")));
        }
        Ok(())
    }

    /// Takes some of the bytes, and says how many.
    fn step(&mut self, bytes: &[u8], sink: &mut impl Sink) -> io::Result<usize> {
        match &mut self.state {
            State::Content { left_bytes, .. } => {
                let taken = at_most(bytes.len(), *left_bytes);
                *left_bytes -= taken as u64;
                let is_whole = *left_bytes == 0;
                sink.content(&bytes[..taken])?;
                if is_whole {
                    sink.end()?;
                    let end = self.scanned.summary.archive_bytes + taken as u64;
                    self.state = skip(end.next_multiple_of(BLOCK_BYTES as u64) - end);
                }
                Ok(taken)
            }
            State::Skip { left_bytes } => {
                let taken = at_most(bytes.len(), *left_bytes);
                self.state = skip(*left_bytes - taken as u64);
                Ok(taken)
            }
            State::Extension { text, text_bytes, left_bytes, .. } => {
                let taken = at_most(bytes.len(), *left_bytes);
                *left_bytes -= taken as u64;
                text.extend_from_slice(&bytes[..taken.min(*text_bytes - text.len())]);
                if *left_bytes == 0 {
                    self.extension()?;
                }
                Ok(taken)
            }
            State::Header | State::Map(_) | State::End { .. } => self.fill(bytes, sink),
            State::Failed => Err(self.malformed("the archive was given up")),
        }
    }

    /// Completes a block, and reads it if it is whole.
    fn fill(&mut self, bytes: &[u8], sink: &mut impl Sink) -> io::Result<usize> {
        let taken = bytes.len().min(BLOCK_BYTES - self.filled_bytes);
        self.block[self.filled_bytes..][..taken].copy_from_slice(&bytes[..taken]);
        self.filled_bytes += taken;
        if self.filled_bytes == BLOCK_BYTES {
            self.filled_bytes = 0;
            self.whole_block(sink)?;
        }
        Ok(taken)
    }

    fn whole_block(&mut self, sink: &mut impl Sink) -> io::Result<()> {
        let is_zero = self.block.iter().all(|byte| *byte == 0);
        match std::mem::replace(&mut self.state, State::Failed) {
            State::End { zeros } if is_zero => self.state = State::End { zeros: zeros + 1 },
            State::End { .. } => return Err(self.malformed("more data follows the archive's end")),
            State::Map(mut pending) => {
                let read = pending.block(&self.block);
                read.map_err(|wrong| self.malformed_entry(wrong, &pending.name))?;
                return self.begin(*pending, sink);
            }
            _ if is_zero && self.before.is_empty() => self.state = State::End { zeros: 1 },
            _ if is_zero => return Err(self.malformed("an entry is missing after its name")),
            _ => return self.header(sink),
        }
        Ok(())
    }

    fn header(&mut self, sink: &mut impl Sink) -> io::Result<()> {
        let header = Header::parse(&self.block);
        let header = header.map_err(|(wrong, name)| self.malformed_entry(wrong, &name))?;
        if header.kind != Kind::GlobalPax {
            self.entry_at_bytes = Some(self.at_bytes());
        }
        if matches!(header.kind, Kind::LongName | Kind::LongLink | Kind::Pax | Kind::GlobalPax) {
            if header.size_bytes > MOST_EXTENSION_BYTES {
                return Err(self.malformed("a name or pax header has more than 1 MiB"));
            }
            let text_bytes = usize::try_from(header.size_bytes).unwrap_or_default();
            let left_bytes = header.size_bytes.next_multiple_of(BLOCK_BYTES as u64);
            self.state = State::Extension { kind: header.kind, text: Vec::new(), text_bytes, left_bytes };
            return if left_bytes == 0 { self.extension() } else { Ok(()) };
        }
        let most = self.policy.limits.entries;
        if self.scanned.summary.entries == most {
            return Err(
                self.malformed(format!("the archive has more than {most} entries, which is the limit"))
            );
        }
        let member = std::mem::take(&mut self.before).member(header);
        let member = member.map_err(|(wrong, name)| self.malformed_entry(wrong, &name))?;
        self.scanned.summary.entries += 1;
        let entry = self.checked(&member)?;
        let Member { kind, name, stored_bytes, form, .. } = member;
        let pending = Pending::new(entry, (name, stored_bytes), (kind, form), &self.block);
        self.begin(pending.map_err(|(wrong, name)| self.malformed_entry(wrong, &name))?, sink)
    }

    /// The entry, if it is given.
    fn checked(&mut self, member: &Member) -> Result<Option<Entry>, Fault> {
        let name = &member.name;
        match self.rules.check(member) {
            Ok(Checked::Taken(entry, dropped)) => {
                if let Some(what) = dropped {
                    self.scanned.oddities.note(name, what);
                }
                for keywords in &member.unheeded {
                    self.scanned.oddities.not_heeded(name, keywords);
                }
                Ok(Some(entry))
            }
            Ok(Checked::LeftOut(what)) => {
                self.scanned.oddities.note(name, what);
                Ok(None)
            }
            Err(refused) => self.refuse(refused).map(|()| None),
        }
    }

    /// The entry, if its name may come after those before it.
    fn named(&mut self, entry: Entry, name: &[u8]) -> Result<Option<Entry>, Fault> {
        match self.names.as_mut().map_or(Ok(()), |names| names.take(&entry)) {
            Ok(()) => Ok(Some(entry)),
            Err(why) => self.refuse(Refused::new(name, why)).map(|()| None),
        }
    }

    /// Keeps an entry by name that must not be unpacked, unless it ends the reading.
    fn refuse(&mut self, refused: Refused) -> Result<(), Fault> {
        if self.policy.on_refusal == OnRefusal::Stop {
            return Err(refused.into());
        }
        if self.scanned.refused.len() < MOST_REFUSED {
            self.scanned.refused.push(refused);
        }
        Ok(())
    }

    /// Gives the entry, unless more of its map is to be read before. Its content is next.
    fn begin(&mut self, pending: Pending, sink: &mut impl Sink) -> io::Result<()> {
        if pending.is_incomplete() {
            self.state = State::Map(Box::new(pending));
            return Ok(());
        }
        let at_bytes = self.at_bytes();
        self.entry_at_bytes = None;
        let Pending { entry, name, stored_bytes, size_bytes, .. } = pending;
        let file_bytes = &mut self.scanned.summary.file_bytes;
        *file_bytes = file_bytes.saturating_add(size_bytes);
        let entry = entry.map_or(Ok(None), |entry| self.named(entry, &name))?;
        let Some(entry) = entry else {
            self.state = skip(stored_bytes.next_multiple_of(BLOCK_BYTES as u64));
            return Ok(());
        };
        sink.entry(&entry, at_bytes)?;
        if entry.path.is_empty() {
            self.scanned.root = Some(entry);
        }
        if stored_bytes > 0 {
            self.state = State::Content { name, left_bytes: stored_bytes };
            return Ok(());
        }
        self.state = State::Header;
        sink.end()
    }

    /// Takes a long name or pax header that is whole.
    fn extension(&mut self) -> io::Result<()> {
        let State::Extension { kind, text, .. } = std::mem::replace(&mut self.state, State::Header) else {
            return Ok(());
        };
        self.before.take(kind, &text).map_err(|wrong| self.malformed(wrong))
    }

    /// Where the entry begins that is being read, or the block.
    fn at_bytes(&self) -> u64 {
        let read_bytes = self.scanned.summary.archive_bytes;
        self.entry_at_bytes.unwrap_or(read_bytes - read_bytes % BLOCK_BYTES as u64)
    }

    fn malformed(&self, what: impl Into<Cow<'static, str>>) -> io::Error {
        Fault::Malformed(Malformed { what: what.into(), name: None, at_bytes: self.at_bytes() }).into()
    }

    fn malformed_entry(&self, wrong: Wrong, name: &[u8]) -> io::Error {
        let name = (!name.is_empty()).then(|| for_people(name));
        let what = Cow::Borrowed(wrong);
        Fault::Malformed(Malformed { what, name, at_bytes: self.at_bytes() }).into()
    }
}

fn skip(left_bytes: u64) -> State {
    if left_bytes == 0 { State::Header } else { State::Skip { left_bytes } }
}

fn at_most(available: usize, wanted: u64) -> usize {
    usize::try_from(wanted).map_or(available, |wanted| wanted.min(available))
}
