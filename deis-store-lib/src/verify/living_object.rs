//! One object of a living bucket, read as it comes: against its `ETag`, and for what it holds.

use std::io::{self, BufReader, Read};

use bytes::{Buf as _, Bytes};
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use crate::contents::Contents;
use crate::contents::registry::{self, LayerSum, beside_layer};
use crate::contents::wal_e::{self, Held, Unreadable};
use crate::error::{Error, ErrorKind, Result, Scope};
use crate::hash::Sha256;
use crate::report::in_one_line;
use crate::restorable::LARGEST_REFERENCE_BYTES;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Check, Client, ObjectKey};

/// How often an object is read that does not come whole.
const ATTEMPTS: u32 = 3;

/// What an object holds, or why that cannot be told from its bytes.
pub(super) type What = Option<std::result::Result<Held, String>>;

/// What became of an object.
pub(super) enum Fate {
    /// It was not to be read.
    Listed,
    /// It is gone since it was listed.
    Gone,
    Read(What),
    /// Its bytes are not what its `ETag` says, each time.
    Damaged(String),
    /// The gateway does not give it.
    NotGiven(String),
}

/// Reads an object to its end. An error concerns all of them.
pub(super) async fn read(
    client: &Client,
    (bucket, contents): (&BucketName, Contents),
    listed: ListedObject,
) -> Result<(ListedObject, Fate)> {
    let mut attempt = 1;
    loop {
        let error = match once(client, (bucket, contents), &listed).await {
            Ok(what) => return Ok((listed, Fate::Read(what))),
            Err(error) => error,
        };
        let fate = match error.kind() {
            _ if error.scope() == Scope::Run => return Err(error),
            ErrorKind::NotFound => Fate::Gone,
            _ if attempt < ATTEMPTS => {
                attempt += 1;
                continue;
            }
            ErrorKind::Damaged => Fate::Damaged(in_one_line(&error)),
            _ => Fate::NotGiven(in_one_line(&error)),
        };
        return Ok((listed, fate));
    }
}

async fn once(
    client: &Client,
    (bucket, contents): (&BucketName, Contents),
    listed: &ListedObject,
) -> Result<What> {
    let mut layer =
        if contents == Contents::Registry { sum_of_layer(client, bucket, &listed.key).await? } else { None };
    let mut download = client.get_listed(bucket, &listed.key).await?;
    let mut check = Check::new(download.info());
    let mut sha256 = (contents == Contents::Registry).then(sha2::Sha256::default);
    let (mut pieces, reader) = if contents == Contents::WalE {
        let (pieces, arriving) = mpsc::channel(4);
        let key = listed.key.to_string();
        let reading =
            move || wal_e::read(&key, &mut BufReader::new(Pieces { arriving, piece: Bytes::new() }));
        (Some(pieces), Some(spawn_blocking(reading)))
    } else {
        (None, None)
    };
    while let Some(piece) = download.try_next().await? {
        check.update(&piece);
        if let Some(sha256) = &mut sha256 {
            sha2::Digest::update(sha256, &piece);
        }
        if let Some(layer) = &mut layer {
            layer.update(&piece);
        }
        if let Some(to) = &pieces
            && to.send(piece).await.is_err()
        {
            // The reader knows enough: what it found is seen below.
            pieces = None;
        }
    }
    check.finish()?;
    drop(pieces);
    if let Some(sha256) = sha256 {
        let sha256 = Sha256(sha2::Digest::finalize(sha256).into());
        let wrong = registry::wrong_digest(&listed.key, Some(sha256)).or_else(|| layer?.wrong());
        return Ok(wrong.map(Err));
    }
    let Some(reader) = reader else { return Ok(None) };
    let held = reader.await.map_err(|error| {
        Error::new(ErrorKind::Internal, "the reader of an object has ended early").because(error)
    })?;
    match held {
        Ok(held) => Ok(held.map(Ok)),
        Err(Unreadable::Broken(why)) => Ok(Some(Err(why))),
        Err(Unreadable::Io(error)) => {
            Err(Error::new(ErrorKind::Internal, "pieces of an object are not read").because(error))
        }
    }
}

/// The checksum of a layer. Nothing of any other object, or if what is beside it is not given: that is said of it itself.
async fn sum_of_layer(client: &Client, bucket: &BucketName, key: &str) -> Result<Option<LayerSum>> {
    let Some(keys) = beside_layer(key) else { return Ok(None) };
    let mut read = Vec::new();
    for key in keys {
        match client.get_bytes(bucket, &ObjectKey::new(key)?).at_most(LARGEST_REFERENCE_BYTES).await {
            Ok((bytes, _)) => read.push(bytes),
            Err(error) if error.scope() == Scope::Run => return Err(error),
            Err(_) => return Ok(None),
        }
    }
    let [description, checksums] = &read[..] else { return Ok(None) };
    Ok(LayerSum::new(description, checksums))
}

/// The pieces of an object as they arrive, for a thread that waits for them.
struct Pieces {
    arriving: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.arriving.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.piece.len());
        self.piece.copy_to_slice(buffer.get_mut(..count).unwrap_or_default());
        Ok(count)
    }
}
