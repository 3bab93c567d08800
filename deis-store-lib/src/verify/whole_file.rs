//! Whether the file of a part is whole: the volume's archive to its end, the dump by its first and last lines, the configuration
//! by being parsed. Blocking.

use std::io::{self, BufRead, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::runtime::Handle;

use crate::archive::gzip;
use crate::archive::sql::Ends;
use crate::archive::tar::{OnRefusal, Policy, Scan, read_error};
use crate::cluster::Configuration;
use crate::disk::CHUNK_BYTES;
use crate::error::{Error, ErrorKind, Result};
use crate::part::Part;
use crate::report::in_one_line;

/// Why a file is not what the file of this part must be: a sentence. Not all of it need be read to know.
pub(super) fn wrong(part: &Part, bytes: &mut impl BufRead, size_bytes: u64) -> Option<String> {
    let seen = match part {
        Part::Volume => archive(bytes),
        Part::Sql => dump(bytes),
        Part::Config => Configuration::read(bytes, size_bytes).map(drop),
        Part::Bucket(_) => Ok(()),
    };
    seen.err().map(|error| in_one_line(&error))
}

fn archive(bytes: &mut impl BufRead) -> Result<()> {
    // What must not be unpacked is a restore's to refuse.
    let mut scan = Scan::new(Policy { on_refusal: OnRefusal::Note, ..Policy::default() });
    let pushed = |piece: &[u8]| scan.push(piece, &mut ()).map_err(read_error);
    each_unpacked(bytes, pushed)?;
    scan.finish().map_err(read_error)?;
    Ok(())
}

fn dump(bytes: &mut impl BufRead) -> Result<()> {
    let mut ends = Ends::default();
    each_unpacked(bytes, |piece| {
        ends.see(piece);
        Ok(())
    })?;
    ends.judge().map(drop)
}

/// All cores unpack, as they do for a restore.
fn each_unpacked(bytes: &mut impl BufRead, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let runtime = Handle::try_current().map_err(not_unpacked)?;
    let mut unpacked = gzip::decompress(Waiting(bytes));
    let mut piece = vec![0; CHUNK_BYTES];
    loop {
        match runtime.block_on(unpacked.read(&mut piece)) {
            Ok(0) => return Ok(()),
            Ok(count) => take(piece.get(..count).unwrap_or_default())?,
            Err(error) => return Err(not_unpacked(error)),
        }
    }
}

fn not_unpacked(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(ErrorKind::Damaged, "it cannot be unpacked to its end").because(why)
}

/// A reader for whom it is no harm to wait for the disk: its thread does nothing else.
struct Waiting<R>(R);

impl<R: Read + Unpin> AsyncRead for Waiting<R> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let reader = &mut self.get_mut().0;
        loop {
            match reader.read(buffer.initialize_unfilled()) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}
