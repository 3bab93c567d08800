//! Unpacks an archive into a directory of this machine.

use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::fresh::Fresh;
use super::unpack::{Options, Unpacked, Unpacker};
use crate::archive::tar::{Policy, Scan, Scanned, read_error};
use crate::blocking::blocking;
use crate::disk::Root;
use crate::error::{At, Context as _, Result};

/// So much is read and unpacked at a time. Two such pieces are held: one that is being read, and one that is being unpacked.
const PIECE_BYTES: usize = 512 << 10;

/// What was loaded.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// What was seen of the archive: its totals, and what was left out or not unpacked as it was.
    pub(crate) archive: Scanned,
    pub(crate) unpacked: Unpacked,
    /// Whether the directory itself was given the mode and time that it had. It is not if it is another user's.
    pub(crate) dressed: bool,
}

/// Unpacks an uncompressed archive into a directory, which must be empty, as `empty` says.
///
/// It is unpacked in a directory of ours below it, and moved up when all is there and the archive was read to its end. If
/// anything fails before, the directory stays empty. Dropped, it leaves what is in the directory of ours to the next call.
pub(crate) async fn load_into(
    directory: &Path,
    mut reader: impl AsyncRead + Unpin,
    policy: Policy,
    options: Options,
) -> Result<Loaded> {
    let path = directory.to_owned();
    let (fresh, unpacking) = blocking(move || begin(&path, policy, options)).await?;
    let unpacked = unpack(&mut reader, unpacking).await.at(At::Path, directory.display());
    blocking(move || match unpacked {
        Ok((archive, mut unpacked)) => {
            let dressed = fresh.move_up(unpacked.itself.take())?;
            Ok(Loaded { archive, unpacked, dressed })
        }
        Err(error) => {
            // What stays is removed by the next call, and the error says more than that it stays.
            let _ = fresh.remove();
            Err(error)
        }
    })
    .await
}

/// An archive that is being unpacked.
#[derive(Debug)]
struct Unpacking {
    scan: Scan,
    unpacker: Unpacker,
    /// The directory's lock is held as long as anything is written.
    _target: Root,
}

fn begin(directory: &Path, policy: Policy, options: Options) -> Result<(Fresh, Unpacking)> {
    options.owners.require_possible()?;
    let target = Root::open(directory)?;
    let fresh = Fresh::new(&target)?;
    let unpacker = Unpacker::new(fresh.handle()?, directory.to_owned(), options)?;
    Ok((fresh, Unpacking { scan: Scan::new(policy), unpacker, _target: target }))
}

async fn unpack(
    reader: &mut (impl AsyncRead + Unpin),
    mut unpacking: Unpacking,
) -> Result<(Scanned, Unpacked)> {
    let mut piece = fill(reader, Vec::with_capacity(PIECE_BYTES)).await?;
    let mut spare = Vec::with_capacity(PIECE_BYTES);
    while !piece.is_empty() {
        let unpacked = blocking(move || {
            unpacking.scan.push(&piece, &mut unpacking.unpacker).map_err(read_error)?;
            Ok((unpacking, piece))
        });
        // An archive that is refused is not waited for. One that cannot be read ends when nothing is being written any more.
        let filled = async { Ok(fill(reader, spare).await) };
        let (unpacked, filled) = tokio::try_join!(unpacked, filled)?;
        (unpacking, spare) = unpacked;
        piece = filled?;
        spare.clear();
    }
    blocking(move || {
        let scanned = unpacking.scan.finish().map_err(read_error)?;
        Ok((scanned, unpacking.unpacker.finish()?))
    })
    .await
}

/// Fills a piece as far as the archive has more.
async fn fill(reader: &mut (impl AsyncRead + Unpin), mut piece: Vec<u8>) -> Result<Vec<u8>> {
    while piece.len() < PIECE_BYTES {
        let left = PIECE_BYTES - piece.len();
        let mut limited = bytes::BufMut::limit(&mut piece, left);
        if reader.read_buf(&mut limited).await.map_err(read_error)? == 0 {
            break;
        }
    }
    Ok(piece)
}
